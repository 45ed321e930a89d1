"""Verbs about the files of a version, and about damage."""

from argparse import Namespace
from base64 import b64encode
from types import TracebackType
from typing import IO, Self, cast

from modelver._cli import judged, junit
from modelver._cli.failure import DAMAGE, FAILED, OK
from modelver._cli.opening import opened, progress
from modelver._cli.output import Cell, Raw, Reply, Table, Text, digest, size
from modelver._registry.progress import Meter, progressing
from modelver._values.report import Report
from modelver.errors import ErrorKind, InvalidInputError

# What JSON is asked to hold: more is better written to a file.
_MAX_IN_JSON = 64 * 2**20
_CACHES = frozenset({"rollup-damaged"})


def files(args: Namespace) -> Reply:
    """List the files of a version."""
    found = opened(args).get(args.ref).files
    keys = ("path", "role", "size", "digest", "executable")
    data = [{key: getattr(file, key) for key in keys} for file in found]
    rows = [
        (
            Cell(f.path, style="bold"),
            f.role,
            size(f.size),
            digest(f.digest),
            "x" if f.executable else "",
        )
        for f in found
    ]
    return Reply(data, Table(("path", "role", "size", "digest", ""), rows, right=(2,)))


def cat(args: Namespace) -> Reply:
    """Write out the bytes of a file."""
    version = opened(args).get(args.ref)
    # Only the version knows what the short path of a model file means.
    stream = version.open(args.path, progress=progress(args))
    end = stream.seek(0, 2)
    stream.seek(0)
    if not args.json:
        meter = progressing(progress(args), f"reading {version.ref}")
        told = cast("IO[bytes]", _Told(stream, end, meter))
        return Reply(None, Raw(told, end, args.path))
    if end > _MAX_IN_JSON:
        stream.close()
        raise InvalidInputError(
            f"{args.path!r} has {end:,} bytes: too many for JSON",
            kind=ErrorKind.TOO_LARGE,
            hint="Leave --json out, or use path or checkout.",
        )
    with stream:
        content = b64encode(stream.read()).decode()
    data = {"ref": version.ref, "path": args.path, "size": end, "base64": content}
    return Reply(data, Text(""))


class _Told:
    """A stream of which a bar tells how much was read."""

    def __init__(self, stream: IO[bytes], size: int, meter: Meter) -> None:
        self._stream = stream
        self._size = size
        self._meter = meter

    def read(self, size: int) -> bytes:
        """Read, and tell."""
        data = self._stream.read(size)
        self._meter.relative_update(len(data))
        return data

    def __enter__(self) -> Self:
        self._meter.__enter__()
        self._meter.set_size(self._size)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._meter.__exit__(kind, error, trace)
        self._stream.close()


def path(args: Namespace) -> Reply:
    """Print the path of a local copy."""
    version = opened(args).get(args.ref)
    found = str(version.path(args.path, progress=progress(args)))
    return Reply({"ref": version.ref, "path": found}, Text(found))


def checkout(args: Namespace) -> Reply:
    """Write a version into a folder."""
    version = opened(args).get(args.ref)
    found = str(version.checkout(args.dest, args.role or None, progress=progress(args)))
    shown = f"{version.ref} is in {found}"
    return Reply({"ref": version.ref, "path": found}, Text(found, shown))


def verify(args: Namespace) -> Reply:
    """Look for damage."""
    report = opened(args).verify(
        args.ref, deep=not args.shallow, progress=progress(args)
    )
    if args.junit is not None:
        junit.write(args.junit, [judged.report_suite(report)])
    judged.tell_report(report)
    return Reply(report.to_dict(), Text(str(report)), _code(report))


def _code(report: Report) -> int:
    if report.ok:
        return OK
    return FAILED if {p.kind for p in report.problems} <= _CACHES else DAMAGE
