"""Settings as plain mappings, whichever library a program keeps them in.

Of ``argparse``, dataclasses, attrs, pydantic, OmegaConf and Hydra. None of them is
imported: a value of theirs can only be there if its library is.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from typing import Any, Final

from modelver.errors import ErrorKind, InvalidInputError

_DEEPEST: Final = 32


def plain_settings(config: Any) -> Mapping[str, Any] | None:
    """Return *config* as a mapping, where it is an object that holds settings.

    What an ``argparse.Namespace`` holds besides, functions and open files, is left out.

    Returns:
        None where it is something else: a mapping already, a path.

    Raises:
        InvalidInputError: A value of OmegaConf's cannot be resolved, or pydantic's own
            method fails.
    """
    if isinstance(config, type | str | bytes):
        return None
    found = _omegaconf(config) if _is_omegaconf(config) else _taken_apart(config)
    if not isinstance(found, Mapping):
        return None
    plain = _plain(found, 0)
    return plain if isinstance(plain, Mapping) else None


def _taken_apart(value: Any) -> Mapping[str, Any] | None:
    """Return the fields of an object that has some; None of any other."""
    argparse = sys.modules.get("argparse")
    if argparse is not None and isinstance(value, argparse.Namespace):
        return {k: v for k, v in vars(value).items() if _is_setting(v)}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name, None) for f in fields(value)}
    kind = type(value)
    if isinstance(getattr(kind, "__attrs_attrs__", None), tuple):
        return {a.name: getattr(value, a.name, None) for a in kind.__attrs_attrs__}
    if _is_pydantic(kind):
        modern = callable(getattr(value, "model_dump", None))
        return _asked(value, "model_dump" if modern else "dict")
    return None


def _is_setting(value: Any) -> bool:
    return not callable(value) and not hasattr(value, "fileno")


def _is_pydantic(kind: type) -> bool:
    """Whether it is a model of pydantic's, or one of its root class's children."""
    return any(
        each.__module__.partition(".")[0] == "pydantic" and each.__name__ == "BaseModel"
        for each in kind.__mro__
    )


def _asked(value: Any, method: str) -> Mapping[str, Any]:
    words = {"mode": "json"} if method == "model_dump" else {}
    try:
        found: Mapping[str, Any] = getattr(value, method)(**words)
    except Exception as error:
        raise _unreadable(value, error) from error
    return found


def _is_omegaconf(value: Any) -> bool:
    base = getattr(sys.modules.get("omegaconf"), "Container", None)
    return isinstance(base, type) and isinstance(value, base)


def _omegaconf(value: Any) -> Any:
    """Return what OmegaConf holds, with every reference in it resolved."""
    try:
        return sys.modules["omegaconf"].OmegaConf.to_container(
            value, resolve=True, enum_to_str=True
        )
    except Exception as error:
        raise _unreadable(value, error) from error


def _unreadable(value: Any, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"the config, a {type(value).__name__}, cannot be read: {type(error).__name__}",
        kind=ErrorKind.BAD_VALUE,
        hint="Resolve it first, and pass a plain dict.",
    )


def _plain(value: Any, depth: int) -> Any:
    """Return *value* with what is nested in it as JSON would have it."""
    if depth > _DEEPEST:
        return value  # whoever writes it refuses it
    for kinds, write in _WRITTEN:
        if isinstance(value, kinds):
            return write(value)
    if isinstance(value, set | frozenset):
        return sorted((_plain(each, depth + 1) for each in value), key=repr)
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    inner = value if isinstance(value, Mapping) else _taken_apart(value)
    if inner is None:
        return value
    return {key: _plain(each, depth + 1) for key, each in inner.items()}


_WRITTEN: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (Enum, lambda value: value.name),
    ((date, time), lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    (os.PathLike, os.fspath),
)
