"""Work that threads do beside each other, and what follows on it in order."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from concurrent.futures import Future

# Bytes of memory that all jobs together may take; what a client of a store has beside
# each of them comes on top.
IN_FLIGHT: Final = 48 * 2**20
# Jobs per thread that have begun or wait: enough that no thread ever waits.
_AHEAD: Final = 2


def nothing() -> None:
    """Do nothing: what follows where nothing does."""


@frozen
class Job:
    """Something to do, and what follows on it.

    Attributes:
        act: Done by any thread, beside others; None: there is nothing to wait for.
        then: Done by the caller's thread, in the order of the jobs.
        cost: Bytes of memory that it takes meanwhile.
    """

    act: Callable[[], object] | None
    then: Callable[[], object] = nothing
    cost: int = 0


def run_jobs(jobs: Iterable[Job], threads: int) -> None:
    """Do *jobs*, which may still be thought of while the first ones run.

    Args:
        jobs: In order.
        threads: How many at once; 0: one after the other, in this thread.

    Raises:
        BaseException: What the first job in order raised; none runs any more.
    """
    if threads == 0:
        for job in jobs:
            if job.act is not None:
                job.act()
            job.then()
        return
    from concurrent.futures import (  # noqa: PLC0415 - slow to import
        ThreadPoolExecutor,
    )

    running: deque[tuple[Future[object] | None, Job]] = deque()
    held = 0
    with ThreadPoolExecutor(threads, "modelver-read") as pool:

        def finish_first() -> int:
            future, job = running.popleft()
            if future is not None:
                future.result()
            job.then()
            return job.cost

        try:
            for job in jobs:
                while running and (
                    len(running) >= _AHEAD * threads or held + job.cost > IN_FLIGHT
                ):
                    held -= finish_first()
                future = None if job.act is None else pool.submit(job.act)
                running.append((future, job))
                held += job.cost
            while running:
                finish_first()
        except BaseException:
            # They write where the caller is about to close and to delete.
            pool.shutdown(cancel_futures=True)
            raise
