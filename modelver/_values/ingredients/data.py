"""The data: how well its content is known, and whether it can be had back."""

from collections.abc import Sequence
from typing import Final

from modelver._values.audit import Check, Result
from modelver._values.ingredients.found import Found, check, names, no, yes
from modelver._values.manifest import Input
from modelver._values.text import quoted

_CONTENT: Final = frozenset({"b3", "sha256", "sha512", "sha384", "sha1", "md5"})
_VALIDATORS: Final = frozenset({"etag", "crc32c"})


def checks(found: Found) -> list[Check]:
    """Return the checks of the data."""
    inputs = found.bundle.inputs
    return [_data(inputs, found), _retrievable(inputs, found)]


def _data(inputs: Sequence[Input], found: Found) -> Check:
    if not inputs:
        return _no_data("data", found)
    graded = [(source, *_known(source)) for source in inputs]
    results: tuple[Result, ...] = ("no", "unknown", "partly")
    for result in results:
        weak = [f"{s.name} ({why})" for s, r, why in graded if r == result]
        if weak:
            advice = (
                "Let modelver read it once: a copy, or a reference or digest with "
                "its content (b3, sha256, md5)."
            )
            return check("data", result, names(weak), advice)
    every = names([source.name for source in inputs])
    return yes("data", f"known by content: {every}")


def _known(source: Input) -> tuple[Result, str]:
    """Return how well the content of an input is known, and by what."""
    kind = source.digest.partition(":")[0]
    if source.how == "copy" or kind in _CONTENT:
        return "yes", kind
    if kind in _VALIDATORS or source.version:
        return "partly", f"by {kind if kind in _VALIDATORS else 'its version'} alone"
    if kind == "id":
        return "no", "by name alone"
    return "unknown", f"by {quoted(kind, 20)}"


def _retrievable(inputs: Sequence[Input], found: Found) -> Check:
    if not inputs:
        return _no_data("retrievable", found)
    lost = [s.name for s in inputs if s.how != "copy" and not _has_place(s)]
    if lost:
        what = f"nobody recorded where to get {names(lost)}"
        advice = "Copy it into the bundle, or refer to it by a URL that others reach."
        return no("retrievable", what, advice)
    loose = [
        source.name
        for source in inputs
        if source.how != "copy" and source.kind != "model" and not source.version
    ]
    if loose:
        what = f"its place may be written to again: {names(loose)}"
        advice = "Keep it in a store with versions, or copy it into the bundle."
        return check("retrievable", "partly", what, advice)
    copied = sum(source.how == "copy" for source in inputs)
    what = (
        f"{copied} of {len(inputs)} copied, the others referred to with their version"
    )
    if copied == len(inputs):
        what = "all of it is in the bundle"
    return yes("retrievable", what)


def _has_place(source: Input) -> bool:
    # A model version lies in the registry itself, or in one that is named.
    return source.kind == "model" or (source.how == "reference" and bool(source.uri))


def _no_data(name: str, found: Found) -> Check:
    parents = [parent.ref for parent in found.record.parents]
    only = f", only what it was made from: {names(parents)}" if parents else ""
    advice = "Say what it was trained on: data= (--data)."
    return no(name, f"no data is recorded{only}", advice)
