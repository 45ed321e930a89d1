"""What long runs counted, for the page of figures: a line of JSON each."""

import json
import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "MODELVER_FIGURES"


def tell(what: str, **values: float | str) -> None:
    """Append a line to the file that the variable names, if it names one."""
    named = os.environ.get(VARIABLE)
    if named:
        with Path(named).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, **values}) + "\n")
