"""Arrays as the bytes of a ``.npy`` file: what NumPy itself would write.

The form is https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html,
version 1.0: a magic word, a length, a line of text that says type and shape, the
values. One array has one such file, whatever its order in memory: values stand in the
order of C, the smallest byte first. NumPy is not imported for it.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from modelver.errors import ErrorKind, InvalidInputError

MAX_HEADER: Final = 10 + 65536

_MAGIC: Final = b"\x93NUMPY"
_ALIGNED: Final = 64
_PIECE: Final = 4 * 2**20
_DIGITS: Final = 20  # NumPy leaves room for the first axis to grow
_HEADER: Final = re.compile(
    r"\{'descr': ('[^']{1,40}'|\[.{0,4000}\]), 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\),? *\}\s*"
)


@frozen(kw_only=True)
class ArrayFacts:
    """What the head of a ``.npy`` file says.

    Attributes:
        dtype: As NumPy writes it: ``<f8``.
        shape: Of the array.
    """

    dtype: str
    shape: tuple[int, ...]


def array_pieces(array: Any) -> Iterator[bytes]:
    """Yield the ``.npy`` file of a NumPy array, in pieces.

    Raises:
        InvalidInputError: It holds Python objects, which only pickle could keep.
    """
    dtype = array.dtype
    if dtype.hasobject:
        raise InvalidInputError(
            "the array holds Python objects, which have no bytes of their own",
            kind=ErrorKind.BAD_VALUE,
            hint="Convert it to numbers or text first, for instance with "
            "array.astype(str), or give a file.",
        )
    little = dtype.newbyteorder("<")
    yield _head(_described(little), array.shape)
    yield from _values(array, little)


def _described(dtype: Any) -> Any:
    return dtype.str if dtype.names is None else dtype.descr


def _head(descr: Any, shape: tuple[int, ...]) -> bytes:
    said = {"descr": descr, "fortran_order": False, "shape": shape}
    text = "{" + "".join(f"'{key}': {value!r}, " for key, value in said.items()) + "}"
    if shape:
        text += " " * (_DIGITS - len(repr(shape[0])))
    raw = text.encode("latin-1")
    around = len(_MAGIC) + 4
    raw += b" " * (_ALIGNED - (around + len(raw) + 1) % _ALIGNED) + b"\n"
    if len(raw) >= 2**16:
        raise InvalidInputError(
            "the array has too many fields for its type to be written down",
            kind=ErrorKind.TOO_LARGE,
            hint="Give it as a file, or as one array for each field.",
        )
    return _MAGIC + b"\x01\x00" + len(raw).to_bytes(2, "little") + raw


def _values(array: Any, little: Any) -> Iterator[bytes]:
    """Yield the values in the order of C, never more than a few megabytes at once."""
    if array.nbytes <= _PIECE or array.ndim == 0:
        if array.nbytes:
            yield array.astype(little, order="C", copy=False).tobytes()
        return
    row = max(array.nbytes // array.shape[0], 1)
    if row > _PIECE and array.ndim > 1:
        for number in range(array.shape[0]):
            yield from _values(array[number], little)
        return
    step = max(_PIECE // row, 1)
    for start in range(0, array.shape[0], step):
        part = array[start : start + step]
        yield part.astype(little, order="C", copy=False).tobytes()


def read_head(raw: bytes) -> ArrayFacts | None:
    """Return what the first :data:`MAX_HEADER` bytes of a ``.npy`` file say."""
    if not raw.startswith(_MAGIC) or len(raw) < 12:  # noqa: PLR2004 - the fixed part
        return None
    wide = raw[6] >= 2  # noqa: PLR2004 - version 2 has four bytes for the length
    begin = 12 if wide else 10
    length = int.from_bytes(raw[8:begin], "little")
    if length > MAX_HEADER - begin or len(raw) < begin + length:
        return None
    text = raw[begin : begin + length].decode("latin-1")
    match = _HEADER.fullmatch(text)
    if match is None:
        return None
    shape = tuple(int(part) for part in match[3].split(",") if part.strip())
    descr = match[1]
    if descr.startswith("'"):
        descr = ast.literal_eval(descr)
    return ArrayFacts(dtype=descr[:200], shape=shape)
