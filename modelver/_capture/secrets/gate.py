"""What is left out, what is let through, and the refusal of everything else."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from typing import Final

from modelver._capture.secrets.hit import Hit
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_MOST_SHOWN: Final = 10
_MOST_PATTERNS: Final = 1000
_LONGEST_PATTERN: Final = 1000
_ROLES: Final = ("model", "code", "data", "config", "environment", "docs")

HINT: Final = (
    "Take it out, or leave the file out with omit=[...]; what is no secret is let "
    "through with allow=[...], both by path as above. A key that others may have seen "
    "must be rotated: change it where it was made."
)


class Pattern:
    """A pattern of paths, as ``.gitignore`` writes them.

    Without a slash it fits the name of any file or folder, and everything in that
    folder: ``*.csv``, ``fixtures``. With one it begins at the top of what was given, or
    at the role: ``tests/keys/*``, ``code/tests/keys/*``. ``**`` is any number of
    folders. For places in values it fits the whole: ``params.token``, ``params.*``.
    """

    def __init__(self, text: str) -> None:
        """Read one.

        Raises:
            InvalidInputError: It is empty or too long, or would let everything through.
        """
        parts = text.strip().strip("/").split("/")
        if not any(parts) or len(text) > _LONGEST_PATTERN:
            raise InvalidInputError(
                f"{quoted(text[:80])} is no pattern of paths",
                hint="Write it as in .gitignore: 'tests/keys/*', '*.pem', "
                "'params.token'.",
            )
        self.text = text
        self._anchored = "/" in text.strip().rstrip("/")
        self._parts = [None if p == "**" else re.compile(translate(p)) for p in parts]

    def fits(self, path: str) -> bool:
        """Return whether a file at *path*, or a folder above it, is meant."""
        parts = path.split("/")
        if not self._anchored:
            (part,) = self._parts
            return any(part is None or part.match(name) for name in parts)
        inner = parts[1:] if parts[0] in _ROLES else []
        return self._leads(parts) or self._leads(inner)

    def _leads(self, names: Sequence[str]) -> bool:
        """Return whether the pattern fits *names* or a folder above.

        By the positions that it may have reached, so that ``**`` never goes back.
        """
        reached = self._past_stars({0})
        for name in names:
            following = set()
            for at in reached:
                part = self._parts[at]
                if part is None:
                    following.add(at)
                elif part.match(name):
                    following.add(at + 1)
            reached = self._past_stars(following)
            if len(self._parts) in reached:
                return True
            if not reached:
                return False
        return False

    def _past_stars(self, reached: set[int]) -> set[int]:
        for at in sorted(reached):
            while at < len(self._parts) and self._parts[at] is None:
                at += 1  # noqa: PLW2901 - it walks on from where it was
                reached.add(at)
        return reached


def patterns_of(given: str | Iterable[str], what: str) -> list[Pattern]:
    """Return the patterns of an argument: one, or several.

    Raises:
        InvalidInputError: One of them is none, or there are too many.
    """
    texts = [given] if isinstance(given, str) else list(given)
    if len(texts) > _MOST_PATTERNS or not all(isinstance(t, str) for t in texts):
        raise InvalidInputError(
            f"{what} is not a list of at most {_MOST_PATTERNS} patterns of paths",
            hint=f"Write {what}=['tests/keys/*', '*.pem'].",
        )
    return [Pattern(text) for text in texts]


class Gate:
    """Lets nothing through that looks like a secret, unless it was told to.

    Attributes:
        omitted: The paths that were left out, in order.
        allowed: The patterns that let something through, in order.
    """

    def __init__(
        self, *, omit: str | Iterable[str] = (), allow: str | Iterable[str] = ()
    ) -> None:
        """Make one.

        Args:
            omit: Files that are left out.
            allow: Files and places in which secrets are no secrets.

        Raises:
            InvalidInputError: A pattern is none.
        """
        self._omit = patterns_of(omit, "omit")
        self._allow = patterns_of(allow, "allow")
        self.omitted: list[str] = []
        self.allowed: list[str] = []

    def omits(self, path: str) -> bool:
        """Return whether a file is to be left out, and remember that it was."""
        if not any(pattern.fits(path) for pattern in self._omit):
            return False
        if path not in self.omitted:
            self.omitted.append(path)
        return True

    def allows(self, place: str) -> bool:
        """Return whether secrets may stand at *place*, and remember who said so."""
        for pattern in self._allow:
            if pattern.fits(place):
                if pattern.text not in self.allowed:
                    self.allowed.append(pattern.text)
                return True
        return False

    def check(self, hits: Iterable[Hit], *, hint: str = HINT) -> None:
        """Refuse everything that was found and is not allowed.

        Args:
            hits: What was found.
            hint: What to do about it.

        Raises:
            InvalidInputError: There is some (kind SECRET). It names the places, and
                never a value.
        """
        left = [hit for hit in hits if not self.allows(hit.path)]
        if not left:
            return
        shown = "; ".join(
            f"{quoted(hit.place)} ({hit.what})" for hit in left[:_MOST_SHOWN]
        )
        more = len(left) - _MOST_SHOWN
        also = f"; and {more} more" if more > 0 else ""
        looks = (
            "this looks like a secret" if len(left) == 1 else "these look like secrets"
        )
        raise InvalidInputError(
            f"{looks}, and a registry never forgets: {shown}{also}",
            kind=ErrorKind.SECRET,
            hint=hint,
            places=[hit.place for hit in left],
        )
