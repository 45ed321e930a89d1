"""From the folded state to what the search room reads: documents and facts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelver._bundle import BundleReader
from modelver._registry.config_keys import config_of
from modelver._values.facts import Facts, flatten
from modelver._values.manifest import Input
from modelver._values.query import Document, Scalar
from modelver._values.state import ModelState, VersionState
from modelver.errors import InvalidInputError

_TOLD: Final = ("uri", "version", "rows", "columns", "split", "license")

_MACHINE: Final = ("hardware", "system", "machine", "libc", "container", "variables")


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
        hardware=_flat(
            {
                key: version.record.run[key]
                for key in _MACHINE
                if key in version.record.run
            }
        ),
        params=_flat(version.record.params),
        metrics=version.metrics,
        slices=version.slices,
        tags=version.tags,
        inputs=_inputs(bundle.inputs),
        status=version.status,
        aliases=model.aliases_of(version.version),
    )


def _inputs(inputs: Sequence[Input]) -> dict[str, Scalar | None]:
    """Return the digest of each input by its name, and below it what else is known."""
    found: dict[str, Scalar | None] = {source.name: source.digest for source in inputs}
    for source in inputs:
        for what in _TOLD:
            value = getattr(source, what)
            if value is not None:
                found.setdefault(f"{source.name}.{what}", value)
        if source.how != "copy":
            found.setdefault(f"{source.name}.how", source.how)
        for column, kind in source.schema.items():
            found.setdefault(f"{source.name}.schema.{column}", kind)
    return found


def _flat(params: Mapping[str, Any]) -> dict[str, Scalar | None]:
    # A registry may hold what this release would not have registered.
    try:
        return flatten(params)
    except InvalidInputError:
        return {}
