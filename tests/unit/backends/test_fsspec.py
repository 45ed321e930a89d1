"""What all stores behind fsspec share: answers are told apart, errors are ours."""

import traceback
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from modelver.backends._errors import Answer, judge, secrets_in, without
from modelver.backends._filesystem import Filesystem
from modelver.backends._fsspec import FsspecBackend
from modelver.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ErrorKind,
    StorageError,
)
from modelver.plugin import Capabilities


class _Said(Exception):  # noqa: N818 - it is an answer
    """An exception of a client: what it means, and what it says."""

    def __init__(self, answer: Answer, text: str = "because") -> None:
        super().__init__(text)
        self.answer = answer


class _Store(MemoryFileSystem):  # type: ignore[misc] # fsspec is untyped
    """Raises what it is told to, as often as it is told to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.store: dict[str, Any] = {}
        self.raises: list[Exception] = []
        self.asked = 0

    def cat_file(self, *args: Any, **kwargs: Any) -> Any:
        self._fail()
        return super().cat_file(*args, **kwargs)

    def find(self, *args: Any, **kwargs: Any) -> Any:
        self._fail()
        return super().find(*args, **kwargs)

    def rm_file(self, *args: Any) -> None:
        self._fail()
        super().rm_file(*args)

    def _fail(self) -> None:
        self.asked += 1
        if self.raises:
            raise self.raises.pop(0)


class _Backend(FsspecBackend):
    """Over such a store."""

    hints: ClassVar[Mapping[Answer, str]] = {Answer.DENIED: "Ask the owner."}

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        files = Filesystem(_Store)
        super().__init__("far://root", files, "/root", secrets=secrets)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(exclusive_create=True, durable=True)

    def _put_new(self, filesystem: Any, path: str, data: bytes) -> None:
        filesystem._fail()
        filesystem.pipe_file(path, data)

    def _judge(self, error: Exception) -> Answer:
        return error.answer if isinstance(error, _Said) else super()._judge(error)


CALLS: dict[str, Callable[[_Backend], object]] = {
    "create": lambda b: b.create("a/b", b"x"),
    "upload": lambda b: b._put("a/b", b"x"),
    "read": lambda b: b.read("a/b"),
    "read_many": lambda b: b.read_many(["a/b"], 10),
    "list": lambda b: list(b.list("a/")),
    "delete": lambda b: b.delete("a/b"),
}
MEANING_SOMETHING = {
    ("create", Answer.TAKEN),
    ("upload", Answer.TAKEN),
    ("read", Answer.MISSING),
    ("read", Answer.OUT_OF_RANGE),
    ("read_many", Answer.MISSING),
    ("read_many", Answer.OUT_OF_RANGE),
    ("list", Answer.MISSING),
    ("delete", Answer.MISSING),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", Answer)
def test_every_answer_of_every_call(call: str, answer: Answer) -> None:
    """Only what a call can mean by it is an answer; all else is our StorageError."""
    backend = _Backend()
    # A dead connection is tried a second time where that changes nothing.
    backend._fs.raises += [_Said(answer)]
    instance = backend._fs
    if (call, answer) in MEANING_SOMETHING:
        return
    if answer is Answer.DEAD and call not in ("create", "upload"):
        CALLS[call](backend)  # the next one answers
        assert backend._fs is not instance
        return
    with pytest.raises(StorageError) as caught:
        CALLS[call](backend)
    error = caught.value
    assert "because" in error.message
    assert "far://root" in error.message
    denied = answer in (Answer.DENIED, Answer.BAD_CREDENTIALS)
    assert isinstance(error, AccessDeniedError) == denied
    expected = {Answer.FULL: ErrorKind.DISK_FULL, Answer.UNSUPPORTED: "unsupported"}
    if not denied:
        assert error.kind == expected.get(answer, ErrorKind.IO)
    for_good = denied or answer in (Answer.NO_STORE, Answer.UNSUPPORTED)
    assert error.retryable == (not for_good)
    if answer not in (
        Answer.OTHER,
        Answer.DEAD,
        Answer.TAKEN,
        Answer.MISSING,
        Answer.OUT_OF_RANGE,
    ):
        assert error.hints


def test_answers_that_mean_something() -> None:
    """Taken, missing, and out of range, each where it can be meant."""
    backend = _Backend()

    def told(answer: Answer) -> _Backend:
        backend._fs.raises = [_Said(answer)]
        return backend

    with pytest.raises(AlreadyExistsError) as caught:
        told(Answer.TAKEN).create("a/b", b"x")
    assert caught.value.kind is ErrorKind.KEY_EXISTS
    told(Answer.TAKEN)._put("a/b", b"x")
    assert told(Answer.MISSING).read("a/b") is None
    assert told(Answer.OUT_OF_RANGE).read("a/b", 5) == b""
    assert told(Answer.MISSING).read_many(["a/b"], 5) == [None]
    assert told(Answer.OUT_OF_RANGE).read_many(["a/b"], 5) == [b""]
    assert list(told(Answer.MISSING).list("a/")) == []
    told(Answer.MISSING).delete("a/b")


def test_one_that_fails_fails_the_round() -> None:
    """Of many reads one cannot be told: that is no answer of None."""
    backend = _Backend()
    backend.create("a/b", b"x")
    backend._fs.raises = [_Said(Answer.MISSING), _Said(Answer.BUSY)]
    with pytest.raises(StorageError):
        backend.read_many(["a/1", "a/2", "a/b"], 5)


def test_dead_once_is_asked_again_dead_twice_is_told() -> None:
    """A create is never sent a second time: its first may have landed."""
    backend = _Backend()
    backend._fs.raises = [_Said(Answer.DEAD)]
    first = backend._fs
    with pytest.raises(StorageError):
        backend.create("a/b", b"x")
    assert first.asked == 1
    assert backend._fs is not first
    assert backend._fs.asked == 0
    Twice = _dead_twice()  # noqa: N806 - a class
    with pytest.raises(StorageError):
        Twice().read("a/b")


def _dead_twice() -> type[_Backend]:
    class Twice(_Backend):
        """Every instance of whose client is dead at once."""

        def _get(self, *_: Any) -> bytes:
            raise _Said(Answer.DEAD)

    return Twice


def test_empty_ranges_ask_for_a_byte() -> None:
    """Stores do not agree on a range of nothing: none is asked for one."""
    ranges: list[tuple[int, int | None]] = []

    class Noting(_Backend):
        def _get(self, filesystem: Any, path: str, start: int, end: int | None) -> Any:
            ranges.append((start, end))
            return super()._get(filesystem, path, start, end)

    backend = Noting()
    backend.create("a/b", b"four")
    for start, end in ((0, 0), (3, 3), (4, 4), (3, 1)):
        assert backend.read("a/b", start, end) == b""
    assert backend.read("a/c", 0, 0) is None
    assert backend.read_many(["a/b", "a/c"], 0) == [b"", None]
    assert all(end is not None and end > start for start, end in ranges)


def test_the_hint_of_a_store_goes_before_the_general_one() -> None:
    """Each backend may know better what to do."""
    backend = _Backend()
    backend._fs.raises = [_Said(Answer.DENIED)]
    with pytest.raises(AccessDeniedError) as caught:
        backend.read("a/b")
    assert caught.value.hints == ("Ask the owner.",)


def test_a_listing_shows_what_is_below_alone() -> None:
    """Neither a key of the prefix's own name, nor what only begins like it."""

    class Generous(_Backend):
        def _find(self, *_: Any) -> Mapping[str, Any]:
            found = ("/root/log", "/root/log/1", "/root/log/a/b", "/root/logs/1")
            return {path: {"size": 1} for path in (*found, "/roots/log/1")}

    assert [info.key for info in Generous().list("log/")] == ["log/1", "log/a/b"]
    assert len(list(Generous().list(""))) == 4


def test_secrets_are_hidden_wherever_they_come_out() -> None:
    """In the message, and in the traceback: the client's own text is not shown then."""
    backend = _Backend(secrets=("pass/word+1",))
    for spelling in ("pass/word+1", "pass%2Fword%2B1"):
        backend._fs.raises = [_Said(Answer.OTHER, f"no {spelling} here")]
        with pytest.raises(StorageError) as caught:
            backend.read("a/b")
        shown = "".join(traceback.format_exception(caught.value))
        assert spelling not in shown
        assert "no *** here" in caught.value.message
        # What came before it would bring the text along, pickled or logged.
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    backend._fs.raises = [_Said(Answer.OTHER, "no word here")]
    with pytest.raises(StorageError) as caught:
        backend.read("a/b")
    assert isinstance(caught.value.__cause__, _Said)


def test_what_may_be_secret() -> None:
    """Texts under a telling name, however deep; not the names of places."""
    options = {
        "endpoint_url": "http://here:9000",
        "key": "AKID0123",
        "secret": "s3cr3t",
        "token": None,
        "client_kwargs": {"region_name": "north", "aws_session_token": "t0k3n"},
        "credentials": {"type": "user", "refresh": ["r3fr3sh"]},
        "anon": False,
        "password": "abc",
    }
    found = secrets_in(options)
    assert set(found) == {"AKID0123", "s3cr3t", "t0k3n", "r3fr3sh", "user"}
    assert [len(each) for each in found] == sorted(map(len, found), reverse=True)
    assert secrets_in(None) == ()
    assert without("http://here:9000 s3cr3t", found) == "http://here:9000 ***"


def test_python_s_own_exceptions() -> None:
    """As far as they tell; what they do not tell is OTHER."""
    assert judge(FileNotFoundError("x")) is Answer.MISSING
    assert judge(FileExistsError("x")) is Answer.TAKEN
    assert judge(PermissionError("x")) is Answer.DENIED
    assert judge(OSError(30, "read-only")) is Answer.DENIED
    assert judge(OSError(28, "full")) is Answer.FULL
    assert judge(TimeoutError()) is Answer.UNREACHABLE
    assert judge(ConnectionRefusedError(111, "no")) is Answer.UNREACHABLE
    assert judge(OSError(22, "invalid")) is Answer.OTHER
    assert judge(ValueError("x")) is Answer.OTHER
