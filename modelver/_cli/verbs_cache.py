"""The verb of the local copies."""

from collections.abc import Sequence
from typing import Final

from modelver._cli.spec import GET, Verb, option, switch, word

CACHING: Final[Sequence[Verb]] = (
    Verb(
        "cache",
        "commands_cache:cache",
        GET,
        "show the local copies that path makes, or delete them",
        (
            word("action", "clear deletes; none: show them", nargs="?"),
            word("ref", "clear only the copies of this version", nargs="?"),
            switch("--all", "clear every copy, of every registry"),
            option(
                "--older-than",
                "clear copies of every registry that nobody asked for in so many days",
                metavar="DAYS",
                type="count",
            ),
        ),
        "Copies are deleted by themselves too: the least recently used, when there is "
        "more than MODELVER_CACHE_SIZE, and those that nobody asked for in "
        "MODELVER_CACHE_AGE days.\n\n"
        "With --all, what is needed to be offline is deleted as well.",
        "cache clear --older-than 7",
    ),
)
