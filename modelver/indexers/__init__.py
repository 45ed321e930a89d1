"""Indexes that answer searches; found by name, never imported by the rooms."""
