"""From a training run to a rollback, on real data: ``python tutorial.py``.

Trains nine classifiers, registers them as versions of two models, and lives through
what a registry is for: a release, a bad night, questions, a checkout, a check. All of
it happens in the folder ``modelver-tutorial`` below the one where you are. Run it as
often as you like: what was registered is not registered again.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from textwrap import fill, indent
from typing import Any, NamedTuple

import numpy as np
from deliveries import deliver
from runs import RUNS, Run
from training.measure import measure
from training.train import decide, load, read, score, train

import modelver

WORK = Path("modelver-tutorial")
CODE = Path(__file__).resolve().parent / "training"

Versions = dict[str, modelver.ModelVersion]  # by model and run: "tumour/careful"


class Trained(NamedTuple):
    """A version, and what its model said of the test rows right after training."""

    version: modelver.ModelVersion
    scores: Any
    new: bool


def main() -> None:
    """Tell the story, and sum up what came of it."""
    url = prepare()
    started = time.perf_counter()
    registry = modelver.Registry(url, create=True, cache=WORK / "cache")
    print(f"modelver {modelver.__version__}, with a registry in {registry.url}")

    heading("1. Train and register")
    trained = train_and_register(registry)
    names = [f"{run.model}/{run.name}" for run in RUNS]
    made = dict(zip(names, [t.version for t in trained], strict=True))

    heading("2. Promote")
    promote(registry, made)

    heading("3. A bad night")
    seconds = bad_night(registry, made)

    heading("4. What was in production, and when?")
    look_back(registry)

    heading("5. Which version is best?")
    found, compared = find_best(registry, made)

    heading("6. What changed, and what came from what?")
    explain(registry, made)

    heading("7. Get everything back")
    same = check_out(trained)
    again = train_from_checkout(registry.get("digits@production"))

    heading("8. Is everything whole?")
    report = registry.verify()
    say(report)

    heading("Summary")
    new, total = sum(t.new for t in trained), len(trained)
    old = f"{total - new} of {total} runs gave the bytes that were there"
    say(f"registered     {new or 'no'} new versions; {old}")
    say(f"found          {found} of {report.versions} versions; compared {compared}")
    say(f"checked out    {total} versions; {same} give the same scores as at training")
    said = "the same bytes" if again else "OTHER BYTES"
    say(f"trained again  from a checkout alone: {said}")
    say(f"verified       {report.intact} of {report.versions} versions, every byte")
    say(f"rolled back    in {seconds * 1000:.1f} ms")
    say(f"all of this    in {time.perf_counter() - started:.1f} s")
    print("\nRun it again: nothing new is registered. With --fresh it all begins anew.")
    print(f"Look around: {python()} -m modelver --registry {url} log")
    if not (report.ok and again and same == total):
        raise SystemExit(1)


def prepare() -> str:
    """Read the command line, make the tutorial's folder, return where to register."""
    parser = argparse.ArgumentParser(
        description="Train, register, promote, roll back, look back, check out, verify."
    )
    parser.add_argument(
        "--registry",
        metavar="URL",
        default=str(WORK / "registry"),
        help="a folder or an address (default: %(default)s)",
    )
    parser.add_argument(
        "--fresh", action="store_true", help=f"delete the folder {WORK} first"
    )
    arguments = parser.parse_args()
    if arguments.fresh:
        shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    (WORK / ".gitignore").write_text("*\n")  # nothing in there is to be committed
    for name in ("data", "out", "checkout"):  # what an earlier run has left
        shutil.rmtree(WORK / name, ignore_errors=True)
    # What a client remembers of registries would lie in the user's own folder.
    os.environ.setdefault("MODELVER_STATE_DIR", str(WORK.resolve() / "state"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack our lines
    return str(arguments.registry)


def python() -> str:
    """Return what to type for the Python that runs this."""
    here = Path(sys.executable)
    return str(
        here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here
    )


# 1.


def train_and_register(registry: modelver.Registry) -> list[Trained]:
    """Make every run, and register what comes out of it."""
    deliver(WORK / "data")
    trained: list[Trained] = []
    for run in RUNS:
        first = not trained or trained[-1].version.name != run.model
        parents = [] if first else [trained[-1].version]
        if first and trained:
            say()
        trained.append(train_one(registry, run, parents))
        tell(run, trained[-1], first=first)
    return trained


def train_one(
    registry: modelver.Registry, run: Run, parents: list[modelver.ModelVersion]
) -> Trained:
    """Train, measure and register one model."""
    data = WORK / "data" / run.delivery
    out = WORK / "out" / run.model / run.name
    train(data, run.config, out)

    columns, labels = read(data / "test.csv")
    parts = load(out)
    scores = score(parts, columns)
    decided = decide(parts, scores, run.config)
    metrics, slices = measure(columns, labels, decided, run.config)

    before = registry.seq
    version = register(
        registry,
        run,
        files=out,
        code=CODE,
        data={"train.csv": data / "train.csv", "test.csv": data / "test.csv"},
        config=run.config,
        metrics=metrics,
        slices=slices,
        tags={"run": run.name, "delivery": run.delivery},
        description=run.what,
        parents=parents,
        message=f"Training run {run.name!r}",
    )
    return Trained(version, scores, new=version.seq > before)


def register(
    registry: modelver.Registry, run: Run, **words: Any
) -> modelver.ModelVersion:
    """Register a run; a run that is known, and gave the same bytes, is what it was."""
    known = registry.search(f"name = '{run.model}' and tags.run = '{run.name}'")
    for version in known:
        try:
            return registry.register(run.model, version=version.version, **words)
        except modelver.VersionExistsError:
            continue  # something is not as it was then: the code, a package, Python
    return registry.register(run.model, **words)


def tell(run: Run, trained: Trained, *, first: bool) -> None:
    """Say what was registered, how good it is, and why it has this number."""
    version = trained.version
    names = [name for name in ("accuracy", "recall") if name in version.metrics]
    if first:
        say(f"{run.model:<42}{''.join(f'{name:>11}' for name in names)}\n")
    numbers = "".join(f"{version.metrics[name]:>11.3f}" for name in names)
    say(f"{version.version:<8}{run.what:<34}{numbers}")
    why = "the same bundle as before: nothing is written"
    if trained.new:
        why = f"{version.bump}: {version.bump_reason}"
    say(fill(why, 76, initial_indent=" " * 8, subsequent_indent=" " * 8))


# 2.


def promote(registry: modelver.Registry, made: Versions) -> None:
    """Release both models in one commit: readers see both move, or neither."""
    with registry.transaction("The first release") as release:
        tumour, digits = made["tumour/careful"], made["digits/stiffer"]
        release.promote(tumour, "production", reason="misses the fewest")
        release.promote(digits, "production", reason="the most accurate")
    for name in ("tumour", "digits"):
        version = registry.get(f"{name}@production")
        say(f"{name}@production is {version}: {version.description}")


# 3.


def bad_night(registry: modelver.Registry, made: Versions) -> float:
    """Promote a version that is worse, and go back; return how many seconds it took."""
    good, bad = registry.get("digits@production"), made["digits/third"]
    registry.promote(bad, "production", expect=good, reason="more data, more accurate")
    said = [version.metrics["accuracy"] for version in (bad, good)]
    say(f"{bad} replaces {good}: accuracy {said[0]:.3f} instead of {said[1]:.3f}.")

    if not bad.evaluations:
        say("In the night people complain. Measured on rows that were labelled well:\n")
        measure_again(registry, bad, WORK / "data" / "digits-2" / "test.csv")
    else:
        say("(This has happened before. Take it as a fire drill.)\n")

    started = time.perf_counter()
    registry.rollback("digits", "production", reason="takes 1 for 7, and 7 for 1")
    seconds = time.perf_counter() - started
    back = registry.get("digits@production")
    say(f"Rolled back: digits@production is {back} again. {seconds * 1000:.1f} ms.")

    for user in registry.used_by(WORK / "data" / "digits-3" / "train.csv"):
        registry.tag(user, known_problem="wrong labels in digits-3")
        say(f"The file with the wrong labels went into {user}, which has a tag now.")
    return seconds


def measure_again(
    registry: modelver.Registry, version: modelver.ModelVersion, rows: Path
) -> None:
    """Measure a registered model on other rows; add what is found to the version."""
    columns, labels = read(rows)
    parts = load(version.path())
    decided = decide(parts, score(parts, columns), version.config)
    metrics, slices = measure(columns, labels, decided, version.config)
    dataset = f"{rows.parent.name}/{rows.name}"
    registry.evaluate(version, metrics, slices=slices, dataset=dataset)
    worst = sorted(slices, key=lambda name: slices[name]["accuracy"])
    for name in worst[:3]:
        say(f"    {name:<14}{slices[name]['accuracy']:.3f}")
    say(f"    {'all digits':<14}{metrics['accuracy']:.3f}\n")


# 4.


def look_back(registry: modelver.Registry) -> None:
    """Say who moved production, and why, and what the registry was like then."""
    moves = registry.alias_history("digits", "production")
    for move in moves[:3]:
        came = f"{move.previous or 'nothing'} -> {move.version}"
        say(f"{move.kind:<10}{came:<18}commit {move.seq}, {move.author}: {move.reason}")
    night = moves[1].seq
    before, then = registry.at(night - 1), registry.at(night)
    say(f"\nAs of commit {before.seq}: {before.resolve('digits@production')}")
    say(f"As of commit {then.seq}: {then.resolve('digits@production')}")
    say(f"Now:             {registry.resolve('digits@production')}")


# 5.


def find_best(registry: modelver.Registry, made: Versions) -> tuple[int, int]:
    """Ask, compare; return how many versions can be found, and how many compared."""
    questions = [
        ("name = 'tumour'", "metrics.recall desc"),
        ("name = 'digits' and tags.known_problem is null", "metrics.accuracy desc"),
        ('metrics.accuracy@"digit=8" > 0.9', 'metrics.accuracy@"digit=8" desc'),
    ]
    for question, order in questions:
        best, *others = registry.search(question, order_by=order)
        say(f"{question}, by {order}:")
        say(f"    {best}, then {', '.join(map(str, others))}\n")
    tumours = [version for version in made.values() if version.name == "tumour"]
    say(registry.compare(tumours).differing())
    everything = registry.search()
    return len(everything), len(registry.compare(everything).refs)


# 6.


def explain(registry: modelver.Registry, made: Versions) -> None:
    """Say what is different between two versions, and where one of them came from."""
    say(registry.diff(made["tumour/more-data"], made["tumour/scaled"]))
    say()
    say(registry.lineage(made["digits/projected"]))


# 7.


def check_out(trained: list[Trained]) -> int:
    """Check every version out; return how many predict as they did when trained."""
    same = 0
    for version, scores, _ in trained:
        folder = version.checkout(WORK / "checkout" / version.name / version.version)
        columns, _ = read(folder / "data" / "test.csv")
        equal = np.array_equal(score(load(folder / "model"), columns), scores)
        same += equal
        said = "the same scores as at training" if equal else "OTHER SCORES"
        say(f"{version.ref:<14}{len(columns)} rows, {said}")
    return same


def train_from_checkout(version: modelver.ModelVersion) -> bool:
    """Train from a checkout alone; return whether that gives the same bytes."""
    folder = WORK / "checkout" / version.name / version.version
    out = WORK / "out" / "again"
    script, config = folder / "code" / "train.py", folder / "config" / "config.json"
    words = [script, folder / "data", config, out]
    subprocess.run([sys.executable, *words], check=True)  # noqa: S603 - our own
    files = sorted(path.name for path in (folder / "model").iterdir())
    same = all(
        (out / name).read_bytes() == (folder / "model" / name).read_bytes()
        for name in files
    )
    say(f"\n{version} trained again from its checkout, in a process of its own:")
    say(f"{'the same' if same else 'OTHER'} bytes in {', '.join(files)}")
    return same


# How it is told.


def heading(text: str) -> None:
    """Begin a chapter."""
    print(f"\n\n{text}\n{'-' * len(text)}\n")


def say(what: object = "") -> None:
    """Print, indented."""
    print(indent(str(what), "   "))


if __name__ == "__main__":
    main()
