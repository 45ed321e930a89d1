"""From what a caller hands over to a list of files with their bundle paths.

Nothing is read yet but folders: every refusal comes before the first write.
"""

import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from fnmatch import translate
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from modelver._bundle.local import local_path
from modelver._values.paths import check_bundle_path
from modelver.errors import (
    AccessDeniedError,
    ErrorKind,
    InvalidInputError,
    StorageError,
)

Source = str | os.PathLike[str] | bytes
Sources = Source | Mapping[str, Source]

# Never part of a code tree: what tools make, and what must not leave the machine.
_NOT_CODE: Final = (
    ".*",
    "__pycache__",
    "*.pyc",
    "node_modules",
    "venv",
    "*.egg-info",
    "*.pem",
    "*.key",
    "*.p12",
    "*.kdbx",
    "id_rsa*",
    "id_ed25519*",
    "credentials*",
    "*.tfstate",
)
_is_no_code: Final = re.compile(
    "|".join(translate(os.path.normcase(pattern)) for pattern in _NOT_CODE)
).match


@frozen(kw_only=True)
class Item:
    """One file to be registered.

    Attributes:
        path: ``<role>/<path>`` in the bundle.
        role: The role.
        origin: Where to read it, or the bytes themselves.
        executable: Whether its owner may run it.
        info: Of the file when it was listed; None for bytes.
        group: The top-level thing it belongs to, and whether that is a folder: for
            data, one input.
        inner: The path below that folder.
    """

    path: str
    role: str
    origin: Path | bytes
    executable: bool
    info: os.stat_result | None
    group: tuple[str, bool]
    inner: str

    @property
    def size(self) -> int:
        """Bytes, as listed."""
        if self.info is not None:
            return self.info.st_size
        assert isinstance(self.origin, bytes)  # noqa: S101 - what has no info
        return len(self.origin)

    @property
    def stamp(self) -> tuple[int, int] | None:
        """(size, mtime in ns): what no writer leaves as it is; None for bytes."""
        return None if self.info is None else (self.info.st_size, self.info.st_mtime_ns)


def collect(role: str, what: Sources, *, exclude: Path | None = None) -> list[Item]:
    """List the files of one role.

    Args:
        role: ``model``, ``code``, ``data`` or ``config``.
        what: A folder, a file, or a mapping of bundle paths (below the role) to
            folders, files or bytes.
        exclude: A folder that is passed over: the registry itself.

    Raises:
        InvalidInputError: Something is missing, is no regular file, leads out of its
            folder, or has a name that cannot be in a bundle.
        StorageError: The file system refuses.
    """
    if isinstance(what, Mapping):
        items = []
        for name, source in what.items():
            if not isinstance(name, str):
                raise InvalidInputError(
                    f"the {role} mapping has the key {name!r}, which is no path",
                    kind=ErrorKind.BAD_PATH,
                )
            items += _collect_one(role, source, name, exclude)
        return items
    return _collect_one(role, what, None, exclude)


def collect_config(config: Any, *, exclude: Path | None = None) -> list[Item]:
    """List the configuration: like :func:`collect`, or a plain dict of settings.

    A mapping whose values are all bytes or path objects names files; every other
    mapping is the settings themselves, and becomes ``config/config.json`` with sorted
    keys.
    """
    if isinstance(config, Mapping) and not (
        config and all(isinstance(v, bytes | os.PathLike) for v in config.values())
    ):
        data = settings_to_json(config)
        return [_bytes_item("config", "config.json", data, "config.json")]
    return collect("config", config, exclude=exclude)


def settings_to_json(settings: Mapping[str, Any]) -> bytes:
    """Return settings as indented JSON with sorted keys.

    Raises:
        InvalidInputError: A key is no text, or a value has no JSON.
    """
    try:
        _check_keys(settings)
        text = json.dumps(
            settings,
            indent=2,
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            default=_plain,
        )
        return text.encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"the config cannot be kept as JSON: {error}",
            kind=ErrorKind.BAD_VALUE,
            hint="Pass it as a file, or keep to text, numbers, lists and dicts.",
        ) from error


def _check_keys(value: Any, depth: int = 0) -> None:
    if depth > 32:  # noqa: PLR2004 - the depth of the format's JSON
        raise InvalidInputError(
            "the config is nested deeper than 32", kind=ErrorKind.BAD_VALUE
        )
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InvalidInputError(
                    f"the config has the key {key!r}, which is no text",
                    kind=ErrorKind.BAD_VALUE,
                    hint="JSON has text keys only: write them as text.",
                )
            _check_keys(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner, depth + 1)


def _plain(value: Any) -> Any:
    """Return a NumPy scalar, or an array, as Python has it; a path as text."""
    for name in ("item", "tolist"):
        method = getattr(value, name, None)
        if callable(method):
            try:
                return method()
            except (TypeError, ValueError):
                continue
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _bytes_item(role: str, path: str, data: bytes, group: str) -> Item:
    return Item(
        path=check_bundle_path(f"{role}/{path}"),
        role=role,
        origin=data,
        executable=False,
        info=None,
        group=(group, False),
        inner=path,
    )


def _collect_one(
    role: str, source: Any, name: str | None, exclude: Path | None
) -> list[Item]:
    if isinstance(source, bytes):
        if name is None:
            raise InvalidInputError(
                f"the {role} is given as bytes without a name",
                hint="Give a mapping: {'model.bin': data}.",
            )
        return [_bytes_item(role, name, source, name)]
    if not isinstance(source, str | os.PathLike):
        raise InvalidInputError(
            f"the {role} is given as {type(source).__name__}, expected a folder, a "
            "file, or a mapping of paths to files or bytes",
            hint="Save the model to a file first, and pass its path.",
        )
    path = local_path(source, f"the {role}")
    with reading(path):
        try:
            info = path.stat()
        except FileNotFoundError:
            raise InvalidInputError(
                f"the {role} {os.fspath(path)!r} does not exist",
                kind=ErrorKind.MISSING_FILE,
                hint=f"Relative paths start at {os.getcwd()!r}.",  # noqa: PTH109 - text
            ) from None
        if stat.S_ISDIR(info.st_mode):
            return _collect_folder(role, path, name, exclude)
        # The name that the caller wrote, not the one that a link leads to.
        name = name if name is not None else _nfc(path.name)
        return [
            _file_item(role, path, name, info=info, group=(name, False), inner=name)
        ]


def _collect_folder(
    role: str, folder: Path, name: str | None, exclude: Path | None
) -> list[Item]:
    # Unlike Path.resolve, it raises nothing of its own where links go round.
    root = Path(os.path.realpath(folder))
    group = name if name is not None else _nfc(root.name) or role
    prefix = f"{name}/" if name is not None else ""
    items = [
        _file_item(
            role, path, prefix + inner, info=info, group=(group, True), inner=inner
        )
        for path, inner, info in _walk(root, role, exclude)
    ]
    if not items:
        raise InvalidInputError(
            f"the {role} folder {os.fspath(folder)!r} holds no file",
            kind=ErrorKind.MISSING_FILE,
            hint="Check the path; of a code folder, hidden files are passed over.",
        )
    return items


def _walk(
    root: Path, role: str, exclude: Path | None
) -> Iterator[tuple[Path, str, os.stat_result]]:
    waiting = [(root, "")]
    while waiting:
        folder, prefix = waiting.pop()
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            if role == "code" and _is_no_code(os.path.normcase(entry.name)):
                continue
            path = Path(entry.path)
            if exclude is not None and path == exclude:
                continue
            inner = prefix + _nfc(entry.name)
            if entry.is_dir(follow_symlinks=False):
                waiting.append((path, inner + "/"))
                continue
            if entry.is_symlink():
                path = _follow(path, root)
            yield path, inner, path.stat()


def _follow(path: Path, root: Path) -> Path:
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(root):
        raise InvalidInputError(
            f"{os.fspath(path)!r} is a link out of {os.fspath(root)!r}",
            kind=ErrorKind.UNSUPPORTED_FILE,
            hint="Copy the file into the folder, or pass a mapping that names it.",
        )
    if not target.is_file():
        raise InvalidInputError(
            f"{os.fspath(path)!r} is a link to something that is no file",
            kind=ErrorKind.UNSUPPORTED_FILE,
            hint="A bundle holds files only: copy what the link leads to.",
        )
    return target


def _file_item(
    role: str,
    path: Path,
    name: str,
    *,
    info: os.stat_result,
    group: tuple[str, bool],
    inner: str,
) -> Item:
    if not stat.S_ISREG(info.st_mode):
        raise InvalidInputError(
            f"{os.fspath(path)!r} is no regular file",
            kind=ErrorKind.UNSUPPORTED_FILE,
            hint="A bundle holds files only: no pipes, sockets or devices.",
        )
    return Item(
        path=check_bundle_path(f"{role}/{name}"),
        role=role,
        origin=path,
        executable=bool(info.st_mode & stat.S_IXUSR) and os.name != "nt",
        info=info,
        group=group,
        inner=inner,
    )


def _nfc(name: str) -> str:
    # macOS hands out decomposed names; a bundle has one spelling of each.
    return unicodedata.normalize("NFC", name)


class reading:  # noqa: N801 - used as a statement
    """Turn what the file system says about a source into modelver's errors."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, OSError) or isinstance(error, StorageError):
            return
        if isinstance(error, InvalidInputError):
            return
        what = f"cannot read {os.fspath(self._path)!r}: {error.strerror or error}"
        if isinstance(error, PermissionError):
            raise AccessDeniedError(what) from error
        if isinstance(error, FileNotFoundError):
            raise InvalidInputError(
                f"{os.fspath(error.filename or self._path)!r} vanished while its "
                "folder was read",
                kind=ErrorKind.CHANGED_DURING_READ,
                hint="Register when nothing writes there any more.",
            ) from error
        raise StorageError(what) from error
