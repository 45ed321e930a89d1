"""Whether this runs in a container, and in which image, as far as one is told.

A container does not know its image: somebody must say so. What is looked at: the
variables ``MODELVER_IMAGE`` and ``CI_JOB_IMAGE`` (GitLab), Podman's
``/run/.containerenv``, and, for whether it is a container at all, the marks that
container engines leave.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_IMAGE = re.compile(
    r"([a-z0-9](?:[a-z0-9._-]|:[0-9]+/|/){0,254}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?)"
    r"(?:@(sha256:[0-9a-f]{64}))?",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PODMAN = re.compile(r'^image="([^"\n]{1,500})"$', re.MULTILINE)
_ENGINES = re.compile(r"docker|kubepods|container|libpod|/lxc|garden|crio", re.ASCII)
_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))
_ENVIRONMENT: Final = Path("/run/.containerenv")
_GROUPS: Final = Path("/proc/self/cgroup")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_FILES: Final = ("Dockerfile", "Containerfile")
_HEAD: Final = 64 * 2**10


def parse_image(text: str) -> dict[str, str]:
    """Return ``image`` and, where it is said, ``digest`` of an image's reference.

    Nothing is returned for what is no reference: with credentials, or a URL.
    """
    found = _IMAGE.fullmatch(text.strip())
    if found is None:
        return {}
    return {"image": found[1]} | ({"digest": found[2].lower()} if found[2] else {})


def given_container(given: str | Mapping[str, str]) -> dict[str, str]:
    """Return what a caller says of the container: *given*, checked.

    Args:
        given: ``repo:tag@sha256:...``, or a mapping with ``image`` and ``digest``.

    Raises:
        InvalidInputError: It is no reference to an image.
    """
    found = parse_image(given) if isinstance(given, str) else _of_mapping(given)
    if not found:
        raise InvalidInputError(
            f"{quoted(given)} is no reference to a container's image",
            kind=ErrorKind.BAD_VALUE,
            hint="For instance 'registry.example/train:1.2@sha256:<64 hex digits>': "
            "the digest says which image it was, a tag can be moved.",
        )
    return {**found, "source": "caller"}


def _of_mapping(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping) or not set(given) <= {"image", "digest"}:
        return {}
    found = parse_image(str(given.get("image", "")))
    digest = given.get("digest")
    if not found or digest is None:
        return found
    right = isinstance(digest, str) and _DIGEST.fullmatch(digest)
    return found | {"digest": digest} if right else {}


def capture_container(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return ``image``, ``digest``, ``source`` and ``inside``, each where it is known.

    ``source`` is where the image's reference was found: ``MODELVER_IMAGE``,
    ``CI_JOB_IMAGE`` or ``containerenv``; ``inside`` whether this is a container.
    """
    found: dict[str, Any] = {}
    for source, text in (
        ("MODELVER_IMAGE", variables.get("MODELVER_IMAGE", "")),
        ("CI_JOB_IMAGE", variables.get("CI_JOB_IMAGE", "")),
        ("containerenv", _podman()),
    ):
        image = parse_image(text)
        if image:
            found = {**image, "source": source}
            break
    inside = _is_inside(variables)
    return found if inside is None else {**found, "inside": inside}


def find_container_file(folder: Path) -> str | None:
    """Return the name of the Dockerfile or Containerfile in a folder, or None."""
    for name in _FILES:
        try:
            if (folder / name).is_file():
                return name
        except (OSError, ValueError):
            continue
    return None


def _podman() -> str:
    found = _PODMAN.search(_head(_ENVIRONMENT))
    return "" if found is None else found[1]


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""


def _is_inside(variables: Mapping[str, str]) -> bool | None:
    """Whether this is a container; None where nobody can tell."""
    if sys.platform != "linux":
        return None
    marks = any(os.path.lexists(mark) for mark in _MARKS)
    if marks or variables.get("KUBERNETES_SERVICE_HOST") or variables.get("container"):
        return True
    if _ENGINES.search(_head(_GROUPS)):
        return True
    # With cgroups of the second kind no engine is told, but it keeps the root's layers.
    root = next((m for m in _head(_MOUNTS).splitlines() if " / / " in m), "")
    return " - overlay " in root and _ENGINES.search(root) is not None
