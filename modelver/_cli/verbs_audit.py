"""The verbs that judge a version: what it is made of, and whether it is good enough."""

from collections.abc import Sequence
from typing import Final

from modelver._cli.spec import CHECK, JUNIT, REF, Verb, option, switch, word

AUDITING: Final[Sequence[Verb]] = (
    Verb(
        "audit",
        "commands_audit:audit",
        CHECK,
        "tell what versions have of what it takes to make them again",
        (
            word("of", "a model, or a version; none: everything", nargs="?"),
            option(
                "--min", "exit with 1 below this grade: A, B, C, D", metavar="GRADE"
            ),
            JUNIT,
        ),
        "A grade counts ingredients: commit, code, data, configuration, packages, "
        "command. Whether a version comes out again, only trying shows.",
        "audit fraud@1.4.0 --min B",
    ),
    Verb(
        "gate",
        "commands_audit:gate",
        CHECK,
        "tell whether the metrics of a version are good enough",
        (
            REF,
            word(
                "conditions",
                "for instance 'auc >= base.auc - 0.002'",
                nargs="+",
                metavar="CONDITION",
            ),
            option("--base", "the version that base. means", metavar="REF"),
            switch(
                "--no-base-yet", "pass what is compared with a base that is not set"
            ),
            JUNIT,
        ),
        "Exits with 1 if one of the conditions does not hold. A side is a number or a "
        "metric, with a number that is added, taken off or multiplied: auc, "
        'base.auc - 0.002, slices."country=DE".auc, slices.*.auc (every slice). '
        "Conditions may be joined by 'and'. A metric that is missing fails.",
        'gate fraud@1.4.0 "auc >= base.auc - 0.002" --base fraud@production',
    ),
)
