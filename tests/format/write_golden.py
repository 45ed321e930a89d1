"""Write the golden registries; run once for each format, by hand."""
