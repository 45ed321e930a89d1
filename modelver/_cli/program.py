"""The command as a whole: parse, do, show; and what happens when that fails."""

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from modelver._cli import failure
from modelver._cli.output import show
from modelver._cli.parser import VERBS, help_text, parse, usage_error
from modelver.errors import ModelverWarning


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing is raised.

    Args:
        argv: Words without the program's name; None: those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # Whether a word is an option or the value of one is known only after parsing.
    options = words[: words.index("--")] if "--" in words else words
    teller = failure.Teller(
        json="--json" in options, colour="--no-color" not in options
    )
    try:
        with warnings.catch_warnings():
            _listen(teller)
            return _run(words, teller)
    except KeyboardInterrupt:
        return failure.INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return failure.NO_READER
    except SystemExit as stop:  # argparse has printed help or the version
        return stop.code if isinstance(stop.code, int) else failure.OK
    except Exception as error:  # noqa: BLE001 - a person sees a sentence, no traceback
        _silence_stdout(if_broken=True)
        return teller.error(error)


def _run(words: list[str], teller: failure.Teller) -> int:
    args = parse(words)
    if args.verb is None:
        if args.json:
            raise usage_error("no verb is given", "See modelver --help.")
        teller.text(help_text())
        return failure.USAGE
    module, _, function = VERBS[args.verb].run.partition(":")
    run = getattr(import_module(f"modelver._cli.{module}"), function)
    reply = run(args)
    show(reply, as_json=args.json, colour=not args.no_color)
    return int(reply.code)


def _listen(teller: failure.Teller) -> None:
    """Tell modelver's own warnings like errors; others stay Python's."""
    others = warnings.showwarning

    def tell(
        message: Warning | str, category: type[Warning], *rest: Any, **more: Any
    ) -> None:
        if issubclass(category, ModelverWarning):
            teller.warning(category.__name__, str(message))
        else:
            others(message, category, *rest, **more)

    warnings.showwarning = tell
    warnings.simplefilter("always", ModelverWarning)


def _silence_stdout(*, if_broken: bool = False) -> None:
    """Keep what could not be written from being tried again when Python ends."""
    if sys.stdout is None:
        return
    try:
        if if_broken:
            sys.stdout.flush()
            return
    except (OSError, ValueError):
        pass
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
