"""The verbs of pins: versions that a Git repository names."""

from collections.abc import Sequence
from typing import Final

from modelver._cli.spec import GET, REF, Verb, many, option, switch, word

_TRUST: Final = many(
    "--trust",
    "a registry that pointers may name, though it was never used here",
    "URL",
)
_FORCE: Final = switch("--force", "overwrite what was changed since it was restored")

PINNING: Final[Sequence[Verb]] = (
    Verb(
        "pin",
        "commands_pins:pin",
        GET,
        "pin a version in Git: a small pointer file, its bytes beside",
        (
            REF,
            word("folder", "where the pointer goes; none: only --lock", nargs="?"),
            many("--role", "restore files of this role; model if not given", "ROLE"),
            option("--file", "restore this one file of the bundle", metavar="PATH"),
            option("--as", "how to call it; the model if not given", metavar="NAME"),
            switch("--lock", "note it in modelver.lock, at the top of the repository"),
            switch("--hold", "no pointer file: Git holds the pointer for the file"),
            _FORCE,
        ),
        "Writes FOLDER/NAME.mv.json, restores FOLDER/NAME/, and adds that to "
        "FOLDER/.gitignore. The ref is kept as it was asked for; modelver update moves "
        "the pin to what it means then.\n\n"
        "--hold needs --file, and modelver git install in every clone.",
        "pin fraud@^1.2 models/",
    ),
    Verb(
        "pull",
        "commands_pins:pull",
        GET,
        "restore the bytes that pointer files pin",
        (
            word(
                "paths",
                "pointers, what they restore, or folders; none: the whole repository",
                nargs="*",
                metavar="PATH",
            ),
            switch("--check", "change nothing; exit with 1 where something differs"),
            _FORCE,
            _TRUST,
        ),
        "Every byte is verified; what is as it should be is not touched. What was "
        "changed by hand is not overwritten without --force. With --registry, that one "
        "is asked, whatever address a pointer names.",
        "pull models/",
    ),
    Verb(
        "update",
        "commands_pins:update",
        GET,
        "move pins to what their refs mean now",
        (
            word(
                "names",
                "models or pointers; none: every pin of the repository",
                nargs="*",
                metavar="NAME",
            ),
            switch("--dry-run", "only say what would move; exit with 1 if anything"),
            _FORCE,
            _TRUST,
        ),
        "Moves pointer files and modelver.lock, and restores the bytes.",
        "update fraud",
    ),
    Verb(
        "git",
        "commands_git:git",
        GET,
        "have a git checkout restore the models of that commit",
        (
            word(
                "action",
                "install, uninstall or status; Git itself runs hook, clean and smudge",
            ),
            word("words", "what Git gives to those", nargs="*", metavar="WORD"),
        ),
        "install adds some lines to the hooks post-checkout, post-merge and "
        "post-rewrite of the repository around the working folder, and a filter for "
        "files that Git holds as pointers. It may be run again; uninstall takes out "
        "what it put in.",
        "git install",
    ),
)
