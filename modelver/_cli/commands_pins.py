"""Verbs that pin versions, and restore and move what is pinned."""

from argparse import Namespace
from collections.abc import Sequence

from modelver._cli.failure import FAILED, OK
from modelver._cli.opening import opened, progress
from modelver._cli.output import Cell, Reply, Table
from modelver._pins.moving import update_all
from modelver._pins.pinning import pin as pin_version
from modelver._pins.pull import Pin, Puller, make_puller, pull_all
from modelver._registry.registry import Registry

_STYLES = {"restored": "green", "missing": "yellow", "changed": "red", "left": "red"}


def pin(args: Namespace) -> Reply:
    """Pin a version."""
    found = pin_version(
        args.ref,
        args.folder,
        registry=opened(args),
        roles=args.role or ("model",),
        file=args.file,
        name=getattr(args, "as"),
        hold=args.hold,
        lock=args.lock,
        force=args.force,
        progress=progress(args),
    )
    return Reply(found.to_dict(), _table([found]))


def pull(args: Namespace) -> Reply:
    """Restore what is pinned."""
    found = pull_all(_puller(args, force=args.force), args.paths, check=args.check)
    differs = args.check and any(pin.differs for pin in found)
    data = [pin.to_dict() for pin in found]
    return Reply(data, _table(found), FAILED if differs else OK)


def update(args: Namespace) -> Reply:
    """Move pins."""
    puller = _puller(args, force=args.force)
    found = update_all(puller, args.names, dry_run=args.dry_run)
    moved = [move for move in found if move.moved]
    rows = [
        (
            Cell(move.path, style="bold"),
            move.old,
            Cell(move.new, style="green"),
            move.ref,
        )
        for move in moved
    ]
    table = Table(
        ("pin", "from", "to", "ref"), rows, empty="every pin is what its ref means"
    )
    data = [move.to_dict() for move in found]
    return Reply(data, table, FAILED if args.dry_run and moved else OK)


def _puller(args: Namespace, *, force: bool) -> Puller:
    """Return what restores; only a registry that was named stands for all others."""
    registry = None
    if args.registry:
        registry = Registry(args.registry, read_only=True, cache=args.cache)
    return make_puller(
        registry=registry,
        trust=args.trust,
        cache=args.cache,
        force=force,
        progress=progress(args),
    )


def _table(found: Sequence[Pin]) -> Table:
    rows = [
        (
            Cell(pin.path, style="bold"),
            pin.version,
            Cell(pin.state, style=_STYLES.get(pin.state, "dim")),
            pin.ref,
        )
        for pin in found
    ]
    head = ("pin", "version", "state", "ref")
    return Table(head, rows, empty="there are no pointers here")
