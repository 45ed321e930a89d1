"""The options of ``register`` that say how a version was made."""

from typing import Final

from modelver._cli.spec import many, option

MAKING: Final = (
    option(
        "--command",
        "what makes it: 'python train.py --out build', so that it can be made again",
        metavar="WORDS",
    ),
    many(
        "--output",
        "where the command leaves it, if not where the files are now: model=build",
        "ROLE=PATH",
    ),
    many(
        "--tolerance",
        "how far a metric may be off when it is made again; a number alone: every one",
        "[METRIC=]NUMBER",
    ),
    many("--seed", "a seed of the run", "[LIBRARY=]NUMBER"),
    option(
        "--container",
        "image that it ran in: repo@sha256:...; else what CI tells",
        metavar="IMAGE",
    ),
    many("--link", "where the experiment is told of: mlflow=https://...", "KIND=URL"),
    many("--omit", "leave out what is called so", "PATTERN"),
    many("--allow", "looks like a secret and is none", "PATTERN"),
)
