"""From the folded state to what the search room reads: documents and facts."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from modelver._bundle import BundleReader
from modelver._values.facts import Facts, flatten
from modelver._values.query import Document, Scalar
from modelver._values.state import ModelState, VersionState
from modelver.errors import InvalidInputError

_LARGEST_CONFIG: Final = 2**20


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

    One file's keys stand as they are; of several, the file's name comes first.
    """
    files = [
        file
        for file in reader.manifest.bundle.files
        if file.role == "config"
        and file.path.endswith((".json", ".toml"))
        and file.size <= _LARGEST_CONFIG
    ]
    found: dict[str, Scalar | None] = {}
    for file in files:
        raw = reader.read(file.path)
        prefix = "" if len(files) == 1 else file.path.removeprefix("config/")
        try:
            found.update(flatten(_parse(file.path, raw), prefix))
        except (ValueError, RecursionError, InvalidInputError):
            continue  # a file that is not what its name says has no keys
    return found


def _parse(path: str, raw: bytes) -> Any:
    text = raw.decode()
    return tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
