"""What a hook does: after a checkout, a merge or a rebase, the pins that moved."""

import re
from collections.abc import Sequence
from pathlib import Path

from modelver._pins.find import Place, find_places
from modelver._pins.git import Git
from modelver._pins.pointer import SUFFIX
from modelver._pins.pull import Pin, Puller, each, make_puller
from modelver.errors import ModelverError

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def after(hook: str, words: Sequence[str]) -> tuple[list[Pin], list[ModelverError]]:
    """Restore what a checkout has changed.

    That is: each pointer that the two commits have differently, and each that has
    restored something here and says otherwise now, in whichever way it was changed.
    Files that Git holds as pointers are the filter's.

    Args:
        hook: Its name.
        words: What Git gives to it.

    Returns:
        What became of them, and what went wrong.
    """
    puller = make_puller(folder=Path.cwd())
    git = puller.home.git
    if git is None:
        return [], []
    every = find_places(puller.home, [])
    changed = _changed(git, hook, words)
    places = [place for place in every if not place.held]
    chosen = [p for p in places if changed is None or _moved(puller, p, changed)]
    found, errors = each(chosen, puller.pull)
    gone, more = each(puller.orphans(every), puller.remove)
    return [*found, *gone], [*errors, *more]


def _moved(puller: Puller, place: Place, changed: set[str]) -> bool:
    if puller.records.inside(place.pointer) in changed:
        return True
    try:
        return puller.is_stale(place)
    except ModelverError:
        return False  # nobody has restored it here; pull will say what is wrong


def _changed(git: Git, hook: str, words: Sequence[str]) -> set[str] | None:
    """Return the pointers in which two commits differ; None: all are new here."""
    if hook == "post-checkout" and len(words) >= 2:  # noqa: PLR2004 - old and new
        old, new = words[0], words[1]
    elif hook == "post-merge":
        old, new = "ORIG_HEAD", "HEAD"
    else:
        return set()
    if _COMMIT.fullmatch(old) and not old.strip("0"):
        return None  # a work tree or a clone that was just made
    ask = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff")
    named = [w for w in (old, new) if _COMMIT.fullmatch(w) or not w.islower()]
    if len(named) < 2 or old == new:  # noqa: PLR2004 - both
        return set()
    return set(git.listed(*ask, old, new, "--", f"*{SUFFIX}")) - {""}
