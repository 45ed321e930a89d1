"""Questions about many versions: filters, differences and tables.

The desk calls it with values that it folded; nothing here opens a registry.
"""
