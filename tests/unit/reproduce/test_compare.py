"""Files with other bytes and the same tensors."""

import json
import struct
import zipfile
from pathlib import Path

import pytest

from modelver._reproduce.compare import same_tensors


def safetensors(path: Path, tensors: dict[str, bytes], **metadata: str) -> Path:
    """Write a safetensors file, its tensors in the order given."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, data in tensors.items():
        place = [at, at + len(data)]
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": place}
        at += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors.values()))
    return path


def archive(path: Path, members: dict[str, bytes], year: int = 2024) -> Path:
    """Write a zip archive that says it was made in *year*."""
    with zipfile.ZipFile(path, "w") as made:
        for name, data in members.items():
            made.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), data)
    return path


def test_safetensors_in_another_order(tmp_path: Path) -> None:
    """Order and metadata are no difference; a byte of a tensor is."""
    one = safetensors(tmp_path / "a.safetensors", {"x": b"12", "y": b"3"})
    two = safetensors(tmp_path / "b.safetensors", {"y": b"3", "x": b"12"}, at="today")
    three = safetensors(tmp_path / "c.safetensors", {"x": b"12", "y": b"4"})
    four = safetensors(tmp_path / "d.safetensors", {"x": b"1", "y": b"23"})
    assert same_tensors(one, two) is True
    assert same_tensors(one, three) is False
    assert same_tensors(one, four) is False


def test_zips_of_another_day(tmp_path: Path) -> None:
    """The time that a zip notes is no difference; a member is."""
    one = archive(tmp_path / "a.npz", {"w.npy": b"1", "b.npy": b"2"})
    two = archive(tmp_path / "b.npz", {"b.npy": b"2", "w.npy": b"1"}, year=2025)
    three = archive(tmp_path / "c.npz", {"w.npy": b"1", "b.npy": b"3"})
    four = archive(tmp_path / "d.npz", {"w.npy": b"1"})
    assert same_tensors(one, two) is True
    assert same_tensors(one, three) is False
    assert same_tensors(one, four) is False


def test_pytorch_names_its_archive(tmp_path: Path) -> None:
    """The outermost folder, and PyTorch's own number, are no difference."""
    noise = ".data/serialization_id"
    one = archive(tmp_path / "a.pt", {"model/data.pkl": b"1", f"model/{noise}": b"7"})
    two = archive(tmp_path / "b.pt", {"best/data.pkl": b"1", f"best/{noise}": b"8"})
    assert same_tensors(one, two) is True


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0{}"])
def test_what_cannot_be_read_is_not_told(tmp_path: Path, data: bytes) -> None:
    """Torn and hostile files have no answer, and raise nothing."""
    sound = safetensors(tmp_path / "a.safetensors", {"x": b"1"})
    torn = tmp_path / "b.safetensors"
    torn.write_bytes(data)
    assert same_tensors(sound, torn) in (None, False)
    assert same_tensors(torn, sound) in (None, False)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A zip that claims to unpack to far more than its size has no answer."""
    bomb = tmp_path / "a.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("w.npy", b"\0" * 2**22)
    raw = bytearray(bomb.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 2**32 - 2)  # the size that it claims
    bomb.write_bytes(raw)
    assert same_tensors(bomb, bomb) is None


def test_pickles_are_bytes(tmp_path: Path) -> None:
    """Nothing is unpickled: of a pickle only its bytes can be compared."""
    for name in ("a.pkl", "b.pkl"):
        (tmp_path / name).write_bytes(b"\x80\x04." + name.encode())
    assert same_tensors(tmp_path / "a.pkl", tmp_path / "b.pkl") is None
