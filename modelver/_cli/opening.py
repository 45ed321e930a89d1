"""From the options of every verb to the registry that it asks."""

import os
from argparse import Namespace

from modelver._cli.parser import usage_error
from modelver._cli.words import moment
from modelver._registry.opening import VARIABLE
from modelver._registry.registry import Registry


def address(args: Namespace) -> str:
    """Return the address: the verb's own, ``--registry``, or the variable.

    Raises:
        InvalidInputError: There is none.
    """
    url = getattr(args, "url", None) or args.registry or os.environ.get(VARIABLE)
    if not url:
        raise usage_error(
            "no registry is given",
            f"Give --registry URL, or set {VARIABLE}.",
        )
    return str(url)


def opened(args: Namespace) -> Registry:
    """Return the registry, as it is or as it was (``--at``).

    Raises:
        ModelverError: It cannot be opened; see ``Registry``.
    """
    registry = Registry(address(args), author=args.author, cache=args.cache)
    return registry if args.at is None else registry.at(moment(args.at))


def progress(args: Namespace) -> bool | None:
    """Return the ``progress`` of a long call: a bar by itself, with JSON none."""
    return False if args.json else None
