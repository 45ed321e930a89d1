"""Making a version again: its environment, its run, and how near the outcome is."""
