"""Verbs that make a version again."""

from typing import Final

from modelver._cli.spec import CHECK, REF, Verb, many, option, switch, word

# As in modelver._values.reproduction, which takes attrs to load.
_LEVELS: Final = ("L0", "L1", "L2", "L3", "L4")

REPRODUCING: Final = (
    Verb(
        "reproduce",
        "commands_reproduce:reproduce",
        CHECK,
        "make a version again, and tell how far that goes",
        (
            REF,
            option("--workdir", "a new folder to work in, kept", metavar="DIR"),
            option("--level", "try no more than this one", choices=_LEVELS),
            switch("--run", "run the recorded command; without it only the plan shows"),
            option(
                "--python",
                "an interpreter whose environment is compared and used; else one is "
                "built",
                metavar="PATH",
            ),
            many("--data", "where an input lies that was not copied", "NAME=PATH"),
            switch("--fetch", "fetch data that lies elsewhere, and compare it"),
            option("--timeout", "end the command then", metavar="SECONDS", type=float),
            switch("--keep-going", "go on where environment or metrics differ"),
            switch("--attest", "record in the registry what came of it"),
        ),
        "L0 every byte can be had back, L1 the environment is the same, L2 the command "
        "runs to its end, L3 the metrics are within the declared tolerance, L4 the "
        "outputs are equal.\n\n"
        "The command is a program that somebody else may have written, and runs as "
        "you: look at the plan first. Exits with 1 if a level that was tried does not "
        "hold.",
        "reproduce fraud@1.4.0 --run",
    ),
    Verb(
        "reproducibility",
        "commands_reproduce:reproducibility",
        CHECK,
        "tell how many versions were really made again",
        (word("name", "one model; none: all", nargs="?"),),
        "Of each version the last recorded reproduction counts (reproduce --attest).",
        "reproducibility fraud",
    ),
)
