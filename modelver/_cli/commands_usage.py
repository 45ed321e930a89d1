"""The verb that tells what takes space."""

from argparse import Namespace

from modelver._cli.opening import opened, progress
from modelver._cli.output import Cell, Reply, Table, size
from modelver._values.usage import Usage


def du(args: Namespace) -> Reply:
    """Tell what models and versions take."""
    found = opened(args).stats(args.of, progress=progress(args))
    rows = [_row(each) for each in found.lines()]
    head = ("files", "size", "own", "shared", "version", "")
    return Reply(found.to_dict(), Table(head, rows, drawn=str(found)))


def _row(each: Usage) -> tuple[Cell, ...]:
    unknown = Cell("")
    withdrawn = "withdrawn" if "@" in each.name and each.withdrawn else ""
    return (
        Cell(str(each.files)),
        size(each.size),
        unknown if each.problem else size(each.own),
        unknown if each.problem else size(each.shared),
        Cell(each.name),
        Cell(each.problem or withdrawn),
    )
