"""The code: its commit, its files, and what is missing of them."""

from typing import Final

from modelver._values.audit import Check
from modelver._values.ingredients.found import (
    Found,
    check,
    mapping,
    names,
    no,
    sequence,
    yes,
)

_SHORT: Final = 12


def checks(found: Found) -> list[Check]:
    """Return the checks of the code."""
    return [*_git(found), _code(found), _whole(found)]


def _git(found: Found) -> list[Check]:
    """Return the checks of the commit: there, pushed, and what was changed since."""
    code = found.bundle.code
    if code is None:
        advice = "Register from a Git work tree, in which everything is committed."
        nothing = "there is no commit that it could be told of"
        return [
            no("commit", "no commit is recorded", advice),
            no("pushed", nothing, advice),
            check("tree", "unknown", nothing, advice),
        ]
    where = f"{code.system} {code.commit[:_SHORT]}"
    return [yes("commit", where), _pushed(found), _tree(found)]


def _pushed(found: Found) -> Check:
    advice = "Push the commit before you register."
    pushed = found.run.get("git_pushed")
    if pushed is True:
        return yes("pushed", "a remote branch has the commit")
    if pushed is False:
        what = "no remote branch has the commit, so only this machine may have it"
        return no("pushed", what, advice)
    what = "it is not recorded whether a remote has the commit"
    return check("pushed", "unknown", what, advice)


def _tree(found: Found) -> Check:
    advice = "Commit your changes first; --require-clean makes that a rule."
    run = found.run
    modules = [mapping(each) for each in sequence(run.get("git_submodules"))]
    changed = [str(m.get("path")) for m in modules if m.get("dirty") is True]
    dirty = run.get("git_dirty")
    untracked = run.get("git_untracked")
    extra = type(untracked) is int and untracked > 0
    beside = f"; {untracked:,} files were untracked" if extra else ""
    if dirty is False and not changed:
        return yes("tree", f"it was clean{beside}")
    if changed:
        what = f"submodules had changes: {names(changed)}"
        return check("tree", "partly" if found.code else "no", what, advice)
    if dirty is not True:
        what = "it is not recorded whether the work tree was clean"
        return check("tree", "unknown", what, advice)
    if found.patched:
        what = f"it had changes, and their patch is kept{beside}"
        return yes("tree", what)
    if found.code:
        what = f"it had changes; the files are kept, and no patch{beside}"
        return check("tree", "partly", what, advice)
    return no("tree", f"it had changes that nobody kept{beside}", advice)


def _code(found: Found) -> Check:
    advice = "Give code='auto' (the default), or a folder: code= (--code)."
    missing = sequence(mapping(found.run.get("git_lfs")).get("missing"))
    if found.code and missing:
        listed = names([str(path) for path in missing])
        what = f"of Git LFS only the pointers were there: {listed}"
        return check("code", "partly", what, "Run git lfs pull first.")
    if found.code:
        count = len(found.code)
        return yes("code", f"{count:,} files are kept")
    if found.bundle.code is not None:
        what = "only the commit is known: its repository must outlive the version"
        return check("code", "partly", what, advice)
    return no("code", "no code is kept", advice)


def _whole(found: Found) -> Check:
    if not found.code:
        what = "there is no code that something could be left out of"
        advice = "Keep the code first."
        return check("whole", "unknown", what, advice)
    omitted = found.omitted
    if not omitted:
        return yes("whole", "nothing was left out")
    what = f"left out of the code: {names([each.path for each in omitted])}"
    advice = (
        "Keep secrets out of the work tree or out of Git's sight (.gitignore), and "
        "give large files as data= (--data)."
    )
    return no("whole", what, advice)
