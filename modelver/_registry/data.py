"""Data for a version: what is copied into it, what is only pinned, and by what.

A caller hands over paths, addresses, objects, other versions. What each is decides how
it is kept, unless he says so himself; everything that can be refused without reading is
refused first, by :func:`plan_data`. What must be read is read when a plan is carried
out.
"""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from modelver._bundle import Stamps, local_path
from modelver._registry.core import Core
from modelver._registry.data_far import far_plan
from modelver._registry.data_held import held_plan
from modelver._registry.data_here import Place, here_plan
from modelver._registry.plans import (
    Done,
    Plan,
    refuse_how,
    said_of,
    unknown_source,
)
from modelver._registry.questions import Answer, find
from modelver._registry.remote import check_snapshot, check_url
from modelver._values.data import Data, named_digest
from modelver._values.manifest import Input
from modelver._values.paths import check_bundle_path
from modelver._values.text import quoted
from modelver.errors import ErrorKind, InvalidInputError

_SCHEME: Final = "://"
_FILE: Final = "file://"


def plan_data(core: Core, what: Any, stamps: Stamps | None) -> list[Plan]:
    """Return what to do with everything that a caller gave as data.

    Args:
        core: The registry.
        what: One thing, a mapping of names to things, or a list of :class:`Data`.
        stamps: Which files of this machine need not be read again; None: all are read.

    Raises:
        InvalidInputError: Something of it can be no input.
    """
    return [_plan(core, name, data, stamps) for name, data in _each(what)]


def _each(what: Any) -> Iterator[tuple[str | None, Data]]:
    if isinstance(what, Mapping):
        for name, source in what.items():
            if not isinstance(name, str):
                raise InvalidInputError(
                    f"the data mapping has the key {name!r}, which is no path",
                    kind=ErrorKind.BAD_PATH,
                )
            data = source if isinstance(source, Data) else Data(source)
            if data.name not in (None, name):
                raise InvalidInputError(
                    f"the data {quoted(name)} is called {quoted(data.name)} as well",
                    kind=ErrorKind.BAD_NAME,
                    hint="Leave name= out: the key of the mapping is the name.",
                )
            yield name, data
        return
    for each in what if isinstance(what, list | tuple) else [what]:
        data = each if isinstance(each, Data) else Data(each)
        yield data.name, data


def _plan(core: Core, name: str | None, data: Data, stamps: Stamps | None) -> Plan:
    source = data.source
    if data.kind == "snapshot":
        return _snapshot_plan(name, data)
    if isinstance(source, Answer) or data.kind == "model":
        return _model_plan(core, name, data)
    if isinstance(source, str | os.PathLike):
        return _placed_plan(core, name, data, stamps)
    return held_plan(name, data, core.log.state.info.digest)


def _placed_plan(
    core: Core, name: str | None, data: Data, stamps: Stamps | None
) -> Plan:
    """Return the plan for a path or an address."""
    source = data.source
    if isinstance(source, str) and _SCHEME in source and not source.startswith(_FILE):
        return far_plan(name, data, core.log.state.info.digest)
    if isinstance(source, str) and source.startswith(_FILE):
        path, uri = path_of(source), check_url(source)
    else:
        path, uri = local_path(source, "the data"), None
    place = Place(core=core, path=path, uri=uri, stamps=stamps)
    return here_plan(name, data, place)


def path_of(url: str) -> Path:
    """Return the path that a ``file:`` URL means."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInputError(
            f"{quoted(url, 200)} is on another machine",
            kind=ErrorKind.BAD_URL,
            hint="Write file:///folder/train.csv, or the address of a store.",
        )
    return local_path(unquote(parts.path), "the data")


def _snapshot_plan(name: str | None, data: Data) -> Plan:
    """Return the plan for what somebody else keeps: only its name is recorded."""
    refuse_how(data, "a snapshot", "reference")
    text = (
        os.fspath(data.source) if isinstance(data.source, os.PathLike) else data.source
    )
    if not isinstance(text, str):
        raise unknown_source(data.source)
    address = check_snapshot(text) if _SCHEME in text else None
    said = text if data.version is None else f"{text}@{data.version}"
    named = name or text.rstrip("/").rpartition("/")[2].rpartition("@")[2]
    check_bundle_path(f"data/{named}")
    made = Input(
        name=named,
        digest=named_digest(said),
        size=-1,
        how="reference",
        uri=address,
        **said_of(data),
    )
    return Plan(name=named, copied=False, run=partial(_done, made))


def _model_plan(core: Core, name: str | None, data: Data) -> Plan:
    """Return the plan for another version: it becomes a parent."""
    refuse_how(data, "another version", "reference")
    if not isinstance(data.source, str | Answer):
        raise unknown_source(data.source)
    _, version = find(core, data.source)
    named = version.name if name is None else name
    check_bundle_path(f"data/{named}")
    fields = {**said_of(data), "kind": "model", "version": version.version}
    made = Input(
        name=named,
        digest=version.bundle,
        size=version.record.size,
        how="reference",
        uri=version.ref,
        **fields,
    )
    return Plan(name=named, copied=False, parent=version.ref, run=partial(_done, made))


def _done(made: Input, _: object) -> Done:
    return Done(input=made)
