"""What lies around a registration: the code that runs, its lock files, the run itself.

Nothing here fails a registration: what cannot be taken in is left out, and told.
"""

import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelver._bundle import Item
from modelver._capture import (
    MAX_STRIPPED,
    CodeTree,
    capture_tree,
    entry_of,
    executed_cells,
    find_container_file,
    find_locks,
    given_container,
    lock_drift,
    place_of_code,
    strip_outputs,
)
from modelver._capture.experiments import capture_experiments
from modelver._capture.scrub import scrub_url
from modelver._registry.arguments import plain_json
from modelver._registry.staging import Staging
from modelver._registry.wanted import Wanted
from modelver._values.manifest import Code
from modelver._values.names import check_text
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

AUTO: Final = "auto"
VARIABLE: Final = "MODELVER_CODE"
_OFF: Final = frozenset({"0", "false", "no", "none", "off"})
_PATCH: Final = ".modelver/changes.patch"
_CELLS: Final = ".modelver/notebook.py"
# Lists in a record stay short: every reader folds them.
_MOST_TOLD: Final = 20
_OPEN: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
# What capture_tree leaves out is larger.
_MOST_AT_ONCE: Final = 8 * 2**20
_MAX_SAID: Final = 4096
_WEB: Final = frozenset({"http", "https"})


def add_code(staging: Staging, what: Any) -> Path | None:
    """List the code; return the top of its tree, where that is known.

    Args:
        staging: Takes the files and the facts.
        what: ``auto``, or as for ``Registry.register``.

    Raises:
        InvalidInputError: *what* is no path, and not ``auto``.
    """
    if what != AUTO:
        staging.add("code", what)
        place = _first_path(what)
        if place is not None:
            tell_tree(staging, capture_tree(place, files=False))
        return place if place is not None and place.is_dir() else None
    if os.environ.get(VARIABLE, "").strip().lower() in _OFF:
        return None
    place = place_of_code()
    tree = None
    if place is not None:
        given = [path for _, path in staging.given_paths()]
        root = staging.core.root
        tree = capture_tree(
            place,
            exclude=[*given, *([root] if root is not None else [])],
        )
    _add_tree(staging, tree)
    if tree is None:
        return None
    entry = entry_of(tree.root)
    if entry is not None:
        staging.run["entry"] = entry
    return tree.root


def _first_path(what: Any) -> Path | None:
    sources = what.values() if isinstance(what, Mapping) else [what]
    paths = (p for p in sources if isinstance(p, str | os.PathLike))
    return next((Path(path).expanduser() for path in paths), None)


def _add_tree(staging: Staging, tree: CodeTree | None) -> None:
    items: list[Item] = []
    if tree is not None:
        omitted = [*tree.omitted]
        for path in tree.files:
            # macOS hands out decomposed names; a bundle has one spelling of each.
            name = unicodedata.normalize("NFC", path)
            item = _item_of(name, tree.base / path)
            if item is None:
                omitted.append((path, "it cannot be read"))
            else:
                items.append(item)
        tell_tree(staging, tree, omitted)
        if tree.patch is not None:
            items.append(_bytes_item(_PATCH, tree.patch))
    cells = executed_cells()
    if cells is not None:
        items.append(_bytes_item(_CELLS, cells))
    if items:
        staging.take(items)


def _item_of(path: str, place: Path) -> Item | None:
    """Return a file of the code as it is now; None where it cannot be read.

    It is read at once: somebody may be editing it while a training run registers, and
    that is no reason to refuse the model. A notebook is kept without its outputs.
    """
    notebook = path.endswith(".ipynb")
    most = MAX_STRIPPED if notebook else _MOST_AT_ONCE
    try:
        with os.fdopen(os.open(place, _OPEN), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > most:
                return None
            data = file.read(most + 1)
    except OSError:
        return None
    if notebook:
        data = strip_outputs(data)
    if len(data) > _MOST_AT_ONCE:
        return None
    executable = bool(info.st_mode & stat.S_IXUSR) and os.name != "nt"
    return _bytes_item(path, data, executable=executable)


def _bytes_item(path: str, data: bytes, *, executable: bool = False) -> Item:
    return Item(
        path=f"code/{path}",
        role="code",
        origin=data,
        executable=executable,
        info=None,
        group=(path, False),
        inner=path,
    )


def tell_tree(
    staging: Staging,
    tree: CodeTree | None,
    omitted: Sequence[tuple[str, str]] = (),
) -> None:
    """Note where the code stands: the commit for the bundle, the rest for the run."""
    if tree is None:
        return
    if tree.commit is not None:
        staging.code = Code(commit=tree.commit)
    facts: dict[str, Any] = {
        "git_branch": tree.branch,
        "git_tag": tree.tag,
        "git_remote": tree.remote,
        "git_dirty": tree.dirty,
        "git_pushed": tree.pushed,
        "git_shallow": tree.shallow or None,
        "git_untracked": len(tree.untracked) or None,
        "git_submodules": [
            {"path": s.path, "commit": s.commit, "dirty": s.dirty}
            for s in tree.submodules[:_MOST_TOLD]
        ],
    }
    if tree.lfs:
        missing = [pointer.path for pointer in tree.lfs if not pointer.present]
        facts["git_lfs"] = {
            "files": len(tree.lfs),
            "missing": missing[:_MOST_TOLD],
        }
    staging.run.update({k: v for k, v in facts.items() if v not in (None, [])})
    for path, why in omitted:
        staging.tell_omitted(path, why)
    for warning in tree.warnings:
        staging.tell_warning(warning)


def add_locks(staging: Staging, root: Path | None) -> None:
    """Keep the lock files that lie at the top of the code, as they are."""
    if root is None:
        return
    locks = find_locks(root)
    if locks:
        staging.add("environment", {path.name: path for path in locks})
    if staging.environment is not None:
        for sentence in lock_drift(locks, staging.environment.packages):
            staging.tell_warning(sentence)


def tell_run(staging: Staging, wanted: Wanted, root: Path | None) -> None:
    """Note what was said of the run, and where in the tree it is.

    Raises:
        InvalidInputError: What was said cannot be kept.
    """
    run = staging.run
    if wanted.container is not None:
        run["container"] = {**given_container(wanted.container), "source": "caller"}
    if root is not None:
        file = find_container_file(root)
        if file is not None:
            run.setdefault("container", {})["file"] = str(file)
        here = Path.cwd()
        if here.is_relative_to(root) and here != root:
            run["folder"] = here.relative_to(root).as_posix()
    if wanted.seeds is not None:
        run["seeds"] = _seeds(wanted.seeds)
    links = capture_experiments()
    if wanted.links is not None:
        links |= _links(wanted.links)
    if links:
        run["links"] = links


def _seeds(seeds: Any) -> Any:
    made = plain_json(seeds, "the seeds", _MAX_SAID)
    every = made if isinstance(made, dict) else {"all": made}
    for name, seed in every.items():
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise InvalidInputError(
                f"the seed {quoted(name)} is {quoted(seed)}, expected a whole number",
                kind=ErrorKind.BAD_VALUE,
                hint="For instance seeds=7, or seeds={'numpy': 7, 'torch': 11}.",
            )
    return every


def _links(links: Any) -> dict[str, str]:
    if not isinstance(links, Mapping):
        raise InvalidInputError(
            f"links are given as {type(links).__name__}, expected a mapping",
            hint="For instance links={'mlflow': 'https://tracking.example/run/7'}.",
        )
    if len(links) > _MOST_TOLD:
        raise InvalidInputError(
            f"{len(links)} links are given, at most {_MOST_TOLD} are kept",
            kind=ErrorKind.TOO_LARGE,
        )
    found = {}
    for kind, url in links.items():
        scrubbed = scrub_url(str(url), schemes=_WEB)
        if scrubbed is None:
            raise InvalidInputError(
                f"the link {quoted(kind)} is no address of the web",
                kind=ErrorKind.BAD_URL,
                hint="Give an http or https URL; credentials and queries are cut off.",
            )
        found[check_text(kind, "the kind of a link", 100)] = scrubbed
    return found
