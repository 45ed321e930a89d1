"""How fast files go in and out, beside other tools and beside ``cp``: ``nox -s bench``.

Every figure is a ratio of things that ran one after the other on the same disk. The
whole takes half an hour and some 30 GB; ``--scale 0.01 --peers none`` is a trial.
"""

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from attrs import evolve

from benchmarks.bytes.figures import Results, ratio
from benchmarks.bytes.measure import BenchError, Sample, remove
from benchmarks.bytes.peers import PEERS, found
from benchmarks.bytes.report import markdown
from benchmarks.bytes.tools import Modelver
from benchmarks.bytes.works import ROOT, WORKS, Setting, measure

DOCS = ROOT / "docs" / "explanation"
BUNDLE_BYTES = 2.42e9


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tell(sample: Sample) -> None:
    """Say what has just been measured."""
    beside = ratio(sample)
    text = f"{sample.round + 1}: {sample.work:9} {sample.tool:36}"
    text += f"{sample.seconds:8.3f} s"
    say(text + (f"  ratio {beside:6.2f}" if beside else ""))


def words(text: str) -> list[str]:
    """Split at commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="of everything (3)")
    add("--scale", type=float, default=1.0, help="of the bundle: 0.01 is a trial (1)")
    add("--only", type=words, default=list(WORKS), help=f"of {', '.join(WORKS)}")
    add("--peers", default="all", help=f"all, none, or of {', '.join(PEERS)}")
    add("--changes", type=int, default=20, help="versions of the work twenty (20)")
    add("--small", type=int, default=1000, help="versions of the work small (1000)")
    add("--folder", type=Path, help="on the disk that is measured")
    add("--venvs", type=Path, default=ROOT / "benchmarks" / ".venvs", help="of peers")
    add("--json", type=Path, help="where to keep the results")
    add("--markdown", type=Path, help="where to keep the tables")
    add("--plots", type=Path, help="where to draw")
    add("--results", type=Path, help="show what --json kept, and measure nothing")
    add("--write-docs", action="store_true", help="put tables and plots into docs/")
    options = parser.parse_args()
    unknown = [work for work in options.only if work not in WORKS]
    if unknown:
        parser.error(f"no work is called {unknown[0]}: they are {', '.join(WORKS)}")
    options.peers = {"all": list(PEERS), "none": []}.get(
        options.peers, words(options.peers)
    )
    unknown = [name for name in options.peers if name not in PEERS]
    if unknown:
        parser.error(f"no peer is called {unknown[0]}: they are {', '.join(PEERS)}")
    return options


def file_system(folder: Path) -> str:
    """Return the kind of the file system that holds a folder."""
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    points = {Path(line.split()[1]): line.split()[2] for line in mounts}
    return next(points[p] for p in (folder, *folder.parents) if p in points)


def machine(folder: Path) -> dict[str, str]:
    """Return what it is measured on, without a name of a host or of a folder."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in info if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{os.cpu_count()} cores ({(models or [platform.machine()])[0]}), "
        f"{memory / 2**30:.0f} GiB, {file_system(folder)}",
        "system": f"Linux {platform.release()}, Python {platform.python_version()}",
    }


def prepare(options: argparse.Namespace) -> Path:
    """Return a fresh folder on the disk that is measured.

    Raises:
        BenchError: It is no disk, or too small.
    """
    above = (options.folder or Path(tempfile.gettempdir())).resolve()
    if file_system(above) in ("tmpfs", "ramfs"):
        why = f"{above} lies in memory, where nothing is durable"
        if options.folder is None:
            raise BenchError(f"{why}: give --folder a disk")
        say(f"{why}: what follows means nothing")
    bundles = 14 if options.peers else 7
    needed = bundles * BUNDLE_BYTES * options.scale
    free = shutil.disk_usage(above).free
    if free < needed:
        raise BenchError(
            f"{needed / 1e9:.0f} GB are needed in {above}, {free / 1e9:.0f} are free: "
            "give --folder another, or --scale a smaller bundle"
        )
    return Path(tempfile.mkdtemp(prefix="modelver-bench-", dir=above))


def measured(options: argparse.Namespace) -> Results:
    """Measure."""
    folder = prepare(options)
    try:
        peers, missing = found(options.peers, options.venvs)
        for name, why in missing.items():
            say(f"MISSING: {name}: {why}")
        tools = [Modelver(), *peers]
        only = frozenset(options.only)
        setting = Setting(folder, options.scale, only, options.changes, options.small)
        facts = {
            **machine(folder),
            "rounds": f"{options.rounds}",
            "bundle": f"{BUNDLE_BYTES * options.scale / 1e9:.2f} GB",
        }
        if options.scale != 1:
            facts["bundle"] += ", a trial: its figures mean nothing"
        releases = {tool.name: tool.version for tool in tools}
        verifying = [tool.name for tool in tools if tool.verifies]
        results = Results(facts, releases, verifying, missing, ())
        for sample in measure(setting, tools, options.rounds, missing):
            tell(sample)
            results = evolve(results, samples=(*results.samples, sample))
            if options.json:
                results.save(options.json)  # at once: half an hour is long
    finally:
        remove(folder)
    for name, why in missing.items():
        say(f"MISSING: {name}: {why}")
    return results


def drawn(results: Results, folder: Path) -> dict[str, Path]:
    """Draw the plots, where there is something to draw with."""
    try:
        from benchmarks.bytes.plot import draw_all  # noqa: PLC0415 - it may be missing
    except ModuleNotFoundError as error:
        say(f"MISSING: no plots are drawn: {error}")
        return {}
    return draw_all(results, folder)


def main() -> None:
    """Measure or load, and show."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and tidies up
    try:
        results = (
            Results.load(options.results) if options.results else measured(options)
        )
    except BenchError as error:
        raise SystemExit(f"{error}") from None
    if options.plots:
        drawn(results, options.plots)
    text = markdown(results, {})
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.write_docs:
        plots = drawn(results, DOCS / "img")
        inner = {work: f"img/{path.name}" for work, path in plots.items()}
        page = markdown(results, inner)
        (DOCS / "speed-figures.md").write_text(page, encoding="utf-8")
    say(text)


if __name__ == "__main__":
    main()
