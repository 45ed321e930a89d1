"""Random histories of one registry, compared with a model of plain dictionaries."""
