"""Seeds and switches of the libraries that are loaded, and of no others."""

import json
import random
import sys
from types import SimpleNamespace as Thing

import pytest

from modelver._capture.determinism import capture_determinism, capture_variables


@pytest.fixture(autouse=True)
def _unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "tensorflow"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_only_listed_variables() -> None:
    """What changes numbers is kept; what might be a secret is not even looked at."""
    variables = {
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "4\n",
        "CUDA_VISIBLE_DEVICES": "GPU-1234,GPU-5678",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "TF_DETERMINISTIC_OPS": "",
    }
    assert capture_variables(variables) == {
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "4",
        "CUDA_VISIBLE_DEVICES": "2",
    }


def test_the_same_state_has_the_same_digest() -> None:
    """Two runs that drew as often after the same seed are at the same place."""
    np = pytest.importorskip("numpy")
    seen = []
    before, numpys = random.getstate(), np.random.get_state()
    try:
        for seed, draws in ((1, 0), (1, 0), (1, 1), (2, 0)):
            random.seed(seed)
            np.random.seed(seed)
            for _ in range(draws):
                random.random()  # noqa: S311 - no secret
                np.random.rand()
            found = capture_determinism()
            seen.append((found["random"]["state"], found["numpy"]["state"]))
    finally:
        random.setstate(before)
        np.random.set_state(numpys)
    assert seen[0] == seen[1]
    assert len({pythons for pythons, _ in seen}) == 3
    assert len({numpys for _, numpys in seen}) == 3


def test_looking_changes_nothing() -> None:
    """The next number is the one that would have come without a registration."""
    np = pytest.importorskip("numpy")
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.rand()  # noqa: S311 - as above
    random.seed(3)
    np.random.seed(3)
    capture_determinism()
    assert (random.random(), np.random.rand()) == expected  # noqa: S311 - as above


def test_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the order of sets is the same again is told, set or not."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    assert capture_determinism()["hash_seed"] == "random"
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert capture_determinism()["hash_seed"] == "7"


def test_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its seed, its switches and its threads; a large seed as text, as JSON needs."""
    cudnn = Thing(deterministic=True, benchmark=False)
    state = Thing(tolist=lambda: [1, 2, 255])
    torch = Thing(
        initial_seed=lambda: 2**63,
        get_rng_state=lambda: state,
        are_deterministic_algorithms_enabled=lambda: True,
        backends=Thing(cudnn=cudnn),
        get_float32_matmul_precision=lambda: "highest",
        get_num_threads=lambda: 8,
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    found = capture_determinism()["torch"]
    assert len(found.pop("state")) == 16
    assert found == {
        "seed": str(2**63),
        "deterministic_algorithms": True,
        "cudnn_deterministic": True,
        "cudnn_benchmark": False,
        "float32_matmul_precision": "highest",
        "threads": 8,
    }
    assert json.dumps(found)


def test_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has no public function for is read where it keeps it."""
    threading = Thing(get_intra_op_parallelism_threads=lambda: 0)
    modules = {
        "tensorflow": Thing(config=Thing(threading=threading)),
        "tensorflow.python.eager.context": Thing(global_seed=lambda: 42),
        "tensorflow.python.framework.config": Thing(
            is_op_determinism_enabled=lambda: True
        ),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert capture_determinism()["tensorflow"] == {
        "seed": 42,
        "op_determinism": True,
        "threads": 0,
    }
