"""What the machine is made of: processor, memory, graphics cards, linear algebra.

Read are ``/proc/cpuinfo``, ``/proc/driver/nvidia`` and, where it is installed,
``nvidia-smi`` for at most two seconds, once in a process. Of libraries those are asked
that are loaded already; none is imported, and none is made to start up a card.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelver._capture.asking import ask, attempt
from modelver._capture.scrub import clean

_CPUINFO: Final = Path("/proc/cpuinfo")
_NVIDIA: Final = Path("/proc/driver/nvidia")
_HEAD: Final = 4 * 2**20
_SECONDS: Final = 2.0
_MOST: Final = 16
_MIB: Final = 2**20
_FIELDS: Final = 3
_DRIVER = re.compile(r"Kernel Module\s+(?:for \S+\s+)?([0-9][0-9.]{2,20})")
_MODEL = re.compile(r"^Model:\s*(.{1,200})$", re.MULTILINE)
_QUERY: Final = (
    "--query-gpu=name,memory.total,driver_version",
    "--format=csv,noheader,nounits",
)


def capture_hardware() -> dict[str, Any]:
    """Return ``cpu cores memory gpus cuda cudnn blas``, each where it is known."""
    found = {
        "cpu": _cpu(),
        "cores": _cores(),
        "memory": _memory(),
        "gpus": _gpus(),
        **_cuda(),
        "blas": _blas(),
    }
    return _filled(found)


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""


@cache
def _processors() -> tuple[Mapping[str, str], ...]:
    """Return what the kernel says of each processor."""
    found = []
    for block in _head(_CPUINFO).split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        found.append({key.strip(): value.strip() for key, _, value in pairs})
    return tuple(found)


def _cpu() -> str:
    named = (p.get("model name") or p.get("cpu model", "") for p in _processors())
    name = next(filter(None, named), "") or attempt(platform.processor)
    return clean(name) if isinstance(name, str) else ""


def _cores() -> int | None:
    """Return how many cores there are; two threads of one core are one."""
    cores = {
        (each.get("physical id"), each["core id"])
        for each in _processors()
        if "core id" in each
    }
    return len(cores) or None


def _memory() -> int | None:
    names = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
    found = attempt(lambda: os.sysconf(names[0]) * os.sysconf(names[1]))
    return found if isinstance(found, int) and found > 0 else None


def _gpus() -> list[dict[str, Any]]:
    return [dict(each) for each in _nvidia()] or _of_torch()


@cache
def _nvidia() -> tuple[Mapping[str, Any], ...]:
    """Return NVIDIA's cards; asked once, since it may take seconds."""
    said = attempt(_ask_nvidia)
    found = tuple(_listed(said)) if isinstance(said, str) else ()
    return found or tuple(_of_kernel())


def _ask_nvidia() -> str | None:
    # A relative entry of PATH would run what lies in the folder.
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    folders = [entry for entry in entries if Path(entry).is_absolute()]
    program = shutil.which("nvidia-smi", path=os.pathsep.join(folders))
    if program is None:
        return None
    kept = ("SYSTEMROOT", "LD_LIBRARY_PATH")  # containers keep the driver apart
    done = subprocess.run(  # noqa: S603 - no word of it is foreign
        [program, *_QUERY],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C"} | {k: os.environ[k] for k in kept if k in os.environ},
        timeout=_SECONDS,
        check=True,
    )
    return done.stdout[:_HEAD].decode("utf-8", "replace")


def _listed(said: str) -> Iterator[dict[str, Any]]:
    for line in said.splitlines()[:_MOST]:
        parts = [clean(part) for part in line.split(",")]
        if len(parts) == _FIELDS and parts[0]:
            name, memory, driver = parts
            size = int(memory) * _MIB if memory.isdecimal() else None
            yield _card(name, size, driver)


def _card(name: str, memory: int | None, driver: str | None) -> dict[str, Any]:
    return _filled({"name": name, "memory": memory, "driver": driver})


def _of_kernel() -> Iterator[dict[str, Any]]:
    driver = _DRIVER.search(_head(_NVIDIA / "version"))
    try:
        cards = sorted((_NVIDIA / "gpus").iterdir())[:_MOST]
    except OSError:
        return
    for card in cards:
        model = _MODEL.search(_head(card / "information"))
        if model is not None:
            yield _card(clean(model[1]), None, driver[1] if driver else None)


def _of_torch() -> list[dict[str, Any]]:
    """Return the cards that PyTorch uses already; to ask for them would start them."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if ask(cuda, "is_initialized") is not True:
        return []
    count = ask(cuda, "device_count")
    found = []
    for number in range(min(count, _MOST) if isinstance(count, int) else 0):
        card = ask(cuda, "get_device_properties", number)
        name, memory = _text(ask(card, "name")), ask(card, "total_memory")
        if name:
            found.append(_card(name, memory if isinstance(memory, int) else None, None))
    return found


def _text(value: Any) -> str:
    """Return a text or a number as text; of anything else nothing."""
    known = isinstance(value, str | int) and not isinstance(value, bool)
    return clean(str(value)) if known else ""


def _cuda() -> dict[str, str]:
    """Return the versions of CUDA and cuDNN that a loaded framework was built for."""
    torch = sys.modules.get("torch")
    found = {"cuda": ask(torch, "version.cuda")}
    if found["cuda"] is not None:
        found["cudnn"] = ask(torch, "backends.cudnn.version")
    else:
        built = ask(sys.modules.get("tensorflow"), "sysconfig.get_build_info")
        for key in ("cuda", "cudnn"):
            found[key] = ask(built, "get", f"{key}_version")
    return {key: _text(value) for key, value in found.items()}


def _blas() -> list[dict[str, Any]]:
    """Return the libraries of linear algebra and of threads that are loaded."""
    said = ask(sys.modules.get("threadpoolctl"), "threadpool_info")
    found = []
    for each in said[:_MOST] if isinstance(said, list) else ():
        names = ("version", "num_threads", "architecture")
        name = _text(ask(each, "get", "internal_api"))
        version, threads, architecture = (ask(each, "get", key) for key in names)
        more = {"version": _text(version), "architecture": _text(architecture)}
        count = {"threads": threads if isinstance(threads, int) else None}
        if name:
            found.append({"name": name, **_filled(more | count)})
    return found or _blas_of_numpy()


def _filled(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value}


def _blas_of_numpy() -> list[dict[str, Any]]:
    said = attempt(lambda: sys.modules["numpy"].show_config("dicts"))
    for key in ("Build Dependencies", "blas"):
        said = ask(said, "get", key)
    name, version = (_text(ask(said, "get", key)) for key in ("name", "version"))
    return [_filled({"name": name, "version": version})] if name else []
