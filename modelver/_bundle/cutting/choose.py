"""Which way of cutting suits a file: its content says so, not its name."""

from collections.abc import Callable
from typing import Final

from modelver._bundle.cutting import gguf, safetensors, zips
from modelver._bundle.cutting.content import ContentDefined
from modelver._bundle.cutting.cutter import Cutter, Range, Source, UnclearError
from modelver._bundle.cutting.planned import Planned

# An archive may have something in front of it: then only its name tells of it.
_ZIPS: Final = (".keras", ".npz", ".pt", ".pth", ".zip")


def _reader(
    path: str, size: int, head: bytes
) -> Callable[[Source], list[Range]] | None:
    if head.startswith(gguf.MAGIC):
        return gguf.tensors
    if head.startswith(zips.MAGIC):
        return zips.members
    if safetensors.looks_so(head, size):
        return safetensors.tensors
    if path.lower().endswith(_ZIPS):
        return zips.members
    return None


def cutter_for(path: str, size: int, read: Callable[[int, int], bytes]) -> Cutter:
    """Return the way to cut a file: by its structure, or else by its content.

    Headers are bounded, and believed in nothing but where to cut: whatever they say,
    the parts are the file, and one that lies only shares fewer of them.

    Args:
        path: The file's name.
        size: The file's size in bytes.
        read: ``read(start, end)`` returns those bytes of the file, fewer where it
            ends. What it raises is raised here.
    """
    ranges = _reader(path, size, read(0, 16))
    if ranges is not None:
        try:
            return Planned(ranges(Source(size, read)), size)
        except UnclearError:
            pass
    return ContentDefined(size)
