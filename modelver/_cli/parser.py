"""From words to arguments: argparse, fed with the verbs.

Errors of usage come as :class:`InvalidInputError`, so that they are shown like every
other one. Options may stand before the verb, after it and between its words.
"""

import argparse
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from modelver._cli.spec import GLOBAL, GROUPS, Argument, Verb
from modelver._cli.verbs_audit import AUDITING
from modelver._cli.verbs_cache import CACHING
from modelver._cli.verbs_environment import ENVIRONMENT
from modelver._cli.verbs_pins import PINNING
from modelver._cli.verbs_read import READING
from modelver._cli.verbs_reproduce import REPRODUCING
from modelver._cli.verbs_write import WRITING
from modelver._values.about import __version__
from modelver.errors import ErrorKind, InvalidInputError

VERBS: Final = {
    verb.name: verb
    for group in GROUPS
    for verb in (
        *WRITING,
        *READING,
        *AUDITING,
        *REPRODUCING,
        *CACHING,
        *PINNING,
        *ENVIRONMENT,
    )
    if verb.group == group
}
"""All verbs by name, group after group."""

EXIT_CODES: Final = (
    (0, "ok"),
    (1, "a check failed, or a gate: the help of a verb says when"),
    (2, "usage: the call cannot be right; nothing was written"),
    (3, "not found"),
    (4, "conflict: moved meanwhile, taken already, or ambiguous"),
    (5, "damage: bytes are not what was registered; they were not returned"),
    (6, "the environment: storage, permissions, plug-ins, a newer format"),
    (130, "interrupted"),
    (141, "nobody reads the output any more"),
)
"""Every exit code and its meaning."""

_WIDTH: Final = 88
_DIGITS: Final = 18
# Marks the words after "--", which are never options: argparse forgets them when
# options stand between words. No word of a process can hold it.
_LITERAL: Final = "\0"


class _Parser(argparse.ArgumentParser):
    color = False  # Python 3.14 would colour the help, whatever --no-color says

    def error(self, message: str) -> NoReturn:
        said = message.replace(_LITERAL, "")
        raise usage_error(said, f"See {self.prog} --help.")


def usage_error(message: str, hint: str) -> InvalidInputError:
    """Return the error of a command line that cannot be right."""
    return InvalidInputError(message, kind=ErrorKind.BAD_ARGUMENT, hint=hint)


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(
        prog, width=_WIDTH, max_help_position=26
    )


def count(text: str) -> int:
    """Return a number of things, 1 or more."""
    digits = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    if not digits or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 1 upwards")
    return int(text)


def _add(parser: argparse._ActionsContainer, argument: Argument) -> None:
    flags = [flag for flag in (argument.short, argument.flag) if flag]
    more = dict(argument.more)
    if more.get("type") == "count":
        more["type"] = count
    if argument.is_option and "metavar" not in more and argument.value:
        more["metavar"] = argument.value
    again = " (may be repeated)" if argument.is_option and argument.repeats else ""
    parser.add_argument(*flags, help=argument.help + again, **more)


def _add_global(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("options of every verb")
    for argument in GLOBAL:
        _add(group, argument)


def _root() -> _Parser:
    lines = [
        "A model registry without a server.",
        "modelver VERB --help tells more of a verb.",
    ]
    for group in GROUPS:
        lines.append(f"{group.lower()}:")
        lines += [
            f"  {v.name:<14} {v.short}" for v in VERBS.values() if v.group == group
        ]
        lines.append("")
    codes = [f"  {code:<16} {meaning}" for code, meaning in EXIT_CODES]
    parser = _Parser(
        prog="modelver",
        usage="modelver [OPTION ...] VERB ...",
        description="\n".join(lines),
        epilog="\n".join(["exit codes:", *codes]),
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"modelver {__version__}"
    )
    _add_global(parser)
    parser.add_argument("verb", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _verb_parser(verb: Verb) -> _Parser:
    epilog = f"example:\n  modelver {verb.example}" if verb.example else None
    parser = _Parser(
        prog=f"modelver {verb.name}",
        usage=usage(verb),
        description="\n\n".join(
            filter(None, [_sentence(verb.short), _fill(verb.long)])
        ),
        epilog=epilog,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    for argument in verb.arguments:
        _add(parser, argument)
    _add_global(parser)
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _fill(text: str) -> str:
    from textwrap import fill  # noqa: PLC0415 - for help alone

    return "\n\n".join(fill(part, _WIDTH) for part in text.split("\n\n") if part)


def usage(verb: Verb) -> str:
    """Return how a verb is called, in one line that breaks nowhere."""
    words = [f"modelver {verb.name}"]
    words += [_in_usage(a) for a in verb.arguments if not a.is_option or a.required]
    if any(a.is_option and not a.required for a in verb.arguments):
        words.append("[OPTION ...]")
    return " ".join(words)


def _in_usage(argument: Argument) -> str:
    if argument.is_option:
        return f"{argument.flag} {argument.value}"
    shown = f"{argument.value} ..." if argument.repeats else argument.value
    return shown if argument.required else f"[{shown}]"


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments that *words* mean; ``verb`` is None where there is none.

    Raises:
        InvalidInputError: They mean nothing (kind ``BAD_ARGUMENT``).
        SystemExit: Help or the version was asked for, and has been printed.
    """
    # What a namespace holds already, argparse gives no default: options that stood
    # before the verb keep their values.
    start = argparse.Namespace(
        registry=None, at=None, json=False, author=None, cache=None, no_color=False
    )
    words = list(words)
    if "--" in words:
        at = words.index("--")
        words = [*words[:at], *(_LITERAL + text for text in words[at + 1 :])]
    found = _root().parse_args(words, start)
    if found.verb is None:
        return found
    verb = VERBS.get(found.verb)
    if verb is None:
        raise _unknown(found.verb)
    rest = found.rest
    del found.rest
    found = _verb_parser(verb).parse_intermixed_args(rest, found)
    for argument in verb.arguments:
        if not argument.is_option:
            value = getattr(found, argument.flag)
            setattr(found, argument.flag, _literal(value))
    return found


def _literal(value: Any) -> Any:
    if isinstance(value, list):
        return [text.removeprefix(_LITERAL) for text in value]
    return None if value is None else value.removeprefix(_LITERAL)


def help_text() -> str:
    """Return the help of the whole command."""
    return _root().format_help()


def _unknown(name: str) -> InvalidInputError:
    from modelver._values.names import near  # noqa: PLC0415 - for a slip alone

    close = near(name, VERBS)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return usage_error(
        f"there is no verb {name[:80]!r}", f"{meant}See modelver --help."
    )
