"""A call of the operating system fails, one after the other, in a folder.

Below a storage operation of a folder are several calls, and each can be refused on its
own, before it did anything or (on a network share) after.
"""

import errno
import itertools
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelver.backends.local import LocalBackend
from tests.crash.judging import Judge, tell
from tests.crash.oscalls import intercepted
from tests.crash.scenarios import SCENARIOS, prepare, run

pytestmark = pytest.mark.crash

LEAST = {"create": 5, "register the next": 25, "promote": 7}


class Failing:
    """Fails the k-th call, once, or that one and all after it.

    Several threads may make them.
    """

    def __init__(self, at: int, code: int, *, after: bool, lasting: bool) -> None:
        self.calls = 0
        self.fired = 0
        self._lock = threading.Lock()
        self._at = at
        self._code = code
        self._after = after
        self._lasting = lasting

    def __call__(
        self, name: str, args: tuple[Any, ...], call: Callable[[], Any]
    ) -> Any:
        """Make the call, or fail it."""
        with self._lock:
            self.calls += 1
            here = self.calls == self._at or (self._lasting and self.calls > self._at)
            self.fired += here
        if not here:
            return call()
        if self._after and name != "open":  # nobody could close it
            call()
        raise OSError(self._code, name, str(args[0]))


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.mark.parametrize("scenario", LEAST)
@pytest.mark.parametrize(
    ("code", "after", "lasting"),
    [
        (errno.EIO, False, False),
        (errno.EIO, True, False),
        (errno.ENOSPC, False, True),
        (errno.EACCES, False, True),
    ],
    ids=["refused", "answer lost", "full", "denied"],
)
def test_all_or_nothing(
    tmp_path: Path,
    scenario: str,
    code: int,
    after: bool,  # noqa: FBT001
    lasting: bool,  # noqa: FBT001
) -> None:
    """The commit is there or not, as the caller was told; all goes on afterwards."""
    chosen = SCENARIOS[scenario]
    numbers = itertools.count()

    def new() -> LocalBackend:
        return LocalBackend(str(tmp_path / str(next(numbers))))

    judge = Judge.of(chosen, new)
    seed = new()
    prepare(chosen, seed)
    for k in itertools.count(1):
        store = new()
        if Path(seed.url).exists():
            shutil.copytree(seed.url, store.url)
        failing = Failing(k, code, after=after, lasting=lasting)
        with intercepted(failing):
            told = tell(lambda: run(chosen, store, timeout=0.1 if lasting else 30.0))  # noqa: B023
        try:
            # Whoever was told goes on with the same backend, which knows its folders.
            judge.judge(told, LocalBackend(store.url))
        except BaseException as error:
            error.add_note(f"{errno.errorcode[code]} at call {k}")
            raise
        if not failing.fired:
            break
    assert k > LEAST[scenario]
    assert ("acked", True) in judge.seen
    if lasting or scenario == "register the next":
        assert {outcome for outcome, _ in judge.seen} > {"acked"}
    shutil.rmtree(tmp_path)
