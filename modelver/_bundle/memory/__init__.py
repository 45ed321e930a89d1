"""What this machine remembers of a registry, to save work; it may be lost any time.

It says which file has which digest, and which manifest holds which digest. Missing,
stale, wrong or corrupt, it costs time and never correctness.
"""

from modelver._bundle.memory.local import LocalMemory
from modelver._bundle.memory.stamps import Stamp, settled

__all__ = ["LocalMemory", "Stamp", "settled"]
