"""The run, and what is told of its result."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelver._values.audit import Check
from modelver._values.entry import Record
from modelver._values.ingredients.found import (
    Found,
    check,
    mapping,
    names,
    no,
    sequence,
    yes,
)

_SEED: Final = re.compile(r"(?:random_?|rng_?)?seeds?|random_?state", re.IGNORECASE)
_TEST: Final = re.compile(r"(?:.*/)?(?:tests?/.+|test_[^/]+\.py|[^/]+_test\.py)")
_LICENCE: Final = re.compile(r"(?:licen[cs]e|copying)(?:[.-].*)?", re.IGNORECASE)


def checks(found: Found, metrics: Mapping[str, float], evaluations: int) -> list[Check]:
    """Return the checks of the run and its result."""
    return [
        _seeds(found),
        _command(found),
        _tolerance(found.record),
        _metrics(metrics),
        _hardware(found.run),
        _tests(found, evaluations),
        _licence(found),
    ]


def _seeds(found: Found) -> Check:
    advice = "Set the seeds of all generators, and declare them: seeds=."
    seeds = mapping(found.run.get("seeds"))
    if seeds:
        what = ", ".join(f"{name} {value}" for name, value in list(seeds.items())[:5])
        return yes("seeds", what)
    named = [key for key, _ in _leaves(found.record.params) if _is_seed(key)]
    if named:
        what = f"parameters: {names(named)}"
        return yes("seeds", what)
    facts = mapping(found.run.get("determinism"))
    if facts:
        what = f"no seed is declared; switches are recorded: {names(list(facts))}"
        return check("seeds", "partly", what, advice)
    return no("seeds", "no seed is declared", advice)


def _is_seed(key: str) -> bool:
    return _SEED.fullmatch(key.rpartition(".")[2]) is not None


def _leaves(params: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Yield the keys of parameters to a depth of two: seeds do not lie deeper."""
    for key, value in params.items():
        yield key, value
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())


def _command(found: Found) -> Check:
    advice = "Record what was run: command= (--command)."
    recipe = found.record.recipe
    if recipe is not None and recipe.command:
        return yes("command", " ".join(recipe.command))
    entry = found.run.get("entry")
    if isinstance(entry, str) and entry:
        what = f"{entry}, and not with which arguments"
        return check("command", "partly", what, advice)
    return no("command", "it is not recorded what was run", advice)


def _tolerance(record: Record) -> Check:
    declared = record.recipe.tolerance if record.recipe is not None else {}
    if declared:
        return yes("tolerance", names(list(declared)))
    what = "it is not declared how far a metric may be off"
    return no("tolerance", what, "Declare it: tolerance= (--tolerance).")


def _metrics(metrics: Mapping[str, float]) -> Check:
    if metrics:
        return yes("metrics", names(list(metrics)))
    return no("metrics", "no metric is recorded", "Give metrics= (--metrics).")


def _hardware(run: Mapping[str, Any]) -> Check:
    hardware = mapping(run.get("hardware"))
    if isinstance(hardware.get("cpu"), str):
        gpus = len(sequence(hardware.get("gpus")))
        what = f"{hardware['cpu']}{f', {gpus} GPUs' if gpus else ''}"
        return yes("hardware", what)
    advice = "Nothing: it is recorded where the system tells it."
    if "machine" in run or "cpus" in run:
        what = f"{run.get('machine', 'machine unknown')}, {run.get('cpus', '?')} CPUs"
        return check("hardware", "partly", what, advice)
    return no("hardware", "it is not recorded what it ran on", advice)


def _tests(found: Found, evaluations: int) -> Check:
    tests = [p for p in found.code if _TEST.fullmatch(p.removeprefix("code/"))]
    said = []
    if evaluations:
        said.append(f"evaluated {evaluations:,} times after the registration")
    if tests:
        said.append(f"{len(tests):,} test files")
    if found.record.slices:
        said.append(f"metrics of {len(found.record.slices):,} slices of the data")
    if evaluations or tests:
        return yes("tests", ", ".join(said))
    advice = "Keep the tests with the code, or record evaluations: evaluate."
    if said:
        return check("tests", "partly", said[0], advice)
    return no("tests", "neither tests nor evaluations are recorded", advice)


def _licence(found: Found) -> Check:
    advice = "Add a LICENSE file to the code or the docs, or the tag 'license'."
    tags = found.record.tags
    tag = next((tags[name] for name in ("license", "licence") if name in tags), None)
    if tag is not None:
        return yes("licence", tag)
    paths = [file.path for file in found.bundle.files]
    files = [p for p in paths if _LICENCE.fullmatch(p.rpartition("/")[2])]
    if files:
        return yes("licence", names(files))
    data = [s.name for s in found.bundle.inputs if s.license]
    if data:
        what = f"only of the data: {names(data)}"
        return check("licence", "partly", what, advice)
    return no("licence", "no licence is recorded", advice)
