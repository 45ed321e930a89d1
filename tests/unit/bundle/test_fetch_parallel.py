"""Threads that work, and the one that follows."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import Any, NoReturn

import pytest

from modelver._bundle.parallel import IN_FLIGHT, Job, run_jobs
from modelver.testing import Crash

THREADS = [0, 1, 2, 8]


@pytest.mark.parametrize("threads", THREADS)
def test_what_follows_is_in_order(threads: int) -> None:
    """Everything is done; what follows comes in order, in the caller's thread."""
    done: set[int] = set()
    followed: list[tuple[int, int]] = []

    def follow(number: int) -> None:
        assert number in done or number % 5 == 0
        followed.append((number, threading.get_ident()))

    jobs = (
        Job(None if n % 5 == 0 else partial(done.add, n), partial(follow, n))
        for n in range(100)
    )
    run_jobs(jobs, threads)
    assert followed == [(n, threading.get_ident()) for n in range(100)]
    assert len(done) == 80


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_no_more_is_begun_than_there_is_memory_for(threads: int) -> None:
    """Jobs wait while those before them take all the memory; a huge one runs alone."""
    costs = [IN_FLIGHT // 3] * 10 + [IN_FLIGHT * 2] + [1] * 50 + [IN_FLIGHT] * 3
    under_way = 0

    def jobs() -> Iterator[Job]:
        nonlocal under_way
        for cost in costs:
            yield Job(int, partial(end, cost), cost)
            under_way += cost
            assert under_way <= max(IN_FLIGHT, cost)

    def end(cost: int) -> None:
        nonlocal under_way
        under_way -= cost

    run_jobs(jobs(), threads)
    assert under_way == 0


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("error", [Crash, ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["act", "then", "jobs"])
def test_errors(threads: int, error: type[BaseException], where: str) -> None:
    """The first error ends all, and when it is raised nothing runs any more."""
    begun: list[int] = []
    thought_of = 0

    def fail() -> NoReturn:
        raise error

    def jobs() -> Iterator[Job]:
        nonlocal thought_of
        for number in count():
            thought_of += 1
            if number != 10:
                yield Job(partial(begun.append, number))
            elif where == "act":
                yield Job(fail)
            elif where == "then":
                yield Job(int, fail)
            else:
                fail()

    before = threading.active_count()
    with pytest.raises(error):
        run_jobs(jobs(), threads)
    assert threading.active_count() == before
    assert thought_of <= 11 + 2 * threads
    if where != "jobs":  # what has not begun by then never does
        assert sorted(begun)[:10] == list(range(10))


def test_the_first_error_in_order_is_raised() -> None:
    """Of two errors the caller hears the one that he would have met alone."""
    second_failed = threading.Event()

    def first() -> NoReturn:
        assert second_failed.wait(60)
        raise ValueError("first")

    def second() -> NoReturn:
        second_failed.set()
        raise ValueError("second")

    with pytest.raises(ValueError, match="first"):
        run_jobs([Job(first), Job(second)], 2)


def test_memory_is_given_back() -> None:
    """After many bytes have come and gone, as many jobs run side by side as before."""
    together = threading.Barrier(4, timeout=60)
    heavy = [Job(int, cost=IN_FLIGHT // 3) for _ in range(20)]
    run_jobs([*heavy, *(Job(together.wait, cost=1) for _ in range(4))], 4)
    assert not together.broken


def test_what_waits_never_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error, a job that no thread had taken up yet is not done any more."""
    real = ThreadPoolExecutor.shutdown
    go_on = threading.Event()
    taken_up = threading.Barrier(3, timeout=60)
    begun: list[str] = []

    def shutdown(
        pool: ThreadPoolExecutor, *, cancel_futures: bool = False, **words: Any
    ) -> None:
        real(pool, wait=False, cancel_futures=cancel_futures)
        go_on.set()
        real(pool, **words)

    def fail() -> NoReturn:
        taken_up.wait()  # by both threads
        raise Crash

    def busy() -> None:
        begun.append("busy")
        taken_up.wait()
        assert go_on.wait(60)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    waits = [Job(partial(begun.append, "late")) for _ in range(2)]
    with pytest.raises(Crash):
        run_jobs([Job(int, fail), Job(busy), Job(busy), *waits], 2)
    assert begun == ["busy", "busy"]
