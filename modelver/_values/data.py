"""What a model was made from, as a caller names it: where it is, and how it is kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from modelver._values.manifest import HOWS
from modelver._values.names import check_text
from modelver._values.text import UNSEEN, quoted
from modelver.errors import ErrorKind, InvalidInputError

__all__ = ["KINDS", "Data", "named_digest"]

KINDS: Final = ("file", "folder", "array", "table", "model", "snapshot")
_MAX_LABEL: Final = 200
_MAX_NAME: Final = 512
_MOST: Final = 2**53
_MAX_ID: Final = 200
_NOT_ID: Final = re.compile(r"[^!-~]")


@frozen
class Data:
    """One thing that a model was made from, and how to keep it.

    ::

        registry.register("fraud", "out", data={
            "train": modelver.Data("s3://lake/train.parquet", how="reference"),
            "test": "test.csv",
        })

    Attributes:
        source: A path, a URL, a ``.dvc`` file, bytes, a DataFrame, an array, a table,
            another version (or its ref, with ``kind="model"``), or what somebody else
            calls a snapshot of it (with ``kind="snapshot"``).
        how: ``copy``: the bytes become part of the version. ``reference``: they stay
            where they are, and what they are is pinned by a checksum or a version.
            ``digest``: they are read, and only their digest is kept. None: a path is
            copied, a URL is a reference, what is in memory leaves its digest.
        split: ``train``, ``test``, ...
        license: Under which it may be used.
        rows: Where you know better than what is found out.
        columns: As *rows*.
        schema: Column to type; as *rows*.
        version: What its store calls these very bytes: a version id, a generation, a
            commit, a snapshot. Of a URL that version is read, where the store can.
        kind: ``file``, ``folder``, ``array``, ``table``, ``model`` or ``snapshot``;
            None: found out.
        name: What the input is called; in a mapping its key is the name.
        storage_options: For the store of a URL. Used, and never recorded.
    """

    source: Any
    how: str | None = field(default=None, kw_only=True)
    split: str | None = field(default=None, kw_only=True)
    license: str | None = field(default=None, kw_only=True)
    rows: int | None = field(default=None, kw_only=True)
    columns: int | None = field(default=None, kw_only=True)
    schema: Mapping[str, str] | None = field(default=None, kw_only=True, hash=False)
    version: str | None = field(default=None, kw_only=True)
    kind: str | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    storage_options: Mapping[str, Any] | None = field(
        default=None, kw_only=True, repr=False, hash=False
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what no input can be.

        Raises:
            InvalidInputError: A word that is not known, or a number that is none.
        """
        _one_of(self.how, HOWS, "how")
        _one_of(self.kind, KINDS, "kind")
        for what, limit in (
            ("split", _MAX_LABEL),
            ("license", _MAX_LABEL),
            ("version", _MAX_LABEL),
            ("name", _MAX_NAME),
        ):
            text = getattr(self, what)
            if text is not None:
                _check_line(text, f"the {what} of data", limit)
        for what in ("rows", "columns"):
            _check_count(getattr(self, what), what)
        if self.schema is not None:
            _check_schema(self.schema)


def _one_of(given: str | None, known: tuple[str, ...], what: str) -> None:
    if given is not None and given not in known:
        raise InvalidInputError(
            f"the {what} of data is given as {quoted(given)}",
            hint=f"Choose one of {', '.join(known)}.",
        )


def _check_line(text: str, what: str, limit: int) -> None:
    check_text(text, what, limit)
    if not text.strip() or UNSEEN.search(text):
        raise InvalidInputError(
            f"{what} is given as {quoted(text)}, expected one line of visible text",
            kind=ErrorKind.BAD_VALUE,
            hint="Leave out what nobody can read.",
        )


def _check_count(given: object, what: str) -> None:
    if given is not None and (type(given) is not int or not 0 <= given <= _MOST):
        raise InvalidInputError(
            f"the {what} of data are given as {quoted(given)}, expected a number from "
            "0 upwards",
            kind=ErrorKind.BAD_VALUE,
            hint=f"Leave {what} out where they are not known.",
        )


def _check_schema(schema: object) -> None:
    if not isinstance(schema, Mapping) or not all(
        isinstance(text, str) for item in schema.items() for text in item
    ):
        raise InvalidInputError(
            "the schema of data is no mapping of texts",
            kind=ErrorKind.BAD_VALUE,
            hint="For instance schema={'amount': 'float64'}.",
        )
    for name, kind in schema.items():
        check_text(name, "a column's name", _MAX_LABEL)
        check_text(kind, "a column's type", _MAX_LABEL)


def named_digest(text: str) -> str:
    """Return what stands for a digest where there is only a name: ``id:<name>``.

    What is not printable ASCII is written as ``%XX``.

    Args:
        text: What somebody else calls it: ``lakefs://repo@4f1c/train``.

    Raises:
        InvalidInputError: It is empty, or longer than 200 characters then.
    """
    check_text(text, "the name of a snapshot", 4 * _MAX_ID)
    safe = _NOT_ID.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), text)
    if not 0 < len(safe) <= _MAX_ID:
        raise InvalidInputError(
            f"the name of a snapshot is given as {quoted(text)}",
            kind=ErrorKind.BAD_VALUE,
            hint=f"Give 1 to {_MAX_ID} characters in version=.",
        )
    return f"id:{safe}"
