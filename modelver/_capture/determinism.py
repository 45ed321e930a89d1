"""What decides whether a second run gives the same numbers.

Only libraries that are loaded are asked. Of the states of random numbers a short digest
is kept: two runs with the same one were at the same place when they registered.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from modelver._capture.asking import ask, attempt
from modelver._capture.scrub import clean

_ALLOWED: Final = (
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TF_DETERMINISTIC_OPS",
    "TOKENIZERS_PARALLELISM",
    "XLA_FLAGS",
)
_CARDS: Final = "CUDA_VISIBLE_DEVICES"
_MOST: Final = 2**53


def capture_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the process that change numbers, and no others.

    Of ``CUDA_VISIBLE_DEVICES`` only how many cards it names.
    """
    found = {name: clean(variables[name]) for name in _ALLOWED if name in variables}
    if _CARDS in variables:
        cards = [card for card in variables[_CARDS].split(",") if card.strip()]
        found[_CARDS] = str(len(cards))
    return {name: value for name, value in found.items() if value}


def capture_determinism() -> dict[str, Any]:
    """Return the seeds and switches of random, numpy, torch and tensorflow, if loaded.

    The keys are ``hash_seed``, and one for each library.
    """
    seed = clean(os.environ.get("PYTHONHASHSEED", ""))
    found = {
        "hash_seed": seed or "random",
        "random": attempt(_of_random),
        "numpy": attempt(_of_numpy),
        "torch": attempt(_of_torch),
        "tensorflow": attempt(_of_tensorflow),
    }
    return {name: said for name, said in found.items() if said}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; None for what is not one of a few types."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < _MOST else str(value)
    return clean(value) if isinstance(value, str) else None


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: _plain(value) for key, value in found.items()}
    return {key: value for key, value in plain.items() if value is not None}


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _of_random() -> dict[str, Any]:
    state = ask(sys.modules.get("random"), "getstate")
    return {} if state is None else {"state": _digest(state)}


def _of_numpy() -> dict[str, Any]:
    """Return the state of the old, global generator; the new ones are the program's."""
    state = ask(sys.modules.get("numpy.random"), "get_state")
    if state is None:
        return {}
    name, keys, *more = state
    return {"state": _digest(name, memoryview(keys).tobytes(), *more)}


def _of_torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    state = ask(ask(torch, "get_rng_state"), "tolist")
    return _known(
        {
            "seed": ask(torch, "initial_seed"),
            "state": None if state is None else _digest(bytes(state)),
            "deterministic_algorithms": ask(
                torch, "are_deterministic_algorithms_enabled"
            ),
            "cudnn_deterministic": ask(torch, "backends.cudnn.deterministic"),
            "cudnn_benchmark": ask(torch, "backends.cudnn.benchmark"),
            "float32_matmul_precision": ask(torch, "get_float32_matmul_precision"),
            "threads": ask(torch, "get_num_threads"),
            "interop_threads": ask(torch, "get_num_interop_threads"),
        }
    )


def _of_tensorflow() -> dict[str, Any]:
    # TensorFlow has functions to set these two, and in public none to read them.
    context = sys.modules.get("tensorflow.python.eager.context")
    config = sys.modules.get("tensorflow.python.framework.config")
    threading = ask(sys.modules.get("tensorflow"), "config.threading")
    return _known(
        {
            "seed": ask(context, "global_seed"),
            "op_determinism": ask(config, "is_op_determinism_enabled"),
            "threads": ask(threading, "get_intra_op_parallelism_threads"),
            "interop_threads": ask(threading, "get_inter_op_parallelism_threads"),
        }
    )
