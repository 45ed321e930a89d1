"""Verbs that make a version again."""

from argparse import Namespace

from modelver._cli.failure import FAILED, OK
from modelver._cli.opening import opened
from modelver._cli.output import Reply, Text
from modelver._cli.words import pairs
from modelver._values.text import term_safe


def reproduce(args: Namespace) -> Reply:
    """Make a version again."""
    version = opened(args).get(args.ref)
    made = version.reproduce(
        args.workdir,
        level=args.level or "L4",
        run=args.run,
        python=args.python,
        data=pairs(args.data, "--data"),
        fetch=args.fetch,
        timeout=args.timeout,
        keep_going=args.keep_going,
        attest=args.attest,
    )
    text = str(made)
    if not args.run:
        plan = (f"  {term_safe(line)}" for line in made.plan)
        text = "\n".join(["the plan:", *plan, text])
    return Reply(made.to_dict(), Text(text), OK if made.ok else FAILED)


def reproducibility(args: Namespace) -> Reply:
    """Tell how many versions were made again."""
    found = opened(args).reproducibility(args.name)
    return Reply(found.to_dict(), Text(str(found)))
