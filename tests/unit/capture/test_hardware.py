"""Processor, memory, cards and libraries, each where it can be told."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

import pytest

from modelver._capture import hardware
from modelver._capture.hardware import capture_hardware

TWO_CORES = """processor\t: 0
model name\t: Fast  Chip
physical id\t: 0
core id\t\t: 0

processor\t: 1
model name\t: Fast  Chip
physical id\t: 0
core id\t\t: 0

processor\t: 2
physical id\t: 0
core id\t\t: 1
"""


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every question be asked again, on a machine without anything."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(hardware, "_NVIDIA", tmp_path / "nvidia")
    for name in ("torch", "tensorflow", "threadpoolctl", "numpy"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    hardware._nvidia.cache_clear()
    hardware._processors.cache_clear()
    yield
    hardware._nvidia.cache_clear()
    hardware._processors.cache_clear()


def program(folder: Path, text: str) -> None:
    """Put a program ``nvidia-smi`` into a folder."""
    folder.mkdir(exist_ok=True)
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name; and cores, not threads of cores."""
    (tmp_path / "cpuinfo").write_text(TWO_CORES)
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "cpuinfo")
    found = capture_hardware()
    assert (found["cpu"], found["cores"]) == ("Fast Chip", 2)
    assert found["memory"] > 2**20
    assert "gpus" not in found


def test_cards_of_the_program(tmp_path: Path) -> None:
    """The program of NVIDIA's driver tells name, memory and driver of each card."""
    program(tmp_path / "bin", "echo 'NVIDIA A100, 40960, 550.54'; echo 'T4, [N/A], 1'")
    assert capture_hardware()["gpus"] == [
        {"name": "NVIDIA A100", "memory": 40960 * 2**20, "driver": "550.54"},
        {"name": "T4", "driver": "1"},
    ]


def test_the_program_is_asked_once(tmp_path: Path) -> None:
    """A second registration of a process does not wait for it again."""
    log = tmp_path / "log"
    program(tmp_path / "bin", f"echo x >> {log}; echo 'T4, 1, 1'")
    assert capture_hardware()["gpus"] == capture_hardware()["gpus"]
    assert log.read_text() == "x\n"


def test_a_program_in_the_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative entry of PATH does not lead to what lies here."""
    program(tmp_path, "touch ran; echo 'T4, 1, 1'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", ""]))
    assert "gpus" not in capture_hardware()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text", ["exec sleep 60", "exit 9", "head -c 9000000 /dev/zero"], ids=str
)
def test_a_program_that_hangs_or_fails(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel is asked instead, and nobody waits for a minute."""
    monkeypatch.setattr(hardware, "_SECONDS", 0.3)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")
    program(tmp_path / "bin", text)
    card = tmp_path / "nvidia" / "gpus" / "0000:01:00.0"
    card.mkdir(parents=True)
    (card / "information").write_text("Model: \t\t NVIDIA H100\nIRQ: 7\n")
    (tmp_path / "nvidia" / "version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb\n"
    )
    began = time.monotonic()
    assert capture_hardware()["gpus"] == [
        {"name": "NVIDIA H100", "driver": "550.54.14"}
    ]
    assert time.monotonic() - began < 30


def test_torch_is_asked_and_never_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cards that it uses already are told; where it uses none, none is woken."""

    def started() -> int:
        raise AssertionError

    cuda: Any = Thing(is_initialized=lambda: False, device_count=started)
    cudnn = Thing(version=lambda: 90100)
    torch = Thing(cuda=cuda, version=Thing(cuda="12.8"), backends=Thing(cudnn=cudnn))
    monkeypatch.setitem(sys.modules, "torch", torch)
    found = capture_hardware()
    assert "gpus" not in found
    assert (found["cuda"], found["cudnn"]) == ("12.8", "90100")
    cuda.is_initialized = lambda: True
    cuda.device_count = lambda: 1
    cuda.get_device_properties = lambda n: Thing(name=f"Card {n}", total_memory=7)
    assert capture_hardware()["gpus"] == [{"name": "Card 0", "memory": 7}]


def test_tensorflow_says_what_it_was_built_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CUDA and cuDNN come from its build information."""
    built = {"cuda_version": "12.5.1", "cudnn_version": "9", "is_cuda_build": True}
    tensorflow = Thing(sysconfig=Thing(get_build_info=lambda: built))
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    found = capture_hardware()
    assert (found["cuda"], found["cudnn"]) == ("12.5.1", "9")


def test_linear_algebra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, version and threads of each library that is loaded; no path of it."""
    pools = [
        {
            "user_api": "blas",
            "internal_api": "openblas",
            "version": "0.3.30",
            "num_threads": 4,
            "architecture": "Zen",
            "filepath": "/home/ada/libopenblas.so",
        },
        {"internal_api": "openmp", "version": None, "num_threads": 2},
        "nonsense",
    ]
    control = Thing(threadpool_info=lambda: pools)
    monkeypatch.setitem(sys.modules, "threadpoolctl", control)
    assert capture_hardware()["blas"] == [
        {"name": "openblas", "version": "0.3.30", "threads": 4, "architecture": "Zen"},
        {"name": "openmp", "threads": 2},
    ]


def test_numpy_says_what_it_was_built_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no library of threads can be asked, NumPy's own configuration is."""
    said = {"Build Dependencies": {"blas": {"name": "mkl", "version": "2024"}}}
    monkeypatch.setitem(sys.modules, "numpy", Thing(show_config=lambda _: said))
    assert capture_hardware()["blas"] == [{"name": "mkl", "version": "2024"}]
