"""The verbs that write."""

from collections.abc import Sequence
from typing import Final

from modelver._cli.spec import (
    ALIAS,
    BEGIN,
    MOVE,
    NAME,
    REASON,
    REF,
    SAY,
    SLICES,
    Verb,
    many,
    option,
    switch,
    word,
)
from modelver._cli.verbs_making import MAKING

WRITING: Final[Sequence[Verb]] = (
    Verb(
        "init",
        "commands_registry:init",
        BEGIN,
        "create a registry",
        (
            word("url", "where; else --registry", nargs="?"),
            option(
                "--digest", "of all content; b3 if not given", choices=("b3", "sha256")
            ),
            many("--status", "a status that versions may have", "STATUS"),
        ),
        "A registry that is there already is left as it is; digest and statuses never "
        "change, and to ask for others is an error.",
        "init ./registry",
    ),
    Verb(
        "register",
        "commands_register:register",
        BEGIN,
        "register files as a new version of a model",
        (
            NAME,
            word(
                "files",
                "the model: a folder or files; PATH=FILE gives a file another path "
                "in the bundle",
                nargs="+",
                metavar="FILE",
            ),
            option("--version", "the number, SemVer 2.0.0", metavar="X.Y.Z"),
            option(
                "--bump",
                "how to choose the number; auto, from what changed, if not given",
                choices=("auto", "major", "minor", "patch"),
                default="auto",
            ),
            option("--pre", "make it a pre-release: rc", metavar="LABEL"),
            many("--code", "folder or file; of one, the Git commit is noted", "PATH"),
            many(
                "--data",
                "what it was made from: a file or folder is copied, a URL is pinned",
                "[NAME=]PATH|URL",
            ),
            many(
                "--data-reference",
                "data that stays where it is, and is pinned: a URL, or what DVC tracks",
                "[NAME=]PATH|URL",
            ),
            many(
                "--data-digest",
                "data of which only the digest is kept",
                "[NAME=]PATH|URL",
            ),
            many("--config", "file or folder of settings", "[NAME=]PATH"),
            many("--docs", "file or folder of documents", "[NAME=]PATH"),
            many("--params", "hyper-parameters", "FILE|K=V"),
            many("--metrics", "metrics: finite numbers", "FILE|K=V"),
            SLICES,
            many("--tag", "a tag", "K=V"),
            option("--description", "what it is, for people", metavar="TEXT"),
            many("--parent", "a version that it was made from", "REF"),
            many("--alias", "an alias to give to it", "ALIAS"),
            option("--message", "of the commit", "-m", metavar="TEXT"),
            *MAKING,
            switch("--no-environment", "do not record Python and its packages"),
            switch("--rehash", "read also the files that look unchanged"),
            option(
                "--require", "the lowest grade that its audit may give", metavar="GRADE"
            ),
            switch("--require-clean", "refuse code that is in no Git commit"),
        ),
        "Prints the exact ref. The same bundle as the newest version is that version: "
        "nothing is written, so a job may run again.\n\n"
        "FILE is a JSON file with an object, or - for standard input. K=V of params is "
        "read as JSON where V is JSON, else as text. Later ones win. The environment "
        "is that of the Python that runs modelver.",
        "register fraud out/ --code src --data train.csv --metrics auc=0.94",
    ),
    Verb(
        "promote",
        "commands_say:promote",
        MOVE,
        "give an alias to a version",
        (
            REF,
            ALIAS,
            option(
                "--expect",
                "only if the alias is there now: a number or a ref; none: not set",
                metavar="VERSION",
            ),
            many(
                "--gate",
                "only if this holds, base. being who has the alias; see gate",
                "CONDITION",
            ),
            REASON,
        ),
        "With --expect, an alias that somebody moved meanwhile is a conflict; so it is "
        "with --gate. A gate that is not passed moves nothing, and exits with 1.",
        "promote fraud@1.4.0 production --expect 1.3.0",
    ),
    Verb(
        "rollback",
        "commands_say:rollback",
        MOVE,
        "move an alias back to the version that held it before",
        (
            NAME,
            ALIAS,
            option("--to", "a version that held it once", metavar="VERSION"),
            REASON,
        ),
        "A second rollback goes one further back.",
        'rollback fraud production --reason "too many false alarms"',
    ),
    Verb(
        "clear-alias",
        "commands_say:clear_alias",
        MOVE,
        "take an alias off a model",
        (NAME, ALIAS, REASON),
        example="clear-alias fraud staging",
    ),
    Verb(
        "set-status",
        "commands_say:set_status",
        MOVE,
        "give a version one of the registry's statuses",
        (REF, word("status", "for instance approved; none takes it off"), REASON),
        example="set-status fraud@1.4.0 approved",
    ),
    Verb(
        "tag",
        "commands_say:tag",
        SAY,
        "set tags",
        (REF, word("tags", "for instance team=risk", nargs="+", metavar="K=V")),
        example="tag fraud@1.4.0 team=risk ticket=ML-7",
    ),
    Verb(
        "untag",
        "commands_say:untag",
        SAY,
        "remove tags",
        (REF, word("keys", "the tag", nargs="+", metavar="KEY")),
        example="untag fraud@1.4.0 ticket",
    ),
    Verb(
        "note",
        "commands_say:note",
        SAY,
        "say something about a version, for people",
        (REF, word("text", "the note; - reads standard input")),
        example='note fraud@1.4.0 "calibrated by hand"',
    ),
    Verb(
        "evaluate",
        "commands_say:evaluate",
        SAY,
        "add metrics that were measured after registration",
        (
            REF,
            word(
                "metrics",
                "for instance auc=0.93, or a JSON file",
                nargs="*",
                metavar="FILE|K=V",
            ),
            SLICES,
            option("--dataset", "what they were measured on", metavar="NAME"),
            option("--when", "when, if it was not now", metavar="TIME"),
        ),
        "Metrics of a data set that is named stand apart from the registered ones.",
        "evaluate fraud@production auc=0.93 --dataset october",
    ),
    Verb(
        "withdraw",
        "commands_say:withdraw",
        SAY,
        "take a version out of use",
        (REF, option("--reason", "why", metavar="TEXT", required=True)),
        "It stays readable by its exact number, with a warning.",
        'withdraw fraud@1.4.0 --reason "trained on the test set"',
    ),
    Verb(
        "restore",
        "commands_say:restore",
        SAY,
        "take a withdrawal back",
        (REF, REASON),
        example="restore fraud@1.4.0",
    ),
)
