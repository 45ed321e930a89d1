"""Taken."""
