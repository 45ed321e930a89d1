"""Registries of earlier releases say what they said."""
