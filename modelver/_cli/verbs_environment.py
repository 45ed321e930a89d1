"""The verb of a version's environment."""

from collections.abc import Sequence
from typing import Final

from modelver._cli.spec import GET, REF, Verb, option

ENVIRONMENT: Final[Sequence[Verb]] = (
    Verb(
        "env",
        "commands_environment:env",
        GET,
        "show the environment of a version, or build it again",
        (
            REF,
            option(
                "--format",
                "write it for other tools, instead of a list",
                choices=["requirements", "pylock", "dockerfile", "conda"],
            ),
            option(
                "--create",
                "build a virtual environment of exactly these packages in this new "
                "folder, and compare",
                metavar="DIR",
            ),
            option(
                "--python",
                "with --create, the interpreter to build with; alone, the environment "
                "to compare",
                metavar="PATH",
            ),
            option(
                "--tool",
                "what --create builds with",
                choices=["uv", "pip"],
            ),
        ),
        "Building installs the recorded packages, and so runs their installers. pip's "
        "settings and PIP_* variables (UV_* for uv) decide where they come from.\n\n"
        "Exits with 1 if the environment that was built or compared is not the same.",
        "env fraud@production --create ./env",
    ),
)
