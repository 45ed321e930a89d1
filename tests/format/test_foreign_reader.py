"""The page docs/reference/format-v1.md, followed by a reader that is not modelver."""
