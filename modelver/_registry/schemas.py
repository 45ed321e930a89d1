"""How much of the schemas of data a log entry has room for."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

from modelver._values.manifest import Input

# The log repeats what is said of inputs, and every reader folds all of it.
_MAX_SCHEMA: Final = 8 * 1024
_MAX_SCHEMAS: Final = 32 * 1024
_LONGEST: Final = 200


def checked_schema(schema: Mapping[str, str]) -> dict[str, str]:
    """Return *schema* if a log entry has room for it, and JSON can hold it; else {}."""
    try:
        size = len(json.dumps(dict(schema), ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return {}
    longest = max((len(text) for item in schema.items() for text in item), default=0)
    if size > _MAX_SCHEMA or longest > _LONGEST:
        return {}
    return dict(schema)


def bounded(inputs: Sequence[Input]) -> list[Input]:
    """Return *inputs* with as many of their schemas as all may take together."""
    found, left = [], _MAX_SCHEMAS
    for source in inputs:
        left -= len(json.dumps(dict(source.schema)))
        found.append(source if left >= 0 else evolve(source, schema={}))
    return found
