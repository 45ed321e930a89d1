"""The verb that registers."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from modelver._cli.opening import opened, progress
from modelver._cli.output import Reply, Text
from modelver._cli.parser import usage_error
from modelver._cli.words import (
    data_sources,
    json_or_text,
    number,
    optional_object,
    pairs,
    pairs_or_files,
    sources,
)
from modelver._values.text import quoted


def register(args: Namespace) -> Reply:
    """Register files as a new version."""
    given: dict[str, Any] = {
        "params": pairs_or_files(args.params, "--params", json_or_text),
        "metrics": pairs_or_files(args.metrics, "--metrics", number),
        "slices": optional_object(args.slices, "--slices"),
        "tags": pairs(args.tag, "--tag"),
        "code": _code(args.code),
        "data": data_sources(args.data, args.data_reference, args.data_digest),
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
        require=args.require,
        require_clean=args.require_clean,
        progress=progress(args),
        **_made_by(args),
        **given,
    )
    made = version.seq > before
    why = version.bump_reason if made else "the same bundle is registered already"
    shown = f"{version.ref}  {why or ''}".rstrip()
    return Reply({**version.to_dict(), "created": made}, Text(version.ref, shown))


def _code(words: list[str]) -> Any:
    """Return what was given; nothing: automatic; ``none``: no code."""
    if not words:
        return "auto"
    return None if words == ["none"] else sources(words, "--code")


def _made_by(args: Namespace) -> dict[str, Any]:
    """Return what was said of how it was made."""
    outputs: dict[str, Any] = dict(pairs(args.output, "--output"))
    metrics = [text for text in args.metrics if "=" not in text and text != "-"]
    if args.command is not None and metrics:
        outputs.setdefault("metrics", metrics)
    return {
        "command": args.command,
        "outputs": outputs or None,
        "tolerance": _numbers(args.tolerance, "--tolerance", float),
        "seeds": _numbers(args.seed, "--seed", int),
        "container": args.container,
        "links": pairs(args.link, "--link") or None,
        "omit": args.omit,
        "allow": args.allow,
    }


def _numbers(words: list[str], what: str, read: Callable[[str], Any]) -> Any:
    """Return ``[KEY=]NUMBER`` words: a mapping, one number alone, or None."""
    if not words:
        return None
    try:
        if len(words) == 1 and "=" not in words[0]:
            return read(words[0])
        return {key: read(value) for key, value in pairs(words, what).items()}
    except ValueError as error:
        raise usage_error(
            f"{what} is given as {quoted(' '.join(words))}",
            f"Give a number, or KEY=NUMBER: {what} auc=0.01.",
        ) from error
