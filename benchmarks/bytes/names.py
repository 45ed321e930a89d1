"""What parts of the bundle are called; apart, so that nobody needs numpy to know."""

from pathlib import Path

WEIGHTS = Path("model", "model.safetensors")
TABLE = Path("data", "train.csv")
TENSOR = "model.layers.11.self_attn.q_proj.weight"
