"""The command line: a thin layer over the public API, one verb for each method.

Started by ``modelver`` and by ``python -m modelver``. It turns words into arguments,
answers into text and errors into exit codes, and knows nothing else: what a verb does
is decided by the desk.
"""

from modelver._cli.program import main

__all__ = ["main"]
