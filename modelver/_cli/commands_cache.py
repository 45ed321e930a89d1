"""The verb of the local copies."""

from argparse import Namespace

from modelver._bundle import cached_copies, cached_registries
from modelver._cli.cells import moment
from modelver._cli.opening import opened
from modelver._cli.output import Cell, Reply, Table, Text, size
from modelver._cli.parser import usage_error
from modelver._registry.caching import CacheInfo, clear, forget_registry, look
from modelver._registry.places import cache_bounds, cache_folder
from modelver._values.text import human_size

_CLEAR = "clear"


def cache(args: Namespace) -> Reply:
    """Show local copies, or delete them."""
    if args.action not in (None, _CLEAR):
        raise usage_error(
            f"the cache knows no {args.action[:40]!r}",
            "Write `modelver cache` to look, or `modelver cache clear REF`.",
        )
    if args.action == _CLEAR:
        return _cleared(args)
    if args.all or args.older_than is not None:
        raise usage_error(
            "--all and --older-than delete", "Write `modelver cache clear ...`."
        )
    info = look(cache_folder(args.cache), cache_bounds())
    head = ("version", "size", "files", "last used", "registry")
    table = Table(head, _rows(info), right=(1, 2), summary=_summary(info))
    return Reply(info.to_dict(), table)


def _cleared(args: Namespace) -> Reply:
    given = [args.ref is not None, args.all, args.older_than is not None]
    if sum(given) != 1:
        raise usage_error(
            "clear what?", "Give one of REF, --all and --older-than DAYS."
        )
    if args.ref is not None:
        freed = opened(args).cache.clear(args.ref)
    else:
        folders = cached_registries(cache_folder(args.cache))
        found = [copy for folder in folders for copy in cached_copies(folder)]
        freed = clear(found, args.older_than)
        for folder in folders if args.all else ():
            forget_registry(folder)
    return Reply({"freed": freed}, Text(str(freed), f"deleted {human_size(freed)}"))


def _rows(info: CacheInfo) -> list[list[Cell]]:
    return [
        [
            Cell(", ".join(version.refs) or version.manifest, style="bold"),
            size(version.size),
            Cell(str(version.files)),
            moment(version.used_at),
            Cell(registry.url or registry.uuid),
        ]
        for registry in info.registries
        for version in registry.versions
    ]


def _summary(info: CacheInfo) -> str:
    bound = "" if info.max_size is None else f" of {human_size(info.max_size)}"
    age = "" if info.max_age is None else f", kept for {info.max_age:g} days unused"
    return f"{human_size(info.size)}{bound} in {info.folder}{age}"
