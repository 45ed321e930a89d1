"""A process that makes victims: run as a script, told by JSON, answers in lines.

It has imported everything, forks a child for each order, and tells how the child
ended. The child does what was ordered and is killed on the way.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from modelver import Registry
from modelver.backends.local import LocalBackend
from modelver.testing import Fault, FaultyBackend, Plan
from tests.crash.oscalls import Counter, intercepted
from tests.crash.scenarios import MODEL, OTHER, SCENARIOS, put, run


def say(line: Mapping[str, Any]) -> None:
    """Write one line, whole: it is in the pipe when this returns."""
    os.write(1, json.dumps(line).encode() + b"\n")


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def operation(url: str, scenario: str, at: int, after: bool) -> None:  # noqa: FBT001
    """Act, and die at a storage operation."""
    fault = Fault.KILL_AFTER if after else Fault.KILL_BEFORE
    backend = FaultyBackend(LocalBackend(url), Plan(fault, at=at))
    run(SCENARIOS[scenario], backend)


def call(url: str, scenario: str, at: int) -> None:
    """Act, and die instead of a call of the operating system."""
    with intercepted(Counter(at, _die)):
        run(SCENARIOS[scenario], LocalBackend(url))


def fetch(url: str, dest: str, at: int) -> None:
    """Check a version out and fill the cache, and die on the way."""
    version = Registry(url).get(f"{MODEL}@newest")
    with intercepted(Counter(at, _die)):
        version.checkout(dest)
        version.path()


def loop(url: str, name: str) -> None:
    """Register, promote and release until somebody ends it; say what was done."""
    registry = Registry(url)
    alias = "of-" + name.replace(".", "-")
    number = 0
    while True:
        number += 1
        token = f"{name}-{number}"
        say({"begun": token})
        if number % 5 == 4:
            with registry.transaction(token) as batch:
                for model in (MODEL, OTHER):
                    new = batch.register(
                        model,
                        {"w.bin": token.encode()},
                        bump="minor",
                        environment=False,
                    )
                    batch.promote(new, "production", reason=token)
        elif number % 5 == 3:
            # An alias of its own: where another has moved it, nothing is written.
            registry.promote(f"{MODEL}@newest", alias, reason=token)
        else:
            put(registry, token, message=token)
        say({"acked": token})


JOBS = {job.__name__: job for job in (operation, call, fetch, loop)}


def _child(order: Mapping[str, Any]) -> NoReturn:
    code = 1
    try:
        JOBS[order["job"]](**order["words"])
        say({"done": True})
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    """Make one victim after the other."""
    say({"ready": True})
    while line := sys.stdin.readline():
        order = json.loads(line)
        os.environ.update(order["env"])
        child = os.fork()
        if child == 0:
            _child(order)
        say({"child": child})
        _, status = os.waitpid(child, 0)
        say({"ended": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    assert Path(__file__).name == "worker.py"
    main()
