"""Where large files are cut into parts, so that versions share what did not change.

By their structure where they tell one: tensors of safetensors and GGUF, members of a
zip. By their content otherwise. A header only proposes: whatever it says, the parts
add up to the file.
"""

from modelver._bundle.cutting.choose import cutter_for
from modelver._bundle.cutting.cutter import WINDOW, Cutter

__all__ = ["WINDOW", "Cutter", "cutter_for"]
