"""Which release this is: the build, the entries and the records read it here.

A constant and not a metadata lookup, so that the import stays cheap and a copied
folder still knows its release.
"""

__all__ = ["TOOL", "__version__"]

__version__ = "0.1.0"

TOOL = f"modelver/{__version__}"
