"""What failed, said so that GitHub Actions shows it beside the run.

GitHub reads lines that begin with ``::`` from what a step says. They go to standard
error: standard output is the answer, which a script may read.
"""

import os
import sys
from collections.abc import Iterable
from typing import Final, Literal

from modelver._values.text import term_safe

# GitHub shows ten of each kind for a step, and drops the others.
_MOST: Final = 10
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans(
    {"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"}
)


def annotate(
    kind: Literal["error", "warning"], said: Iterable[tuple[str, str]]
) -> None:
    """Tell titles and messages, where GitHub Actions runs this."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or sys.stderr is None:
        return
    for title, message in list(said)[:_MOST]:
        shown = term_safe(title).translate(_PROPERTY)
        text = term_safe(message, multiline=True).translate(_DATA)
        print(f"::{kind} title={shown}::{text}", file=sys.stderr)
    sys.stderr.flush()
