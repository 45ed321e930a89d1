"""The verb of a version's environment: list, export, build, compare."""

from argparse import Namespace

from modelver._cli.failure import FAILED, OK
from modelver._cli.opening import opened, progress
from modelver._cli.output import Cell, Reply, Table, Text, digest
from modelver._cli.parser import usage_error
from modelver._registry.environment import VersionEnvironment
from modelver._values.environment_check import EnvironmentCheck
from modelver.errors import ErrorKind, NotFoundError


def env(args: Namespace) -> Reply:
    """Show, export, build or compare."""
    doing = [args.format, args.create or args.python]
    if all(doing):
        raise usage_error(
            "--format is given together with --create or --python",
            "Write the file first, and build or compare then.",
        )
    if args.tool and not args.create:
        raise usage_error("--tool is given without --create", "It builds nothing.")
    version = opened(args).get(args.ref)
    environment = version.environment
    if environment is None:
        raise NotFoundError(
            f"{version.ref} was registered without an environment",
            kind=ErrorKind.FILE,
            ref=version.ref,
            hint="It is recorded unless environment=False (--no-environment) is given.",
        )
    if args.format:
        text = environment.export(args.format)
        data = {"ref": version.ref, "format": args.format, "text": text}
        return Reply(data, Text(text.rstrip("\n")))
    if args.create:
        check = environment.create(
            args.create, python=args.python, tool=args.tool, progress=progress(args)
        )
        return _checked(version.ref, check)
    if args.python:
        return _checked(version.ref, environment.compare(args.python))
    return _listed(version.ref, environment)


def _checked(ref: str, check: EnvironmentCheck) -> Reply:
    code = OK if check.same else FAILED
    return Reply({"ref": ref, **check.to_dict()}, Text(str(check)), code)


def _listed(ref: str, environment: VersionEnvironment) -> Reply:
    marks, sources = environment.fingerprints, environment.sources
    rows = [
        (
            Cell(name, style="bold"),
            version,
            sources.get(name, ""),
            digest(marks.get(name, "")),
        )
        for name, version in environment.packages.items()
    ]
    data = {
        "ref": ref,
        "implementation": environment.implementation,
        "python": environment.python,
        "packages": dict(environment.packages),
        "fingerprints": dict(marks),
        "sources": dict(sources),
        "locks": list(environment.locks),
    }
    head = ("package", "version", "source", "fingerprint")
    summary = f"{environment.implementation} {environment.python}"
    return Reply(data, Table(head, rows, summary=summary))
