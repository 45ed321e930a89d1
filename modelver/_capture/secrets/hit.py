"""Where a secret was found, and what it looks like; never the secret."""

from typing import Final

from attrs import frozen

MOST_HITS: Final = 20
"""How many hits are told of one file or one value: more say nothing new."""


@frozen(kw_only=True, order=True)
class Hit:
    """A place where something looks like a secret.

    Attributes:
        path: The file, or the place in a value: ``params.db.password``.
        line: From 1; 0 for a file as a whole and for values of one line.
        column: From 1, in bytes; 0 where that says nothing.
        what: What it looks like: ``a GitHub token``.
    """

    path: str
    line: int = 0
    column: int = 0
    what: str

    @property
    def place(self) -> str:
        """``path``, ``path:line`` or ``path:line:column``."""
        numbers = [str(n) for n in (self.line, self.column) if n]
        return ":".join([self.path, *numbers])

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"
