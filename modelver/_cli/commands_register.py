"""The verb that registers."""

from argparse import Namespace
from typing import Any

from modelver._cli.opening import opened, progress
from modelver._cli.output import Reply, Text
from modelver._cli.words import (
    json_or_text,
    number,
    optional_object,
    pairs,
    pairs_or_files,
    sources,
)


def register(args: Namespace) -> Reply:
    """Register files as a new version."""
    given: dict[str, Any] = {
        "params": pairs_or_files(args.params, "--params", json_or_text),
        "metrics": pairs_or_files(args.metrics, "--metrics", number),
        "slices": optional_object(args.slices, "--slices"),
        "tags": pairs(args.tag, "--tag"),
        "code": sources(args.code, "--code"),
        "data": sources(args.data, "--data"),
        "config": sources(args.config, "--config"),
        "docs": sources(args.docs, "--docs"),
    }
    files = sources(args.files, "the model")
    registry = opened(args)
    before = registry.seq
    version = registry.register(
        args.name,
        files,
        version=args.version,
        bump=args.bump,
        pre=args.pre,
        description=args.description,
        parents=args.parent,
        aliases=args.alias,
        message=args.message,
        environment=not args.no_environment,
        rehash=args.rehash,
        progress=progress(args),
        **given,
    )
    made = version.seq > before
    why = version.bump_reason if made else "the same bundle is registered already"
    shown = f"{version.ref}  {why or ''}".rstrip()
    return Reply({**version.to_dict(), "created": made}, Text(version.ref, shown))
