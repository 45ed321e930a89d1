"""What long runs counted, for the page of figures: a line of JSON each."""

import json
import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "MODELVER_FIGURES"
# Read now: a test knows no variable of modelver's that was set outside.
_NAMED: Final = os.environ.get(VARIABLE)


def tell(what: str, **values: float | str) -> None:
    """Append a line to the file that the variable names, if it names one."""
    if _NAMED:
        with Path(_NAMED).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, **values}) + "\n")
