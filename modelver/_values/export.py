"""A recorded environment as a file for other tools: text out, and nothing else.

What is stored is anybody's. It never makes a line of its own: names, versions and
addresses are checked by their characters, and every word is quoted as its format asks.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelver._values.manifest import Environment
from modelver._values.requirements import (
    comments,
    pins,
    requirements_text,
    unpinnable,
)

__all__ = ["conda_text", "dockerfile_text", "requirements_text"]

_PYTHON = re.compile(
    r"[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,3})?)?"
)
_IMAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,398}[A-Za-z0-9])?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_VALUE = re.compile(r"[A-Za-z0-9_.,:=/+-]{1,200}")
_OFFICIAL: Final = {"cpython": "python", "pypy": "pypy"}
_TAGGED: Final = (
    "# A tag can be moved: build from name@sha256:<digest> to get the same image again."
)
# A count of cards is no list of cards.
_NOT_SET: Final = frozenset({"CUDA_VISIBLE_DEVICES"})


def conda_text(environment: Environment) -> str:
    """Return an ``environment.yml``: Python from conda-forge, all else by pip.

    A text in double quotes, as JSON writes it, is the same text in YAML.
    """
    python = _python(environment)
    other = environment.implementation != "cpython"
    lines = [
        *(["# Recorded was another implementation than CPython."] if other else []),
        *comments(unpinnable(environment)),
        "channels:",
        '  - "conda-forge"',
        "dependencies:",
        f"  - {json.dumps(f'python={python}' if python else 'python')}",
        '  - "pip"',
    ]
    words = list(pins(environment).values())
    if words:
        lines += ["  - pip:", *(f"      - {json.dumps(word)}" for word in words)]
    return _text(lines)


def dockerfile_text(
    environment: Environment,
    *,
    container: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> str:
    """Return a Dockerfile of the environment, for the user to build.

    Args:
        environment: What was recorded.
        container: ``image`` and ``digest`` of the container that it was recorded in.
        variables: The environment variables that were recorded; those are set whose
            values are plain.
    """
    words = pins(environment)
    lines = [*_base(environment, container or {})]
    for name, value in sorted((variables or {}).items()):
        plain = isinstance(value, str) and _VALUE.fullmatch(value)
        if plain and _VARIABLE.fullmatch(name) and name not in _NOT_SET:
            lines.append(f"ENV {name}={json.dumps(value)}")
    if any(" @ git+" in word for word in words.values()):
        lines.append("# Some come from Git repositories: the image needs git.")
    lines += comments(unpinnable(environment))
    if words:
        command = ["python", "-m", "pip", "install", "--no-cache-dir", "--no-deps"]
        lines.append(f"RUN {json.dumps([*command, *words.values()])}")
    return _text(lines)


def _base(environment: Environment, container: Mapping[str, Any]) -> list[str]:
    image, digest = container.get("image"), container.get("digest")
    if isinstance(image, str) and _IMAGE.fullmatch(image):
        if isinstance(digest, str) and _DIGEST.fullmatch(digest):
            return [f"FROM {image}@{digest}"]
        return [_TAGGED, f"FROM {image}"]
    official = _OFFICIAL.get(environment.implementation, "python")
    tag = _python(environment)
    if tag and official == "pypy":
        tag = ".".join(tag.split(".")[:2])
    return [_TAGGED, f"FROM {official}:{tag}-slim" if tag else f"FROM {official}:slim"]


def _python(environment: Environment) -> str:
    """Return the version, where it is one that a tool of packages knows."""
    plain = _PYTHON.fullmatch(environment.python)
    return environment.python if plain is not None else ""


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
