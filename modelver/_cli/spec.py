"""What a verb is: its words and options, as data.

The parser, the help and the manual are made from it. Nothing heavy is imported
here, so that ``modelver --help`` comes at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple


class Argument(NamedTuple):
    """One word or option of a verb.

    Attributes:
        flag: ``--reason``, or the name of a positional word: ``ref``.
        help: A clause, without a full stop.
        more: What else ``add_argument`` takes; ``type`` by name.
        short: ``-n``.
    """

    flag: str
    help: str
    more: Mapping[str, Any]
    short: str | None = None

    @property
    def is_option(self) -> bool:
        """Whether it begins with dashes."""
        return self.flag.startswith("-")

    @property
    def value(self) -> str:
        """What stands for its value in a usage: ``REF``; empty for a switch."""
        if self.more.get("action") == "store_true":
            return ""
        choices = self.more.get("choices")
        if choices:
            return "{" + ",".join(choices) + "}"
        return str(self.more.get("metavar") or self.flag.lstrip("-").upper())

    @property
    def repeats(self) -> bool:
        """Whether it may be given several times."""
        many = self.more.get("nargs") in ("+", "*")
        return many or self.more.get("action") == "append"

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        if self.is_option:
            return bool(self.more.get("required"))
        return self.more.get("nargs") not in ("?", "*")


class Verb(NamedTuple):
    """One verb.

    Attributes:
        name: As it is typed.
        run: ``module:function`` in this package.
        group: The heading that it stands under.
        short: What it does, in one line without a full stop.
        arguments: Its words, then its options.
        long: More, in short paragraphs.
        example: A command line, without ``modelver``.
    """

    name: str
    run: str
    group: str
    short: str
    arguments: Sequence[Argument] = ()
    long: str = ""
    example: str = ""


def word(name: str, help_: str, **more: Any) -> Argument:
    """Return a positional argument."""
    return Argument(name, help_, {"metavar": name.upper(), **more})


def option(flag: str, help_: str, short: str | None = None, **more: Any) -> Argument:
    """Return an option that takes one value."""
    return Argument(flag, help_, more, short)


def switch(flag: str, help_: str) -> Argument:
    """Return an option without a value."""
    return Argument(flag, help_, {"action": "store_true"})


def many(flag: str, help_: str, metavar: str) -> Argument:
    """Return an option that may be given several times."""
    more = {"action": "append", "default": [], "metavar": metavar}
    return Argument(flag, help_, more)


GLOBAL: Final = (
    option("--registry", "folder or URL; else MODELVER_REGISTRY", metavar="URL"),
    option(
        "--at",
        "the registry as it was, at a commit or at a time (UTC; a date is its end)",
        metavar="SEQ_OR_TIME",
    ),
    switch("--json", "answer with one JSON document; errors are JSON too"),
    option("--author", "who says so; else MODELVER_AUTHOR, else the user"),
    option("--cache", "folder of local copies; else MODELVER_CACHE_DIR", metavar="DIR"),
    switch("--no-color", "no colours; NO_COLOR and TERM=dumb mean the same"),
)
"""Options that every verb has, and that may stand before the verb as well."""

BEGIN, FIND, MOVE, SAY, LOOK, GET, CHECK = GROUPS = (
    "Begin",
    "Find versions",
    "Aliases and status",
    "Say something of a version",
    "Compare and trace",
    "Get files",
    "Check and mend",
)

REF: Final = word(
    "ref",
    "a version: NAME (its latest), NAME@1.4.0, NAME@^1.2, NAME@production, "
    "NAME@newest, NAME@b3:9f2c, b3:9f2c",
)
NAME: Final = word("name", "the model: fraud, nlp/intent")
ALIAS: Final = word("alias", "for instance production")
REASON: Final = option("--reason", "why; kept for ever", metavar="TEXT")
LIMIT: Final = option("--limit", "at most so many", "-n", metavar="N", type="count")
JUNIT: Final = option(
    "--junit", "write the outcome there as JUnit XML, for CI to show", metavar="FILE"
)
SLICES: Final = option(
    "--slices",
    'JSON file of metrics by slice of the data: {"country=DE": {"auc": 0.9}}',
    metavar="FILE",
)
