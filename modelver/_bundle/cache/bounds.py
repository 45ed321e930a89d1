"""How much the cache may hold, and for how long."""

from typing import Final

from attrs import frozen

# Two versions of a model of eight billion parameters in half precision: what one
# compares, and what an alias moves between.
DEFAULT_SIZE: Final = 32 * 2**30
DEFAULT_AGE: Final = 30.0


@frozen(kw_only=True)
class Bounds:
    """What is thrown away after the cache has grown: the least recently used first.

    The size is a goal: what is asked for is kept, however large it is.

    Attributes:
        size: Bytes of all copies together; None: any number.
        age: Days after which a copy that nobody asked for goes; None: it stays.
        grace: Seconds during which a copy stays that was handed out before the call
            that makes the cache grow: whoever has asked for it will open it now.
    """

    size: int | None = DEFAULT_SIZE
    age: float | None = DEFAULT_AGE
    grace: float = 60.0
