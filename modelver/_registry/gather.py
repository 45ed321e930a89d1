"""From the folded state to what the search room reads: documents and facts."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from modelver._bundle import BundleReader
from modelver._values.facts import Facts, flatten
from modelver._values.manifest import FileEntry
from modelver._values.query import Document, Scalar
from modelver._values.state import ModelState, VersionState
from modelver.errors import ErrorKind, InvalidInputError

UNTOLD: Final = "not told by key: it is too large or too deep"
"""What a config file is said to hold whose keys are not told; its bytes are there."""

# Bytes of JSON, of one file and of all files of a version.
_LARGEST_CONFIG: Final = 2**20
_MOST_CONFIG: Final = 4 * 2**20
_TOML_IS_SLOW: Final = 4  # at best, and it is read by Python, not by C
# Each part of a key costs tomllib as much as all parts before it: a key of a hundred
# thousand takes minutes. One that begins in the middle of a word would make the search
# itself as slow.
_DEEP_KEY: Final = re.compile(
    r"""(?<![\w\\-])(?:
        (?: [\w-]++ | "(?:[^"\\\n]|\\.)*+" | '[^'\n]*+' ) [ \t]*+ \. [ \t]*+
    ){32}""",
    re.VERBOSE,
)


def document_of(version: VersionState, aliases: tuple[str, ...]) -> Document:
    """Return what a search can see of a version."""
    record = version.record
    return Document(
        ref=version.ref,
        name=version.name,
        version=version.version,
        seq=version.said.seq,
        author=version.said.actor,
        created=version.said.time,
        status=version.status,
        description=record.description,
        aliases=aliases,
        tags=version.tags,
        params=_flat(record.params),
        metrics=version.metrics,
        slices=version.slices,
        withdrawn=version.withdrawal is not None,
    )


def facts_of(model: ModelState, version: VersionState, reader: BundleReader) -> Facts:
    """Return what a version is compared by."""
    bundle = reader.manifest.bundle
    environment = bundle.environment
    return Facts(
        ref=version.ref,
        digest=version.bundle,
        files={f.path: (f.role, f.digest, f.size) for f in bundle.files},
        config=config_of(reader),
        packages=environment.packages if environment is not None else {},
        python=environment.python if environment is not None else None,
        code=bundle.code.commit if bundle.code is not None else None,
        params=_flat(version.record.params),
        metrics=version.metrics,
        slices=version.slices,
        tags=version.tags,
        inputs={source.name: source.digest for source in bundle.inputs},
        status=version.status,
        aliases=model.aliases_of(version.version),
    )


def _flat(params: Mapping[str, Any]) -> dict[str, Scalar | None]:
    # A registry may hold what this release would not have registered.
    try:
        return flatten(params)
    except InvalidInputError:
        return {}


def config_of(reader: BundleReader) -> dict[str, Scalar | None]:
    """Return the keys of all JSON and TOML config files, flat.

    One file's keys stand as they are; of several, the file's name comes first. A file
    that would take long stands there itself, with :data:`UNTOLD` as its value.
    """
    files = [
        file
        for file in reader.manifest.bundle.files
        if file.role == "config" and file.path.endswith((".json", ".toml"))
    ]
    small = [file for file in files if _effort(file) <= _LARGEST_CONFIG]
    found: dict[str, Scalar | None] = {}
    left = _MOST_CONFIG
    for file in files:
        effort = _effort(file)
        if effort > min(left, _LARGEST_CONFIG):
            found[file.path] = UNTOLD
            continue
        left -= effort
        raw = reader.read(file.path)
        prefix = "" if len(small) == 1 else file.path.removeprefix("config/")
        try:
            found.update(flatten(_parse(file.path, raw), prefix))
        except InvalidInputError:
            found[file.path] = UNTOLD
        except (ValueError, RecursionError):
            continue  # a file that is not what its name says has no keys
    return found


def _effort(file: FileEntry) -> int:
    return file.size * (_TOML_IS_SLOW if file.path.endswith(".toml") else 1)


def _parse(path: str, raw: bytes) -> Any:
    text = raw.decode()
    if not path.endswith(".toml"):
        return json.loads(text)
    if _DEEP_KEY.search(text):
        raise InvalidInputError("a key has too many dots", kind=ErrorKind.TOO_LARGE)
    return tomllib.loads(text)
