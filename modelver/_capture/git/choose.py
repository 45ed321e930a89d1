"""Which of the listed files can be stored, and why the others cannot."""

import os
import stat
import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from attrs import frozen

from modelver._capture.notebook import MAX_STRIPPED
from modelver._values.paths import check_bundle_path
from modelver.errors import InvalidInputError

MAX_FILE: Final = 8 * 2**20
"""Bytes of a file; a larger one is no code."""
OURS: Final = ".modelver"
"""The folder at the top of a bundle's code that holds what modelver adds to it."""
PATCH: Final = f"{OURS}/changes.patch"
"""Where the patch of a code tree lies, below a bundle's ``code/``."""

_NAMED_OURS: Final = "has a name that modelver keeps for itself"
_NO_TEXT: Final = "has a name that is no text"
_NOT_ANYWHERE: Final = "has a name that not every system can hold"
_BEHIND: Final = "lies behind a link"
_OUT: Final = "is a link out of the code"
_NOWHERE: Final = "is a link that leads to no file"
_PASSED_OVER: Final = "is a link to a file that is left out"
_NO_FILE: Final = "is no regular file"
_LARGE: Final = f"is larger than {MAX_FILE // 2**20} MiB"
_LARGE_NOTEBOOK: Final = f"is larger than {MAX_STRIPPED // 2**20} MiB"
_UNREADABLE: Final = "cannot be read"


@frozen(kw_only=True)
class Chosen:
    """A file that can be stored, or why it cannot.

    Attributes:
        size: Bytes.
        why: None: it can. A reason goes on behind the path: ``is no regular file``.
    """

    size: int = 0
    why: str | None = None


class Chooser:
    """Judges the files of one work tree by their names and what lies there."""

    def __init__(
        self,
        root: Path,
        *,
        listed: Collection[bytes],
        secret: Callable[[str], str | None],
        excluded: Sequence[str],
    ) -> None:
        self._root = os.fspath(root)
        self._listed = listed
        self._secret = secret
        self._excluded = [f"{path}/" for path in excluded]
        self._is_plain = lru_cache(maxsize=None)(self._look_behind)

    def choose(self, path: str, inner: str) -> Chosen | None:
        """Return what is to be done with a file; None where it is not there.

        Args:
            path: From the top of the work tree.
            inner: As it would be called in the bundle, below ``code/``.
        """
        why = name_fault(inner) or self._secret(inner)
        if why is not None:
            return Chosen(why=why)
        if not self._is_plain(os.path.dirname(path)):  # noqa: PTH120 - 5 times faster
            return Chosen(why=_BEHIND)
        place = os.path.join(self._root, path)  # noqa: PTH118 - same
        try:
            info = os.lstat(place)
        except OSError:
            return None
        if stat.S_ISLNK(info.st_mode):
            target = os.path.realpath(place)
            why = self._link_fault(target)
            if why is not None:
                return Chosen(why=why)
            info = os.lstat(target)
        if stat.S_ISDIR(info.st_mode):
            return None  # it was a file once: Git says deleted
        return _judge(place, info)

    def _look_behind(self, folder: str) -> bool:
        """Return whether no folder on the way is a link: Git does not follow them."""
        whole = os.path.join(self._root, folder) if folder else self._root  # noqa: PTH118 - 5 times faster
        return os.path.realpath(whole) == whole

    def _link_fault(self, target: str) -> str | None:
        if not target.startswith(self._root + os.sep):
            return _OUT
        path = os.path.relpath(target, self._root).replace(os.sep, "/")
        if not os.path.isfile(target):  # noqa: PTH113 - same
            return _NOWHERE
        left_out = f"{path}/".startswith(tuple(self._excluded))
        # What Git ignores, and its own folder, are not listed.
        if left_out or os.fsencode(path) not in self._listed:
            return _PASSED_OVER
        return self._secret(path)


def _judge(place: str, info: os.stat_result) -> Chosen:
    notebook = place.endswith(".ipynb")
    if not stat.S_ISREG(info.st_mode):
        return Chosen(why=_NO_FILE)
    if info.st_size > (MAX_STRIPPED if notebook else MAX_FILE):
        return Chosen(why=_LARGE_NOTEBOOK if notebook else _LARGE)
    if not os.access(place, os.R_OK):
        return Chosen(why=_UNREADABLE)
    return Chosen(size=info.st_size)


def name_fault(inner: str) -> str | None:
    """Return why a file cannot be called so in a bundle's code, or None."""
    try:
        inner.encode()
    except UnicodeEncodeError:
        return _NO_TEXT
    if inner.partition("/")[0] == OURS:
        return _NAMED_OURS
    try:
        check_bundle_path("code/" + unicodedata.normalize("NFC", inner))
    except InvalidInputError:
        return _NOT_ANYWHERE
    return None
