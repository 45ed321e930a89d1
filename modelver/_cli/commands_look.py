"""Verbs that compare versions, trace them, and read the log."""

from argparse import Namespace
from collections.abc import Iterable

from modelver._cli import cells
from modelver._cli.failure import FAILED, OK
from modelver._cli.opening import opened
from modelver._cli.output import Cell, Reply, Table, Text
from modelver._cli.parser import usage_error
from modelver._registry.commits import Commit


def diff(args: Namespace) -> Reply:
    """Show what changed."""
    args.json = args.json or args.format == "json"
    registry = opened(args)
    found = registry.diff(args.old, args.new)
    code = FAILED if found and args.exit_code else OK
    if args.patch:
        patch = registry.get(args.old).patch(args.new)
        return Reply({**found.to_dict(), "patch": patch}, Text(patch), code)
    text = found.to_markdown() if args.format == "markdown" else str(found)
    return Reply(found.to_dict(), Text(text), code)


def compare(args: Namespace) -> Reply:
    """Show versions side by side."""
    found = opened(args).compare(args.refs)
    if args.differing:
        found = found.differing()
    rows = [
        (row.label, *("" if cell is None else str(cell) for cell in row.cells))
        for row in found.rows
    ]
    head = ("", *found.refs)
    table = Table(head, rows, headed=(True, True), drawn=str(found))
    return Reply(found.to_dict(), table)


def lineage(args: Namespace) -> Reply:
    """Show what came from what."""
    args.json = args.json or args.format == "json"
    if args.upstream and args.downstream:
        raise usage_error(
            "--upstream and --downstream exclude each other",
            "Leave both out to see both sides.",
        )
    if args.depth is not None and not (args.upstream or args.downstream):
        raise usage_error(
            "--depth is given without a direction",
            "Add --upstream or --downstream.",
        )
    found = opened(args).lineage(args.ref)
    if args.upstream:
        found = found.upstream(args.depth)
    elif args.downstream:
        found = found.downstream(args.depth)
    text = found.to_mermaid() if args.format == "mermaid" else str(found)
    return Reply(found.to_dict(), Text(text))


def used_by(args: Namespace) -> Reply:
    """List the versions that were made from something."""
    found = opened(args).used_by(args.what)
    data = [version.to_dict() for version in found]
    return Reply(data, cells.versions_table(found, "no version was made from it"))


def log(args: Namespace) -> Reply:
    """List commits."""
    found = opened(args).log(args.model, limit=args.limit, void=not args.no_void)
    return Reply([commit.to_dict() for commit in found], _commits(found))


def outcome(args: Namespace) -> Reply:
    """Tell whether a commit has landed."""
    found = opened(args).outcome(args.txid)
    if found is None:
        shown = f"{args.txid} has not landed"
        return Reply({"landed": False, "commit": None}, Text("", shown), FAILED)
    return Reply({"landed": True, "commit": found.to_dict()}, _commits([found]))


def _commits(found: Iterable[Commit]) -> Table:
    rows = [
        (
            str(commit.seq),
            cells.moment(commit.time),
            commit.author,
            _what(commit),
            commit.message or "",
        )
        for commit in found
    ]
    head = ("commit", "time", "author", "what", "message")
    return Table(head, rows, right=(0,), empty="there is no commit")


def _what(commit: Commit) -> Cell:
    what = "; ".join(commit.summary())
    if commit.void:
        return Cell(f"{what} (without effect: {commit.void})".strip(), style="red")
    return Cell(what)
