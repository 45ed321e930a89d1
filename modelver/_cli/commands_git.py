"""The verb that lets Git restore models, and what Git runs then."""

import sys
import warnings
from argparse import Namespace
from io import BytesIO
from pathlib import Path

from modelver._cli.output import Cell, Raw, Reply, Table, Text
from modelver._cli.parser import usage_error
from modelver._pins.git import require_git
from modelver.errors import ModelverWarning

# Each is imported where it is asked for: Git waits for its filter.
_ACTIONS = ("install", "uninstall", "status")


def git(args: Namespace) -> Reply:
    """Install, uninstall, tell; or do what Git asks."""
    action, words = args.action, list(args.words)
    if action in _ACTIONS and not words:
        return _told(action)
    if action == "hook" and words:
        return _after(words[0], words[1:])
    if action == "clean" and len(words) == 1:
        from modelver._pins.cleaning import clean  # noqa: PLC0415 - see above

        said = clean(words[0], sys.stdin.buffer)
        return Reply(None, Raw(BytesIO(said), len(said), words[0]))
    if action == "smudge" and len(words) == 1:
        from modelver._pins.smudging import smudge  # noqa: PLC0415 - see above

        stream, size = smudge(words[0], sys.stdin.buffer)
        return Reply(None, Raw(stream, size, words[0]))
    raise usage_error(
        f"git knows no {action[:40]!r}, or not with these words",
        "Write `modelver git install`, `uninstall` or `status`.",
    )


def _told(action: str) -> Reply:
    from modelver._pins import hooks  # noqa: PLC0415 - see above

    found = getattr(hooks, action)(require_git(Path.cwd()))
    data = {
        "top": str(found.top),
        "hooks": str(found.hooks),
        "present": list(found.present),
        "filter": found.filter,
        "interpreter": found.interpreter,
        "works": found.works,
    }
    python = found.interpreter or "none"
    rows = [
        (Cell("repository", style="dim"), str(found.top)),
        (Cell("hooks", style="dim"), " ".join(found.present) or "none"),
        (Cell("in", style="dim"), str(found.hooks)),
        (Cell("filter", style="dim"), "installed" if found.filter else "none"),
        (
            Cell("python", style="dim"),
            python if found.works or found.interpreter is None else f"{python} (gone)",
        ),
    ]
    return Reply(data, Table(("", ""), rows, headed=(False, False)))


def _after(hook: str, words: list[str]) -> Reply:
    from modelver._pins.checkouts import after  # noqa: PLC0415 - see above

    found, errors = after(hook, words)
    for error in errors:
        text = " ".join([f"{error.message}.", *error.hints])
        warnings.warn(text, ModelverWarning, stacklevel=2)
    lines = [
        f"modelver: {pin.target} is {pin.version}"
        if pin.version
        else f"modelver: {pin.target} is {pin.state}"
        for pin in found
        if pin.state != "unchanged"
    ]
    return Reply([pin.to_dict() for pin in found], Text("\n".join(lines)))
