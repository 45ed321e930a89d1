"""What a model was made from, as values: files and folders known by content."""

from collections.abc import Iterable
from pathlib import Path

from modelver._bundle.collect import Item, collect
from modelver._bundle.source import digest_item
from modelver._values.digests import digest_of
from modelver._values.manifest import FileEntry, Input


def folder_digest(files: Iterable[tuple[str, str]], algorithm: str) -> str:
    """Return the digest of a folder: of its sorted lines, a digest and a path each.

    Args:
        files: (path below the folder, digest of the bytes) of each file.
        algorithm: The registry's digest.
    """
    lines = sorted(f"{digest} {path}\n" for path, digest in files)
    return digest_of(algorithm, "".join(lines).encode())


def inputs_of(placed: Iterable[tuple[Item, FileEntry]], algorithm: str) -> list[Input]:
    """Return one input for each top-level thing, sorted by name."""
    groups: dict[tuple[str, bool], list[tuple[Item, FileEntry]]] = {}
    for item, entry in placed:
        groups.setdefault(item.group, []).append((item, entry))
    inputs = []
    for (name, is_folder), members in sorted(groups.items()):
        digest = members[0][1].digest
        if is_folder:
            files = ((item.inner, entry.digest) for item, entry in members)
            digest = folder_digest(files, algorithm)
        inputs.append(
            Input(
                name=name,
                digest=digest,
                size=sum(entry.size for _, entry in members),
                kind="folder" if is_folder else "file",
            )
        )
    return inputs


def digest_path(path: Path, algorithm: str) -> set[str]:
    """Return the digests by which a file or folder could be an input.

    Raises:
        InvalidInputError: It does not exist, or holds what no bundle can.
    """
    items = collect("data", path)
    found = [(item, digest_item(item, algorithm)) for item in items]
    if path.is_dir():
        return {folder_digest(((i.inner, digest) for i, digest in found), algorithm)}
    return {digest for _, digest in found}
