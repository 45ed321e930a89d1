"""One attempt to make a version again: a ladder of five levels."""

import json
import os
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from modelver._bundle import BundleReader, checkout, digest_path, local_path
from modelver._capture import capture_run
from modelver._registry.core import Core
from modelver._registry.fetching import fetch_input, is_passing
from modelver._registry.rehearsal import VARIABLE, Noted, noted, overlay_of
from modelver._registry.stage_set import files_below, inside, set_stage
from modelver._registry.subject import Subject
from modelver._reproduce.compare import same_tensors
from modelver._reproduce.run import RunResult, run_command, variables_of, words_of
from modelver._store import ManifestStore, ObjectStore
from modelver._values.entry import Recipe
from modelver._values.reproduction import (
    FAILED,
    PASSED,
    UNTRIED,
    LevelResult,
    Reproduction,
    compare_metrics,
)
from modelver._values.text import quoted
from modelver.errors import InvalidInputError, ModelverError

_NOT_ASKED: Final = "it was not asked for"
# An address in a registry may be anybody's, and is asked for with our credentials.
_NOT_FETCHED: Final = "data lies elsewhere: fetch=True compares it"
_NOT_RUN: Final = "nothing was run: ask with run=True, after a look at the plan"
# What the recorded run is told again; a registry may be hostile, so no other name is.
_TOLD_AGAIN: Final = frozenset(
    {
        "CUBLAS_WORKSPACE_CONFIG",
        "MKL_CBWR",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "PYTHONHASHSEED",
        "TF_DETERMINISTIC_OPS",
        "TOKENIZERS_PARALLELISM",
    }
)

_Outcome = tuple[str, str, tuple[str, ...]]


class Attempt:
    """One attempt: each level is a method, each leaves what the next one needs."""

    def __init__(
        self,
        core: Core,
        version: Subject,
        place: Path,
        *,
        python: Path | None,
        data: Mapping[str, Any],
        fetch: bool,
        timeout: float | None,
    ) -> None:
        self._core = core
        self._version = version
        self._place = place
        self._python = python
        self._data = data
        self._fetch = fetch
        self._timeout = timeout
        self._recipe = version.recipe or Recipe()
        self._fetched: dict[str, Path] = {}
        self._ran: RunResult | None = None
        self._noted: Noted | None = None
        unknown = set(data) - {source.name for source in version.inputs}
        if unknown:
            raise InvalidInputError(
                f"{version.ref} has no input {quoted(min(unknown))}",
                hint=f"Its inputs: {', '.join(i.name for i in version.inputs)}.",
            )

    def climb(self, highest: str, *, run: bool, keep_going: bool) -> Reproduction:
        """Try one level after the other; stop where one does not hold."""
        tries: dict[str, Callable[[], _Outcome]] = {
            "L0": self._bytes,
            "L1": self._environment,
            "L2": self._command,
            "L3": self._metrics,
            "L4": self._outputs,
        }
        plan = self.plan()
        results: list[LevelResult] = []
        stopped: str | None = None
        failed = False
        for level, attempt in tries.items():
            if level > highest:
                stopped = stopped or _NOT_ASKED
            elif level == "L2" and not run and (stopped is None or not failed):
                stopped = _NOT_RUN
            if stopped is not None:
                results.append(LevelResult(level=level, outcome=UNTRIED, why=stopped))
                continue
            began = time.monotonic()
            try:
                outcome, why, details = attempt()
            except ModelverError as error:
                outcome, why, details = FAILED, error.message, error.hints
            took = time.monotonic() - began
            results.append(
                LevelResult(
                    level=level, outcome=outcome, why=why, details=details, seconds=took
                )
            )
            failed = failed or outcome == FAILED
            if outcome == FAILED and not (keep_going and level in ("L1", "L3")):
                stopped = f"{level} did not hold"
            elif outcome == UNTRIED and self._needs(level):
                stopped = f"{level} was not tried: {why}"
        return Reproduction(
            ref=self._version.ref,
            digest=self._version.digest,
            results=tuple(results),
            plan=plan,
            host={
                k: v
                for k, v in capture_run().items()
                if k in ("system", "release", "machine", "libc")
            },
        )

    def _needs(self, level: str) -> bool:
        """Return whether what follows cannot be tried without *level*."""
        return level == "L2" or (level == "L1" and self._python is None)

    def plan(self) -> tuple[str, ...]:
        """Return what is done, in order."""
        recipe, version = self._recipe, self._version
        roles = sorted({file.role for file in version.files})
        lines = [f"check out {len(version.files)} files: {', '.join(roles)}"]
        lines += [
            f"fetch the input {source.name} and compare {source.digest}"
            for source in version.inputs
            if source.how != "copy"
        ]
        lines += [f"put {k} at {v}" for k, v in sorted(recipe.sources.items())]
        found = version.environment
        if self._python is not None:
            lines.append(f"compare the environment of {self._python}")
        elif found is not None:
            lines.append(
                f"build an environment: {found.implementation} {found.python}, "
                f"{len(found.packages)} distributions"
            )
        if recipe.command:
            where = "" if recipe.folder == "." else f" (in {recipe.folder})"
            lines.append(f"run: {shlex.join(recipe.command)}{where}")
        measured = ", ".join(sorted(version.registered_metrics)) or "none"
        lines.append(f"compare the metrics: {measured}")
        where = ", ".join(f"{k} from {v}" for k, v in sorted(recipe.outputs.items()))
        lines.append(f"compare the outputs: {where or 'as they are registered'}")
        return tuple(lines)

    # L0: every byte.

    def _bytes(self) -> _Outcome:
        try:
            self._version.checkout(self._place / "version", progress=False)
        except ModelverError as error:
            return FAILED, error.message, ()
        broken, passing, far = [], [], []
        for source in self._version.inputs:
            if source.how == "copy":
                continue
            if is_passing(source):
                passing.append(
                    f"input {source.name}: it was in memory, {source.digest}"
                )
                continue
            if source.uri is not None and not (
                self._fetch or source.name in self._data
            ):
                far.append(f"input {source.name}: {source.uri}")
                continue
            key = f"data/{source.name}"
            nearby = self._recipe.sources.get(key)
            try:
                self._fetched[key] = fetch_input(
                    self._core,
                    source,
                    self._place / "inputs" / source.name,
                    given=self._data.get(source.name),
                    nearby=None if nearby is None else inside(Path.cwd(), nearby),
                )
            except ModelverError as error:
                broken.append(f"input {source.name}: {error.message}")
        broken += self._compare_given()
        if broken:
            return FAILED, "what it was made from is no longer there", tuple(broken)
        if far:
            return UNTRIED, _NOT_FETCHED, tuple(far)
        return PASSED, "", tuple(passing)

    def _compare_given(self) -> list[str]:
        """Compare data that the caller handed over with what was copied."""
        algorithm = self._core.log.state.info.digest
        return [
            f"input {source.name}: {os.fspath(self._data[source.name])!r} holds "
            "other data than was registered"
            for source in self._version.inputs
            if source.how == "copy"
            and source.name in self._data
            and source.digest
            not in digest_path(
                local_path(self._data[source.name], "the data"), algorithm
            )
        ]

    # L1: the environment.

    def _environment(self) -> _Outcome:
        environment = self._version.environment
        if environment is None:
            return UNTRIED, "no environment was recorded", ()
        try:
            if self._python is not None:
                check = environment.compare(self._python)
            else:
                check = environment.create(self._place / "env", progress=False)
        except ModelverError as error:
            return FAILED, error.message, tuple(getattr(error, "__notes__", ()))
        self._python = Path(check.interpreter)
        unknown = [f"{name}: {why}" for name, why in check.unknown.items()]
        if check.same:
            return PASSED, "", ()
        return FAILED, "it is another environment", (*check.differences, *unknown)

    # L2: the command.

    def _command(self) -> _Outcome:
        recipe = self._recipe
        if not recipe.command:
            return UNTRIED, "no command was recorded", ()
        if self._python is None:
            return UNTRIED, "there is no environment to run it in", ()
        top, stage = self._place / "run", self._place / "rehearsal"
        set_stage(top, self._place / "version", recipe, self._fetched)
        log = self._place / "run.log"
        try:
            self._ran = run_command(
                words_of(recipe.command, self._python),
                inside(top, recipe.folder),
                variables_of(self._python, self._variables(stage)),
                timeout=self._timeout,
                log=log,
            )
        except OSError as error:
            said = error.strerror or str(error)
            return FAILED, f"{recipe.command[0]!r} cannot be started: {said}", ()
        mine = [n for n in noted(stage) if n.name == self._version.name]
        self._noted = mine[-1] if mine else None
        if self._ran.ok:
            return PASSED, "", ()
        why = (
            f"it was ended after {self._ran.seconds:.0f} s"
            if self._ran.timed_out
            else f"it ended with exit code {self._ran.code}"
        )
        return FAILED, why, self._ran.tail

    def _variables(self, stage: Path) -> dict[str, str]:
        recorded = self._version.run.get("variables")
        told = recorded if isinstance(recorded, Mapping) else {}
        return {
            **{k: str(v) for k, v in told.items() if k in _TOLD_AGAIN},
            VARIABLE: os.fspath(stage),
            "MODELVER_CODE": "off",
            "MODELVER_REGISTRY": self._core.backend.url,
        }

    # L3: the metrics.

    def _metrics(self) -> _Outcome:
        expected = self._version.registered_metrics
        if not expected:
            return UNTRIED, "no metrics were registered", ()
        try:
            found = self._measured()
        except (OSError, ValueError, RecursionError) as error:
            return FAILED, f"its metrics cannot be read: {type(error).__name__}", ()
        if found is None:
            return UNTRIED, "the command leaves no metrics that are known of", ()
        off = compare_metrics(expected, found, self._recipe.tolerance)
        if off:
            return FAILED, "the metrics are farther off than declared", tuple(off)
        return PASSED, "", ()

    def _measured(self) -> dict[str, float] | None:
        if self._noted is not None:
            slices = self._noted.slices.items()
            flat = {f"{s}:{name}": v for s, of in slices for name, v in of.items()}
            return {**self._noted.metrics, **flat}
        if not self._recipe.metrics:
            return None
        found: dict[str, float] = {}
        for place in self._recipe.metrics:
            said = json.loads(inside(self._place / "run", place).read_bytes())
            if not isinstance(said, dict):
                raise ValueError(f"{place} holds no object")  # noqa: TRY004 - as bad JSON
            found |= {k: float(v) for k, v in said.items() if _is_number(v)}
        return found

    # L4: the outputs.

    def _outputs(self) -> _Outcome:
        registered = {f.path: f for f in self._version.files if f.role == "model"}
        made = self._made()
        if not made:
            return UNTRIED, "nobody said where the command leaves its outputs", ()
        algorithm = self._core.log.state.info.digest
        differ, tensors = [], []
        for path in sorted(registered.keys() | made.keys()):
            if path not in made:
                differ.append(f"{path}: the command does not make it")
            elif path not in registered:
                differ.append(f"{path}: the command makes it, and it is not registered")
            elif registered[path].digest not in digest_path(made[path], algorithm):
                original = self._place / "version" / path
                if same_tensors(original, made[path]):
                    tensors.append(f"{path}: other bytes around the same tensors")
                else:
                    differ.append(f"{path}: it holds something else")
        if differ:
            return FAILED, "the outputs differ", tuple(differ)
        return PASSED, "", tuple(tensors)

    def _made(self) -> dict[str, Path]:
        """Return path in the bundle to file, of every model file that was made."""
        if self._noted is None:
            found = files_below(self._place / "run", self._recipe)
            return {k: v for k, v in found.items() if k.startswith("model/")}
        stage = self._place / "rehearsal"
        backend = overlay_of(self._core.backend, stage, self._noted)
        algorithm = self._core.log.state.info.digest
        manifest = ManifestStore(backend, algorithm).read(self._noted.manifest)
        files = [file for file in manifest.bundle.files if file.role == "model"]
        objects = ObjectStore(backend, algorithm)
        reader = BundleReader(objects, manifest, "what was made")
        root = checkout(reader, files, self._place / "made")
        return {file.path: root / file.path for file in files}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
