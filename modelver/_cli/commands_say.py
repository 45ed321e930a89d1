"""Verbs that move aliases and say something of a version; one commit each."""

from argparse import Namespace
from typing import Literal

from modelver._cli.judged import gate_reply
from modelver._cli.opening import opened
from modelver._cli.output import Reply, Text
from modelver._cli.words import (
    number,
    optional_object,
    pairs,
    pairs_or_files,
    read_bytes,
)
from modelver._registry.registry import Registry
from modelver._registry.version import ModelVersion
from modelver.errors import InvalidInputError

_MAX_NOTE = 2**20


def _about(version: ModelVersion, what: str) -> Reply:
    return Reply(version.to_dict(), Text(version.ref, f"{version.ref} {what}"))


def _moved(registry: Registry, version: ModelVersion, alias: str, again: str) -> Reply:
    last = next(iter(registry.alias_history(version.name, alias)), None)
    known = last is not None and last.version == version.version and last.previous
    was = f" (it was {last.previous})" if last is not None and known else ""
    return _about(version, f"is {alias}{again}{was}")


def promote(args: Namespace) -> Reply:
    """Give an alias to a version."""
    registry = opened(args)
    expect: str | Literal[False] | None
    expect = False if args.expect == "none" else args.expect
    if args.gate:
        name = registry.get(args.ref).name
        base = f"{name}@{args.alias}"
        gate = registry.gate(args.ref, args.gate, base=base, no_base_yet=True)
        if not gate:
            return gate_reply(gate)
        # Who moves the alias meanwhile makes a conflict: the gate saw another base.
        expect = expect if expect is not None else gate.base or False
    version = registry.promote(args.ref, args.alias, expect=expect, reason=args.reason)
    return _moved(registry, version, args.alias, "")


def rollback(args: Namespace) -> Reply:
    """Move an alias back."""
    registry = opened(args)
    version = registry.rollback(args.name, args.alias, to=args.to, reason=args.reason)
    return _moved(registry, version, args.alias, " again")


def clear_alias(args: Namespace) -> Reply:
    """Take an alias off."""
    opened(args).clear_alias(args.name, args.alias, reason=args.reason)
    data = {"name": args.name, "alias": args.alias, "version": None}
    return Reply(data, Text("", f"{args.name}@{args.alias} is cleared"))


def set_status(args: Namespace) -> Reply:
    """Give a version a status."""
    status = None if args.status == "none" else args.status
    version = opened(args).set_status(args.ref, status, reason=args.reason)
    return _about(version, f"is {status}" if status else "has no status")


def tag(args: Namespace) -> Reply:
    """Set tags."""
    tags = pairs(args.tags, "a tag")
    return _about(opened(args).tag(args.ref, **tags), f"has {', '.join(args.tags)}")


def untag(args: Namespace) -> Reply:
    """Remove tags."""
    version = opened(args).untag(args.ref, *args.keys)
    return _about(version, f"has no {', '.join(args.keys)} any more")


def note(args: Namespace) -> Reply:
    """Add a note."""
    text = _from_stdin() if args.text == "-" else args.text
    return _about(opened(args).note(args.ref, text), "has a note more")


def _from_stdin() -> str:
    try:
        return read_bytes("-", "the note", _MAX_NOTE).decode().strip("\n")
    except UnicodeDecodeError as error:
        raise InvalidInputError("the note on standard input is not UTF-8") from error


def evaluate(args: Namespace) -> Reply:
    """Add metrics."""
    metrics = pairs_or_files(args.metrics, "the metrics", number)
    version = opened(args).evaluate(
        args.ref,
        metrics,
        slices=optional_object(args.slices, "--slices"),
        dataset=args.dataset,
        when=args.when,
    )
    on = f" on {args.dataset}" if args.dataset else ""
    return _about(version, f"is evaluated{on}")


def withdraw(args: Namespace) -> Reply:
    """Take a version out of use."""
    return _about(opened(args).withdraw(args.ref, args.reason), "is withdrawn")


def restore(args: Namespace) -> Reply:
    """Take a withdrawal back."""
    version = opened(args).restore(args.ref, reason=args.reason)
    return _about(version, "is in use again")
