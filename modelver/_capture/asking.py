"""Asks libraries of others, which may fail in any way."""

from collections.abc import Callable
from typing import Any


def attempt(question: Callable[[], Any]) -> Any:
    """Return the answer, or None where asking raises."""
    try:
        return question()
    except Exception:  # noqa: BLE001 - any library, any release, any failure
        return None


def ask(thing: Any, path: str, *words: Any) -> Any:
    """Return what an attribute of *thing* says, or None where it cannot be had.

    Args:
        thing: For instance a module; None says nothing.
        path: Names with dots between: ``backends.cudnn.benchmark``. A function at the
            end is called.
        words: What it is called with.
    """
    if thing is None:
        return None
    try:
        for name in path.split("."):
            thing = getattr(thing, name)
        return thing(*words) if callable(thing) else thing
    except Exception:  # noqa: BLE001 - as above
        return None
