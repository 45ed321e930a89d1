"""Loaders of models by framework; none is built in yet."""
