"""Pointer files: what Git keeps in place of a version's bytes.

A pointer does not say where the bytes go: they go beside it, under its own name
without ``.mv.json``. So there is no path in it that could lead elsewhere. It comes
with a repository, and is read as what a stranger wrote.
"""

import json
import re
from collections.abc import Mapping
from shlex import quote
from typing import Any, Final, NoReturn, cast

from attrs import evolve, field, frozen

from modelver._values.digests import is_digest
from modelver._values.jsonstrict import MAX_INTEGER, loads
from modelver._values.manifest import ROLES
from modelver._values.paths import check_bundle_path
from modelver._values.ref import Ref
from modelver._values.semver import is_version
from modelver._values.text import UNSEEN, quoted
from modelver._values.url import scheme_of
from modelver.errors import (
    ErrorKind,
    FormatError,
    InvalidInputError,
    UpgradeRequiredError,
)

SUFFIX: Final = ".mv.json"
FORMAT: Final = 1
MAX_POINTER: Final = 16 * 1024
"""The longest pointer, in bytes."""

_UUID = re.compile(r"[0-9a-f]{32}")
_CONFLICT = re.compile(rb"^(?:<{7}|={7}|>{7})(?: |$)", re.MULTILINE)


@frozen(kw_only=True)
class Pointer:
    """One pin: which version's bytes belong here.

    Attributes:
        registry: Its address as written: a URL, a folder, or a folder seen from the
            pointer's own.
        uuid: Which registry that is, wherever it lies.
        ref: As it was asked for: ``fraud@^1.2``.
        version: The exact number that it meant.
        digest: The bundle's identity.
        roles: Whose files are restored.
        file: The one file that is restored; None: all of the roles.
        content: The digest of that file.
        size: Its bytes.
        more: Fields of later releases; they are kept.
    """

    registry: str
    uuid: str
    ref: str
    version: str
    digest: str
    roles: tuple[str, ...] = ("model",)
    file: str | None = None
    content: str | None = None
    size: int | None = None
    more: Mapping[str, Any] = field(factory=dict)

    @property
    def name(self) -> str:
        """The model."""
        return cast("str", Ref.parse(self.ref).name)

    @property
    def exact(self) -> str:
        """The exact ref: ``fraud@1.4.0``."""
        return f"{self.name}@{self.version}"

    @property
    def same(self) -> tuple[str, tuple[str, ...], str | None]:
        """What two pointers have in common that restore the same bytes."""
        return self.digest, self.roles, self.file

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        said: dict[str, Any] = {
            **self.more,
            "digest": self.digest,
            "format": FORMAT,
            "ref": self.ref,
            "registry": self.registry,
            "uuid": self.uuid,
            "version": self.version,
        }
        if self.file is not None:
            said |= {"file": self.file, "content": self.content, "size": self.size}
        elif self.roles != ("model",):
            said["roles"] = list(self.roles)
        return said

    def dump(self) -> bytes:
        """Return the text of the file: one field a line, so that Git can merge it."""
        text = json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False)
        return f"{text}\n".encode()

    def moved_to(self, other: "Pointer") -> "Pointer":
        """Return *other* with the fields of later releases that this one has."""
        return evolve(other, more=self.more)


_KNOWN: Final = frozenset(
    {
        *("content", "digest", "file", "format", "ref"),
        *("registry", "roles", "size", "uuid", "version"),
    }
)


def has_conflict(raw: bytes) -> bool:
    """Whether Git has left the marks of a merge conflict."""
    return _CONFLICT.search(raw) is not None


def parse(raw: bytes, where: str) -> Pointer:
    """Read a pointer.

    Args:
        raw: The file's bytes, at most :data:`MAX_POINTER`.
        where: The file, for messages.

    Raises:
        FormatError: It is none.
        UpgradeRequiredError: It is of a later format.
    """
    if has_conflict(raw):
        raise FormatError(
            f"{where} holds a merge conflict",
            hint=f"Take a side: git checkout --theirs -- {quote(where)} (or --ours). "
            "Or pin again: modelver pin REF FOLDER.",
            path=where,
        )
    try:
        return read_pin(loads(raw, limit=MAX_POINTER), where)
    except UpgradeRequiredError:
        raise
    except (FormatError, InvalidInputError) as error:
        raise FormatError(
            f"{where} is no pointer file: {error.message}",
            kind=ErrorKind.MALFORMED,
            hint="Take it from another commit, or pin again: modelver pin REF FOLDER.",
            path=where,
        ) from error


def maybe(raw: bytes, where: str) -> Pointer | None:
    """Return the pointer that bytes are; None where they are something else."""
    if len(raw) > MAX_POINTER or not raw.startswith(b"{"):
        return None
    try:
        return parse(raw, where)
    except FormatError:
        return None


def read_pin(said: Any, where: str) -> Pointer:
    """Return the pin that parsed JSON is.

    Raises:
        FormatError: It is none.
        InvalidInputError: A value in it cannot be one.
        UpgradeRequiredError: It is of a later format.
    """
    if not isinstance(said, dict):
        _no("it is no JSON object")
    found = said.get("format", None)
    if type(found) is not int or found < 1:
        _no("its format is no number")
    if found > FORMAT:
        raise UpgradeRequiredError(
            f"{where} is of format {found}, this release knows {FORMAT}",
            hint="Upgrade modelver.",
            path=where,
        )
    pointer = Pointer(
        registry=check_registry(_text(said, "registry")),
        uuid=_text(said, "uuid"),
        ref=_text(said, "ref"),
        version=_text(said, "version"),
        digest=_text(said, "digest"),
        roles=_roles(said.get("roles", ["model"])),
        file=_file(said),
        more={key: value for key, value in said.items() if key not in _KNOWN},
    )
    _check(pointer)
    if pointer.file is None:
        return pointer
    content, size = _text(said, "content"), said.get("size")
    if not is_digest(content):
        _no("its content is no digest")
    if type(size) is not int or not 0 <= size <= MAX_INTEGER:
        _no("its size is no number of bytes")
    return evolve(pointer, content=content, size=size)


def _check(pointer: Pointer) -> None:
    if not _UUID.fullmatch(pointer.uuid):
        _no("its uuid has not 32 hex digits")
    if Ref.parse(pointer.ref).name is None:
        _no("its ref names no model")
    if not is_version(pointer.version):
        _no("its version is no exact number")
    if not is_digest(pointer.digest):
        _no("its digest is none")


def check_registry(text: str) -> str:
    """Return the address of a registry, if it is one that a pointer may hold.

    Raises:
        InvalidInputError: It holds credentials, or chains filesystems.
        FormatError: It holds what cannot be seen.
    """
    if UNSEEN.search(text):
        _no("its registry holds characters that cannot be seen")
    scheme_of(text)
    return text


def _no(why: str) -> NoReturn:
    raise FormatError(why, kind=ErrorKind.MALFORMED)


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value:
        _no(f"its {key} is no text")
    return value


def _roles(said: Any) -> tuple[str, ...]:
    if not isinstance(said, list) or not said:
        _no("its roles are no list")
    unknown = [role for role in said if role not in ROLES]
    if unknown or len(set(said)) < len(said):
        _no(f"its roles are not some of {', '.join(ROLES)}")
    return tuple(said)


def _file(said: Mapping[str, Any]) -> str | None:
    if said.get("file") is None:
        return None
    path = check_bundle_path(_text(said, "file"))
    role, slash, _ = path.partition("/")
    if role not in ROLES or not slash:
        _no(f"its file {quoted(path)} begins with no role")
    return path
