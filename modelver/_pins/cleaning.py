"""The filter on the way into Git: of bytes that are pinned, their pointer.

Git runs one process for each file (not one for all of a command): so the command can
be one that goes on without modelver, where that is not installed any more. What is
imported here delays every ``git add``, so it is little.
"""

from pathlib import Path
from shlex import quote
from typing import IO, Final

from modelver._pins.git import find_git
from modelver._pins.known import recall
from modelver._pins.pointer import MAX_POINTER, Pointer, has_conflict, maybe
from modelver._values.digests import ALGORITHMS, new_hasher
from modelver.errors import AlreadyExistsError, ErrorKind

_PIECE: Final = 2**20


def clean(path: str, stream: IO[bytes]) -> bytes:
    """Return what Git is to hold of a file: its pointer.

    Args:
        path: The file, from the top of the work tree.
        stream: Its bytes.

    Raises:
        AlreadyExistsError: They are not what any pointer says.
    """
    head = stream.read(MAX_POINTER + 1)
    if maybe(head, path) is not None:
        return head  # left by a smudge that could not do more, or by hand
    git = find_git(Path.cwd())
    held = git.blob(f":{path}", MAX_POINTER) if git is not None else None
    digests = _digests(head, stream)
    pin = None if held is None else maybe(held, path)
    if held is not None and pin is not None and pin.content in digests:
        return held
    known = recall(git, digests) if git is not None else None
    if known is not None:
        return known
    raise _refusal(path, pin, head)


def _refusal(path: str, pin: Pointer | None, head: bytes) -> AlreadyExistsError:
    if has_conflict(head):
        return AlreadyExistsError(
            f"{path} holds a merge conflict between two pins",
            kind=ErrorKind.LOCAL_CHANGES,
            hint=f"Take one side: git checkout --theirs -- {quote(path)} (or --ours), "
            f"and git add {quote(path)} . Or pin it again.",
        )
    was = "" if pin is None else f" {pin.exact} any more, which is pinned there"
    return AlreadyExistsError(
        f"{path} is not{was or ' what any pin of this repository has'}, and its bytes "
        "do not belong into Git",
        kind=ErrorKind.LOCAL_CHANGES,
        hint="Register it (modelver register NAME PATH) and pin that version: modelver "
        "pin REF FOLDER --file FILE --hold. Or have back what was pinned: modelver "
        f"pull --force {quote(path)}",
    )


def _digests(head: bytes, stream: IO[bytes]) -> list[str]:
    """Return the digests of a stream, by each algorithm that a pointer may use."""
    hashers = {name: new_hasher(name) for name in ALGORITHMS}
    piece = head
    while piece:
        for hasher in hashers.values():
            hasher.update(piece)
        piece = stream.read(_PIECE)
    return [f"{name}:{hasher.hexdigest()}" for name, hasher in hashers.items()]
