"""What went wrong: its exit code, and how it is told on standard error."""

import json
import os
import sys
import traceback
from typing import Any, Final, TextIO

from modelver._cli.annotations import annotate
from modelver._values.text import term_safe
from modelver.errors import (
    AlreadyExistsError,
    AmbiguousRefError,
    ConflictError,
    ErrorKind,
    FormatError,
    IntegrityError,
    InternalError,
    InvalidInputError,
    ModelverError,
    NotFoundError,
    ReadOnlyError,
    UpgradeRequiredError,
)

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
CONFLICT: Final = 4
DAMAGE: Final = 5
ENVIRONMENT: Final = 6
INTERRUPTED: Final = 130
NO_READER: Final = 141

# The first that fits: UpgradeRequiredError is a FormatError, and nothing is damaged.
_CODES: Final[tuple[tuple[type[ModelverError], int], ...]] = (
    (UpgradeRequiredError, ENVIRONMENT),
    (InvalidInputError, USAGE),
    (ReadOnlyError, USAGE),
    (NotFoundError, NOT_FOUND),
    (AlreadyExistsError, CONFLICT),
    (ConflictError, CONFLICT),
    (AmbiguousRefError, CONFLICT),
    (IntegrityError, DAMAGE),
    (FormatError, DAMAGE),
)

# What a job is stopped for on purpose; other errors are often expected by a script.
_REFUSED: Final = frozenset({ErrorKind.REQUIREMENT, ErrorKind.SECRET})

_COLOURS: Final = {"error": "1;31", "warning": "1;33"}


def code_of(error: ModelverError) -> int:
    """Return the exit code of an error."""
    return next((code for cls, code in _CODES if isinstance(error, cls)), ENVIRONMENT)


def has_colour(stream: TextIO, *, wanted: bool) -> bool:
    """Return whether *stream* is a terminal that may be coloured."""
    if not wanted or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    # An old Windows console shows the codes themselves.
    return stream.isatty() and (os.name != "nt" or "WT_SESSION" in os.environ)


def as_ours(error: Exception) -> ModelverError:
    """Return *error* itself, or the bug that an error of another kind is."""
    if isinstance(error, ModelverError):
        return error
    said = f"{type(error).__name__}: {error}"[:500]
    return InternalError(
        f"something went wrong that modelver did not expect: {said}",
        kind=ErrorKind.BUG,
        hint="This is a bug: please report it with what MODELVER_DEBUG=1 shows.",
    )


class Teller:
    """Tells errors and warnings on standard error, as text or as lines of JSON."""

    def __init__(self, *, json: bool, colour: bool) -> None:
        self._json = json
        self._colour = colour

    def error(self, error: Exception) -> int:
        """Tell what went wrong, and return the exit code."""
        if os.environ.get("MODELVER_DEBUG", "") not in ("", "0"):
            trace = "".join(traceback.format_exception(error))
            self._write(term_safe(trace, multiline=True))
        ours = as_ours(error)
        if self._json:
            self._document(
                {
                    "error": type(ours).__name__,
                    "kind": str(ours.kind),
                    "message": ours.message,
                    "hints": list(ours.hints),
                    "facts": ours.facts,
                }
            )
        else:
            self._line("error", ours.message)
            # A filter is the caller's own text, and a caret points into it.
            own = ours.kind == ErrorKind.BAD_FILTER
            for hint in ours.hints:
                shown = term_safe(hint, multiline=own).replace("\n", "\n  ")
                self._write(f"  {shown}\n")
            if ours.kind in _REFUSED:
                annotate("error", [(ours.message, "\n".join(ours.hints))])
        return code_of(ours)

    def warning(self, name: str, message: str) -> None:
        """Tell what the user should know, though the verb goes on."""
        if self._json:
            self._document({"warning": name, "message": message})
        else:
            self._line("warning", message)

    def text(self, text: str) -> None:
        """Tell text of our own."""
        self._write(text)

    def _document(self, said: dict[str, Any]) -> None:
        self._write(json.dumps(said, default=str) + "\n")

    def _line(self, label: str, message: str) -> None:
        start = f"{label}:"
        if sys.stderr is not None and has_colour(sys.stderr, wanted=self._colour):
            start = f"\x1b[{_COLOURS[label]}m{start}\x1b[0m"
        self._write(f"modelver: {start} {term_safe(message)}\n")

    def _write(self, text: str) -> None:
        if sys.stderr is None:
            return
        encoding = sys.stderr.encoding or "utf-8"
        try:
            sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stderr.flush()
        except OSError:
            return  # nobody listens; the exit code still says it
