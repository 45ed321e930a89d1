"""From words to values: ``k=v``, JSON files, ``NAME=PATH``, moments.

What a value may be is decided by the desk; here only its form is read.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from modelver._values.jsonstrict import loads
from modelver._values.text import quoted
from modelver.errors import (
    AccessDeniedError,
    ErrorKind,
    FormatError,
    InvalidInputError,
    StorageError,
)

_MAX_FILE: Final = 16 * 2**20
_BOM: Final = b"\xef\xbb\xbf"
_NUMBER: Final = re.compile(
    r"[+-]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,5})?", re.ASCII
)
_SEQ: Final = re.compile(r"[0-9]{1,18}")


def read_bytes(path: str, what: str, limit: int = _MAX_FILE) -> bytes:
    """Return the bytes of a file, or of standard input where *path* is ``-``.

    Raises:
        InvalidInputError: It is missing, no file, or longer than *limit*.
        StorageError: It cannot be read.
    """
    try:
        if path == "-":
            found = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(path).open("rb") as file:
                found = file.read(limit + 1)
    except (FileNotFoundError, IsADirectoryError, ValueError) as error:
        raise InvalidInputError(
            f"{what}: there is no file {quoted(path)}",
            kind=ErrorKind.MISSING_FILE,
            hint=f"Relative paths start at {os.getcwd()!r}.",  # noqa: PTH109 - text
        ) from error
    except PermissionError as error:
        raise AccessDeniedError(f"{what}: cannot read {quoted(path)}") from error
    except OSError as error:
        raise StorageError(
            f"{what}: cannot read {quoted(path)}: {error.strerror or error}"
        ) from error
    if len(found) > limit:
        raise InvalidInputError(
            f"{what}: {quoted(path)} is longer than {limit:,} bytes",
            kind=ErrorKind.TOO_LARGE,
        )
    return found


def json_object(path: str, what: str) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        InvalidInputError: It holds anything else.
    """
    try:
        found = loads(read_bytes(path, what).removeprefix(_BOM), limit=_MAX_FILE)
    except FormatError as error:
        raise InvalidInputError(
            f"{what}: {quoted(path)} cannot be read: {error.message}",
            kind=ErrorKind.BAD_VALUE,
            hint="Give a JSON file that holds one object.",
        ) from error
    if not isinstance(found, dict):
        raise InvalidInputError(
            f"{what}: {quoted(path)} holds no JSON object",
            kind=ErrorKind.BAD_VALUE,
            hint='For instance {"auc": 0.94}.',
        )
    return found


def optional_object(path: str | None, what: str) -> dict[str, Any] | None:
    """Return the object of a JSON file, or None where none is given."""
    return None if path is None else json_object(path, what)


def _split(text: str, what: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidInputError(
            f"{what} is given as {quoted(text)}, expected KEY=VALUE",
            hint=f"For instance {what} key=value.",
        )
    return key, value


def pairs(words: Iterable[str], what: str) -> dict[str, str]:
    """Return ``k=v`` words as a mapping of texts; later ones win."""
    return dict(_split(text, what) for text in words)


def pairs_or_files(
    words: Iterable[str], what: str, read: Callable[[str, str], Any]
) -> dict[str, Any]:
    """Return what ``k=v`` words and JSON files say together; later ones win.

    Args:
        words: A word without ``=`` names a file.
        what: The option, for messages.
        read: From a key and the text of its value to the value.
    """
    found: dict[str, Any] = {}
    for text in words:
        if "=" in text:
            key, value = _split(text, what)
            found[key] = read(key, value)
        else:
            found.update(json_object(text, what))
    return found


def number(key: str, text: str) -> float:
    """Return the number that *text* is.

    Raises:
        InvalidInputError: It is none; whether it is finite is not looked at.
    """
    if not _NUMBER.fullmatch(text):
        raise InvalidInputError(
            f"the metric {quoted(key)} is given as {quoted(text)}, which is no finite "
            "number",
            kind=ErrorKind.BAD_VALUE,
            hint="Leave a metric out that could not be measured.",
        )
    return float(text)


def json_or_text(_: str, text: str) -> Any:
    """Return what *text* is as JSON, or *text* itself where it is none."""
    try:
        return loads(text.encode(), limit=_MAX_FILE)
    except (FormatError, UnicodeEncodeError):
        return text


def sources(words: list[str], what: str) -> str | Mapping[str, Path] | None:
    """Return ``[NAME=]PATH`` words as the library takes files.

    One path alone is handed on as it is: the files of a folder then stand at the
    top. A word that is a path as a whole has no name.

    Raises:
        InvalidInputError: Two of them have the same name.
    """
    named: dict[str, Path] = {}
    for text in words:
        name, equals, path = text.partition("=")
        whole = not equals or os.path.lexists(text)
        if whole and len(words) == 1:
            return text
        if whole:
            name, path = Path(text).resolve().name, text
        if name in named:
            raise InvalidInputError(
                f"{what} gives two things the name {quoted(name)}",
                kind=ErrorKind.BAD_PATH,
                hint=f"Name them: {what} one={path} two={path}.",
            )
        named[name] = Path(path)
    return named or None


def data_sources(
    copied: list[str], pinned: list[str], digested: list[str]
) -> str | Mapping[str, Any] | None:
    """Return ``[NAME=]PATH|URL`` words as the library takes data.

    Args:
        copied: Of ``--data``: kept as what they are is kept.
        pinned: Of ``--data-reference``.
        digested: Of ``--data-digest``.

    Raises:
        InvalidInputError: Two of them have the same name.
    """
    if not pinned and not digested and not any("://" in text for text in copied):
        return sources(copied, "--data")
    from modelver._values.data import Data  # noqa: PLC0415 - help must not load attrs

    found: dict[str, Data] = {}
    for words, how in ((copied, None), (pinned, "reference"), (digested, "digest")):
        for text in words:
            name, source = _named_data(text)
            if name in found:
                raise InvalidInputError(
                    f"two data are called {quoted(name)}",
                    kind=ErrorKind.BAD_PATH,
                    hint=f"Name them: one={source} two={source}.",
                )
            found[name] = Data(source, how=how)
    return found


def _named_data(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if equals and "://" not in name and not os.path.lexists(text):
        return name, source
    if "://" in text:
        return text.rstrip("/").rpartition("/")[2], text
    return Path(text).resolve().name.removesuffix(".dvc"), text


def moment(text: str) -> int | str:
    """Return the number of a commit, or the text of a time, as ``--at`` gives it."""
    return int(text) if _SEQ.fullmatch(text) else text
