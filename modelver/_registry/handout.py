"""Local copies of a version's files, as ``path`` gives them."""

from pathlib import Path
from typing import Any

from modelver._registry.core import Core
from modelver._registry.progress import progressing
from modelver._values.state import VersionState


def hand_out(core: Core, version: VersionState, wanted: str, progress: Any) -> Path:
    """Return the verified local copy of a file, or of a folder, of a version.

    Args:
        core: The registry.
        version: Whose files.
        wanted: The path in the bundle; ``model/`` may be left out.
        progress: As for ``Registry.register``.
    """
    # Whether the manifest is of this bundle was checked when it was read.
    question = f"{version.bundle} {wanted}"
    known = core.cache.recall(version.manifest, question)
    if known is not None:
        return known
    reader, inner = core.reader(version), wanted
    files = reader.below(wanted) if wanted else []
    if not files or wanted in reader.manifest.by_path:
        files = [reader.find(wanted)]
        inner = files[0].path
    elif not files[0].path.startswith(f"{wanted}/"):
        inner = f"model/{wanted}"
    with progressing(progress, f"fetching {version.ref}") as told:
        root = core.cache.fetch(reader, files, told)
    core.cache.keep(version.manifest, question, inner, files)
    return root / inner
