"""Asking again: a few times, with short pauses.

The clients of Google and of Azure ask again by themselves, for half a minute and for
more than one, and say nothing meanwhile. Here it is three times within two seconds, as
for S3: a commit is tried again by modelver, for as long as its caller has patience.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

_PAUSES: Final = (0.5, 1.0)  # seconds, at most; at least half of it


async def again(
    ask: Callable[[], Awaitable[T]], *, worth: Callable[[Exception], bool]
) -> T:
    """Return what ``ask()`` gives, or raise what its last try raised.

    Args:
        ask: Called for each try.
        worth: Whether an error may be another one, or none, in a moment.
    """
    for pause in _PAUSES:
        try:
            return await ask()
        except Exception as error:
            if not worth(error):
                raise
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
    return await ask()
