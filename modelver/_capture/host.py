"""Who registers, and on what machine.

None of it is part of a bundle's identity: the same bundle may be made elsewhere.
"""

import getpass
import os
import platform
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

from modelver._capture.asking import attempt
from modelver._capture.ci import capture_ci
from modelver._capture.container import capture_container
from modelver._capture.determinism import capture_determinism, capture_variables
from modelver._capture.hardware import capture_hardware
from modelver._capture.scrub import clean


def _user() -> str | None:
    try:
        return clean(getpass.getuser()) or None
    except Exception:  # noqa: BLE001 - OSError, KeyError or ImportError, by release
        return None


def default_author() -> str:
    """Return ``MODELVER_AUTHOR``, else the name of the user, else ``unknown``.

    One line of at most 200 characters; never raises.
    """
    return clean(os.environ.get("MODELVER_AUTHOR", "")) or _user() or "unknown"


def capture_run() -> dict[str, Any]:
    """Return what is known of this run; what is not known is left out.

    The keys are ``host``, ``system``, ``release``, ``machine``, ``user``, ``cpus``,
    ``libc``, ``platform``; ``hardware`` (see :func:`capture_hardware`), ``variables``
    and ``determinism``, ``container``, and those of the pipeline, if it is one (see
    :func:`capture_ci`).
    """
    user = clean(_user() or "")
    run: dict[str, Any] = _machine() | ({"user": user} if user else {})
    asked = {
        "hardware": attempt(capture_hardware),
        "variables": attempt(lambda: capture_variables(os.environ)),
        "determinism": attempt(capture_determinism),
        "container": attempt(lambda: capture_container(os.environ)),
    }
    run |= {key: said for key, said in asked.items() if said}
    return run | (attempt(lambda: capture_ci(os.environ)) or {})


@cache
def _machine() -> dict[str, Any]:
    texts = {
        "host": platform.node(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "libc": _libc(),
        "platform": attempt(sysconfig.get_platform),
    }
    run: dict[str, Any] = {k: clean(v) for k, v in texts.items() if v and clean(v)}
    cpus = os.cpu_count()
    if cpus is not None:
        run["cpus"] = cpus
    return run


def _libc() -> str | None:
    """Return ``glibc 2.36`` or ``musl``; None where there is neither."""
    if sys.platform != "linux":
        return None
    said = attempt(lambda: os.confstr("CS_GNU_LIBC_VERSION"))
    if isinstance(said, str):
        return said
    return "musl" if any(Path("/lib").glob("ld-musl-*.so.1")) else None
