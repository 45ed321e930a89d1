"""What later releases may write, and what this one makes of it."""
