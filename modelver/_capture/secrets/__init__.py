"""Keys, tokens and passwords, found before they are stored for ever.

What is looked for is written down in ``names.py`` (files), ``tokens.py`` and
``literals.py`` (what is a secret by its shape) and ``named.py`` (what is one by its
name). Nothing here ever returns, logs or raises a value that was found: a hit says
where it is and what it looks like.
"""

from modelver._capture.secrets.find import RULES, Pieces, find_secrets
from modelver._capture.secrets.gate import Gate
from modelver._capture.secrets.hit import Hit
from modelver._capture.secrets.names import secret_name
from modelver._capture.secrets.scrubbing import scrub_text, scrub_words
from modelver._capture.secrets.values import find_in_value, scrub_value

__all__ = [
    "RULES",
    "Gate",
    "Hit",
    "Pieces",
    "find_in_value",
    "find_secrets",
    "scrub_text",
    "scrub_value",
    "scrub_words",
    "secret_name",
]
