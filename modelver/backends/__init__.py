"""Stores, one module for each kind, reached by URL scheme through entry points."""
