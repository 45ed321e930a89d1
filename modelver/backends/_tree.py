"""Walking through the folders of any fsspec filesystem.

fsspec's own walk leaves out what it cannot list, and says nothing: a listing with holes
looks like a store from which objects are gone. Here a folder that cannot be listed is
an error, unless it is gone.
"""

from collections.abc import Mapping
from typing import Any

from modelver.backends._publish import TEMPORARY


def find(filesystem: Any, path: str) -> Mapping[str, Any]:
    """Return every file below *path* with its size.

    Names that begin with ``.tmp-`` are writers' own, and left out.

    Raises:
        Exception: What ``ls`` raises, but for folders that are not there.
    """
    found: dict[str, Any] = {}
    waiting = [path.rstrip("/")]
    while waiting:
        folder = waiting.pop()
        try:
            infos = filesystem.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            continue
        waiting += sort(infos, folder, found)
    return found


async def find_async(filesystem: Any, path: str) -> Mapping[str, Any]:
    """Do what :func:`find` does, on an asynchronous filesystem."""
    found: dict[str, Any] = {}
    waiting = [path.rstrip("/")]
    while waiting:
        folder = waiting.pop()
        try:
            infos = await filesystem._ls(folder, detail=True)  # noqa: SLF001 - fsspec's name for its coroutines
        except (FileNotFoundError, NotADirectoryError):
            continue
        waiting += sort(infos, folder, found)
    return found


def sort(infos: list[Any], folder: str, found: dict[str, Any]) -> list[str]:
    """Add the files of a listing to *found*; return its folders."""
    folders = []
    for info in infos:
        path = str(info["name"]).rstrip("/")
        if path == folder or path.rpartition("/")[2].startswith(TEMPORARY):
            continue
        if info["type"] == "directory":
            folders.append(path)
        else:
            found[path] = {"size": info.get("size") or 0}  # some do not know
    return folders
