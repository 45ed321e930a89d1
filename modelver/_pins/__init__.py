"""Model versions pinned in a Git repository by small files that name their bytes."""
