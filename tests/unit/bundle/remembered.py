"""Things to remember, made from small numbers."""

import hashlib

from modelver._bundle.memory import LocalMemory, Stamp


def digest(*what: object) -> str:
    """Return a digest, another one for each *what*."""
    return f"b3:{hashlib.sha256(repr(what).encode()).hexdigest()}"


def stamp(number: int) -> Stamp:
    """Return a stamp, another one for each *number*."""
    return Stamp(size=number, mtime_ns=2, ctime_ns=3, inode=4)


def truth(path: str, number: int) -> str:
    """Return what the file at *path* with *stamp(number)* holds: nothing else, ever."""
    return digest(path, number)


def works(memory: LocalMemory, path: str = "/a") -> bool:
    """Whether something new is remembered, and recalled."""
    memory.remember({path: (stamp(1), truth(path, 1))})
    return memory.recall({path: stamp(1)}) == {path: truth(path, 1)}
