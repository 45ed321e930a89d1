"""Assignments: ``password = "..."``, ``"api_key": "..."``, ``--token ...``.

What a value is called says more than what it looks like. ``token`` is also a word of
every language model, ``key`` of every dictionary: the words beside it decide, and the
less a name says, the more must the value look like one that a machine made up.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import Final

from modelver._capture.secrets.shapes import (
    is_known_word,
    is_random,
    is_reference,
    is_stand_in,
    is_uuid,
    word_set,
)


class Kind(IntEnum):
    """How sure a name alone makes that its value is secret."""

    NONE = 0
    MAYBE = 1  # a token, an auth: secret if it looks random
    KEY = 2  # an API key: secret if it is no word
    PASSWORD = 3  # secret unless it is a stand-in


_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST_NAME: Final = 120
_PASSWORDS: Final = frozenset({"password", "passwd", "passphrase", "passwort", "pwd"})
_LAST_PASS: Final = frozenset({"pass", "pw"})
_BEFORE_PASS: Final = word_set(
    "db database smtp mail email user login admin root ftp ssh sql mysql pg postgres "
    "redis mongo rabbit amqp proxy jdbc ldap http basic auth api git registry"
)
_KEYS: Final = word_set(
    "access account admin api app application auth client consumer datadog dd deploy "
    "encryption enc functions hmac host license master openai private rest secret "
    "service sas shared signing ssh storage stripe subscription webhook"
)
_GLUED: Final = word_set(
    "apikey apitoken appsecret accesskey accesstoken authkey authtoken bearertoken "
    "clientsecret privatekey secretkey secretaccesskey sharedkey accountkey "
    "accesssecret dbpassword dbpass"
)
_SECRETS: Final = word_set("credential credentials creds secret secrets sshpass")
_MAYBE: Final = word_set("auth authorization bearer pat")
_TOKENS: Final = word_set(
    "access api app auth bearer bot ci comet dagshub databricks deploy deployment "
    "discord gh git github gitlab hf hub hugging huggingface id jwt login mlflow "
    "neptune npm oauth oidc personal private pypi refresh registry sas security "
    "session slack sts telegram user vault wandb webhook write read"
)
_PUBLIC: Final = frozenset({"public", "pub", "publishable", "placeholder", "dummy"})


def words_of(name: str) -> list[str]:
    """Return the words of a name, in small letters: ``dbPassword`` has two."""
    return [word.lower() for word in _WORDS.findall(name[-_LONGEST_NAME:])]


@lru_cache(4096)  # programs use few names, and use them often
def kind_of(name: str) -> Kind:
    """Return how much a name says: ``db_password``, ``apiKey``, ``--hf-token``.

    ``tokenizer``, ``max_tokens``, ``pad_token_id``, ``secret_dim``, ``cache_key`` and
    ``key`` say nothing.
    """
    words = words_of(name)
    while words and words[-1].isdigit():
        words.pop()
    if not words or _PUBLIC & set(words):
        return Kind.NONE
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _PASSWORDS or (last in _LAST_PASS and before in _BEFORE_PASS):
        return Kind.PASSWORD
    return _key_kind(words, last, before)


def _key_kind(words: list[str], last: str, before: str) -> Kind:
    if last in _GLUED or last in _SECRETS:
        return Kind.KEY
    if last == "key" and (before in _KEYS or "secret" in words):
        return Kind.KEY
    if last == "token":
        return Kind.KEY if before in _TOKENS else Kind.MAYBE
    return Kind.MAYBE if last in _MAYBE else Kind.NONE


def is_secret(name: str, value: str, *, strict: bool = False) -> bool:
    """Return whether *value* is secret under this *name*.

    Args:
        name: What it is assigned to.
        value: Without its quotes.
        strict: It is known to be a value and no program: a word counts as a password.
    """
    kind = kind_of(name)
    value = _SCHEME.sub("", value)
    if kind is Kind.NONE or is_reference(value) or is_stand_in(value):
        return False
    if kind is Kind.PASSWORD:
        return _is_password(value, strict=strict)
    if kind is Kind.KEY or strict:
        return is_random(value, _LEAST_KEY)
    return is_random(value, _LEAST_TOKEN) and not is_uuid(value)


# How HTTP says what kind of credentials follow.
_SCHEME = re.compile(r"^(?:bearer|token|apikey)\s{1,4}", re.IGNORECASE)
_LEAST_PASSWORD: Final = 6
_LEAST_KEY: Final = 10
_LEAST_TOKEN: Final = 20
_SPACE = re.compile(r"\s")


def _is_password(value: str, *, strict: bool) -> bool:
    if len(value) < _LEAST_PASSWORD or is_known_word(value) or _SPACE.search(value):
        return False
    if strict:
        return True
    # A word may be the name of a field, a message, or the key of another table.
    letters = any(c.isalpha() for c in value)
    digits = any(c.isdigit() for c in value)
    signs = any(not c.isalnum() and c not in "_-./:" for c in value)
    return letters + digits + signs > 1 and not _CALL.search(value)


_CALL = re.compile(r"[(\[]|::|->")
