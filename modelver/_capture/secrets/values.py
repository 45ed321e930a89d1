"""Secrets in values: parameters, tags, messages, facts of a run."""

import re
from collections.abc import Mapping
from typing import Any, Final

from modelver._capture.secrets.find import find_secrets
from modelver._capture.secrets.hit import MOST_HITS, Hit
from modelver._capture.secrets.named import Kind, is_secret, kind_of

HIDDEN: Final = "***"
_DEEPEST: Final = 32
_MOST: Final = 100_000
_LONGEST_KEY: Final = 60


def find_in_value(value: Any, place: str) -> list[Hit]:
    """Return where a value holds something that looks like a secret.

    A text is secret by its shape, or by the key that it stands under: ``password``,
    ``api_key``, ``hf_token``. ``tokenizer``, ``max_tokens``, ``secret_dim`` and ``key``
    say nothing. Keys are looked at as texts, too. What is nested more than 32 deep is
    not looked at; nothing that deep can be stored.

    Args:
        value: What JSON can say.
        place: How the whole is called in the answer: ``params``.
    """
    hits: list[Hit] = []
    stack: list[tuple[str, str, object, int]] = [(place, "", value, 0)]
    for _ in range(_MOST):
        if not stack or len(hits) >= MOST_HITS:
            break
        where, key, found, depth = stack.pop()
        what = _judge(key, found)
        if what is not None:
            hits.append(Hit(path=where, what=what))
        if depth == _DEEPEST:
            continue
        if isinstance(found, list | tuple):
            # The items of a list are what the list is called.
            for number, child in enumerate(found):
                stack.append((f"{where}.{number}", key, child, depth + 1))
        elif isinstance(found, Mapping):
            for name, child in found.items():
                shown = str(name)[:_LONGEST_KEY]
                if _is_token(str(name)):
                    shown = "***"
                    hits.append(Hit(path=f"{where}.{shown}", what="a secret as a name"))
                stack.append((f"{where}.{shown}", str(name), child, depth + 1))
    return sorted(hits)


def scrub_value(value: Any, key: str = "", depth: int = 0) -> Any:
    """Return a value in which ``***`` stands for every secret, for facts of a run.

    Args:
        value: What JSON can say; tuples become lists.
        key: What it stands under.
        depth: How deep that is; what is nested too deep is left out.
    """
    if depth > _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            HIDDEN if _is_token(str(name)) else name: scrub_value(
                child, str(name), depth + 1
            )
            for name, child in value.items()
        }
    if isinstance(value, list | tuple):
        return [scrub_value(child, key, depth + 1) for child in value]
    return value if _judge(key, value) is None else HIDDEN


def _is_token(name: str) -> bool:
    return len(name) >= _LEAST_TEXT and bool(
        find_secrets(name.encode(errors="replace"), "", thorough=False)
    )


def _judge(key: str, value: object) -> str | None:
    """Return what a leaf under *key* looks like, if it is a secret."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    if isinstance(value, int):
        number = kind_of(key) is Kind.PASSWORD and len(text) >= _LEAST_DIGITS
        return "a password" if number else None
    if is_secret(key, text.strip(), strict=True):
        kind = kind_of(key)
        return "a password" if kind is Kind.PASSWORD else "a key or token"
    if len(text) < _LEAST_TEXT and not _SIGNS.search(text):
        return None
    # Line by line it is a text like any other: a note may quote a configuration.
    inner = find_secrets(text.encode(errors="replace"), ".cfg", thorough=True)
    return inner[0].what if inner else None


_LEAST_DIGITS: Final = 4
# A token has so many characters; less can only be a URL or an assignment.
_LEAST_TEXT: Final = 20
_SIGNS: Final = re.compile(r"[:=]|--")
