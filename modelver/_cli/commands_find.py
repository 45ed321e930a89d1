"""Verbs that find versions and aliases."""

from argparse import Namespace
from typing import Any

from modelver._cli import cells
from modelver._cli.opening import opened
from modelver._cli.output import Cell, Reply, Table, Text
from modelver._registry.registry import Registry
from modelver.errors import NotFoundError


def models(args: Namespace) -> Reply:
    """List the models."""
    registry = opened(args)
    data: list[dict[str, Any]] = []
    rows = []
    for name in registry.models():
        found = registry.versions(name)
        last = found[-1].version if found else None
        best = _latest(registry, name)
        held = registry.aliases(name)
        data.append(
            {
                "name": name,
                "versions": len(found),
                "latest": best,
                "newest": last,
                "aliases": held,
            }
        )
        shown = " ".join(f"{alias}={version}" for alias, version in held.items())
        rows.append(
            (
                Cell(name, style="bold"),
                str(len(found)),
                best or "",
                last or "",
                Cell(shown, style="green"),
            )
        )
    head = ("name", "versions", "latest", "newest", "aliases")
    return Reply(data, Table(head, rows, right=(1,), empty="there is no model yet"))


def _latest(registry: Registry, name: str) -> str | None:
    try:
        return registry.get(name).version
    except NotFoundError:  # pre-releases alone, or all of them withdrawn
        return None


def versions(args: Namespace) -> Reply:
    """List the versions of a model."""
    found = opened(args).versions(args.name, withdrawn=args.withdrawn)
    empty = f"every version of {args.name} is withdrawn: --withdrawn lists them"
    data = [version.to_dict() for version in found]
    return Reply(data, cells.versions_table(found, empty))


def get(args: Namespace) -> Reply:
    """Show a version."""
    version = opened(args).get(args.ref)
    return Reply(version.to_dict(), cells.version_table(version))


def resolve(args: Namespace) -> Reply:
    """Print the exact ref."""
    ref = opened(args).resolve(args.ref)
    return Reply({"ref": ref}, Text(ref))


def search(args: Namespace) -> Reply:
    """List the versions that match."""
    found = opened(args).search(
        args.filter,
        model=args.model,
        order_by=args.order_by or None,
        limit=args.limit,
    )
    asked = " ".join(filter(None, [args.filter, *args.order_by]))
    data = [version.to_dict() for version in found]
    return Reply(data, cells.versions_table(found, "no version matches", asked))


def aliases(args: Namespace) -> Reply:
    """List aliases."""
    registry = opened(args)
    names = registry.models() if args.name is None else [args.name]
    data = [
        {"name": name, "alias": alias, "version": version, "ref": f"{name}@{version}"}
        for name in names
        for alias, version in registry.aliases(name).items()
    ]
    rows = [
        (Cell(f"{d['name']}@{d['alias']}", style="green"), Cell(d["ref"], style="bold"))
        for d in data
    ]
    return Reply(data, Table(("alias", "ref"), rows, empty="there is no alias"))


def alias_history(args: Namespace) -> Reply:
    """List the moves of an alias."""
    moves = opened(args).alias_history(args.name, args.alias)
    keys = ("seq", "time", "kind", "version", "previous", "author", "reason")
    data = [{key: getattr(move, key) for key in keys} for move in moves]
    rows = [
        (
            str(move.seq),
            cells.label(move.time),
            move.kind,
            Cell(move.version or "", style="bold"),
            move.previous or "",
            move.author,
            move.reason or "",
        )
        for move in moves
    ]
    head = ("commit", *keys[1:])
    empty = f"{args.name}@{args.alias} was never set"
    return Reply(data, Table(head, rows, right=(0,), empty=empty))
