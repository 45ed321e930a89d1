"""Secrets that nobody has: put together when they are asked for.

No scanner of a forge trips over this file, since no whole token stands in it.
"""

import base64
import json
import random
import string
from typing import Final

from attrs import frozen

_RANDOM: Final = random.Random(7)  # noqa: S311 - nobody guards anything with them
_DIGITS: Final = "123456789"
_HEX: Final = "0123456789abcdef"
_ALNUM: Final = string.ascii_letters + string.digits
_WORD: Final = _ALNUM + "_-"
_BASE64: Final = _ALNUM + "+/"
_BASE32: Final = string.ascii_uppercase + "234567"


@frozen(kw_only=True)
class Fake:
    """A secret.

    Attributes:
        name: What it is.
        key: What it is assigned to where a place has names.
        value: What stands in the place.
        core: What must never be stored: the value, or the secret part of it.
        shaped: Whether its shape alone tells, whatever it is assigned to.
    """

    name: str
    key: str
    value: str
    core: str
    shaped: bool


def _some(length: int, letters: str = _ALNUM) -> str:
    return "".join(_RANDOM.choice(letters) for _ in range(length))


def _web64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _shaped() -> dict[str, str]:
    claims = json.dumps({"sub": _some(10), "role": "admin"}).encode()
    header = b'{"alg":"HS256","typ":"JWT"}'
    return {
        "aws-id": "AKI" + "A" + _some(16, _BASE32),
        "aws-sts": "ASI" + "A" + _some(16, _BASE32),
        "google-api": "AI" + "za" + _some(35, _WORD),
        "google-client": "GOC" + "SPX-" + _some(28, _WORD),
        "google-access": "ya2" + "9." + _some(60, _WORD),
        "google-refresh": "1/" + "/0" + _some(60, _WORD),
        "github-personal": "gh" + "p_" + _some(36),
        "github-oauth": "gh" + "o_" + _some(36),
        "github-server": "gh" + "s_" + _some(36),
        "github-fine": "github" + "_pat_" + _some(22) + "_" + _some(59),
        "gitlab": "gl" + "pat-" + _some(20, _WORD),
        "gitlab-runner": "gl" + "rt-" + _some(20, _WORD),
        "slack-bot": "xo" + f"xb-{_some(12, _DIGITS)}-{_some(12, _DIGITS)}-{_some(24)}",
        "slack-hook": "https://hooks.slack" + ".com/services/"
        f"T{_some(8, _BASE32)}/B{_some(10, _BASE32)}/{_some(24)}",
        "stripe": "sk" + "_live_" + _some(24),
        "stripe-restricted": "rk" + "_live_" + _some(24),
        "twilio": "S" + "K" + _some(32, _HEX),
        "sendgrid": "S" + "G." + _some(22, _WORD) + "." + _some(43, _WORD),
        "openai": "sk" + "-proj-" + _some(80, _WORD),
        "openai-old": "s" + "k-" + _some(20) + "T3Blbk" + "FJ" + _some(20),
        "anthropic": "sk" + "-ant-api03-" + _some(93, _WORD) + "AA",
        "hugging-face": "h" + "f_" + _some(34, string.ascii_letters),
        "wandb-new": "wandb" + "_v1_" + _some(60, _WORD),
        "pypi": "py" + "pi-AgEIcHlwaS5vcmc" + _some(100, _WORD),
        "npm": "np" + "m_" + _some(36),
        "azure-storage": "DefaultEndpointsProtocol=https;AccountName=acc;"
        "Account" + "Key=" + _some(86, _BASE64) + "==",
        "azure-sas": "https://acc.blob.core.windows.net/c?sv=2022-11-02&sp=r&s"
        f"ig={_some(43)}%3D",
        "azure-client": _some(3) + "8" + "Q~" + _some(34),
        "azure-bus": "Endpoint=sb://x.servicebus.windows.net/;SharedAccess"
        f"Key={_some(43, _BASE64)}=",
        "jwt": ".".join([_web64(header), _web64(claims), _some(43, _WORD)]),
        "private-key": "-----BEGIN RSA PRIV"
        "ATE KEY-----\n"
        + "\n".join(_some(64, _BASE64) for _ in range(10))
        + "\n-----END RSA PRIV"
        + "ATE KEY-----\n",
        "databricks": "da" + "pi" + _some(32, _HEX),
        "digitalocean": "do" + "p_v1_" + _some(64, _HEX),
        "heroku": "HR" + "KU-" + _some(36, _WORD),
        "discord": "M" + "T" + _some(22) + "." + _some(6) + "." + _some(38),
        "discord-hook": "https://discord.com/api/web"
        f"hooks/{_some(18, _DIGITS)}/{_some(68, _WORD)}",
        "telegram": _some(9, _DIGITS) + ":A" + "A" + _some(33, _WORD),
        "mailgun": "ke" + "y-" + _some(32, _HEX),
        "shopify": "shp" + "at_" + _some(32, _HEX),
        "square": "sq0" + "atp-" + _some(22, _WORD),
        "groq": "gs" + "k_" + _some(52),
        "replicate": "r" + "8_" + _some(37),
        "nvidia": "nv" + "api-" + _some(64, _WORD),
        "linear": "lin" + "_api_" + _some(40),
        "notion": "nt" + "n_" + _some(46),
        "vault": "hv" + "s." + _some(90, _WORD),
        "docker": "dckr" + "_pat_" + _some(27, _WORD),
        "grafana": "gl" + "sa_" + _some(32) + "_" + _some(8, _HEX),
        "kaggle": "KG" + "AT_" + _some(32, _HEX),
        "langsmith": "ls" + "v2_pt_" + _some(32, _HEX) + "_" + _some(10, _HEX),
        "pinecone": "pc" + "sk_" + _some(70),
        "terraform": _some(14) + ".atlas" + "v1." + _some(67, _WORD),
        "age": "AGE-SECRET" + "-KEY-1" + _some(58, _BASE32),
    }


def _inside() -> dict[str, tuple[str, str]]:
    """Return values of which only a part is secret."""
    password, token, login = _some(14), _some(40, _HEX), "svc:" + _some(14)
    basic = base64.b64encode(login.encode()).decode()
    return {
        "dsn": ("postgresql" + f"://svc:{password}@db.internal:5432/ml", password),
        "token-url": (f"https://{token}@github.com/a/b.git", token),
        "basic": ("Authorization: Basic " + basic, basic),
    }


def _named() -> dict[str, tuple[str, str]]:
    """Return what only its name gives away: key and value."""
    return {
        "aws-secret": ("aws_secret_access_key", _some(40, _BASE64)),
        "wandb": ("WANDB_API_KEY", _some(40, _HEX)),
        "datadog": ("DD_API_KEY", _some(32, _HEX)),
        "heroku-uuid": (
            "HEROKU_API_KEY",
            f"ab{_some(6, _HEX)}-1b2c-4d5e-8f9a-{_some(12, _HEX)}",
        ),
        "password": ("db_password", "q" + _some(9) + "!2"),
        "client-secret": ("client_secret", _some(32)),
        "npmrc": ("_authToken", _some(36)),
        "access-token": ("ACCESS_TOKEN", _some(30)),
        "api-key": ("x-api-key", _some(32, _HEX)),
        "secret-key": ("SECRET_KEY", _some(50)),
        "mlflow": ("MLFLOW_TRACKING_PASSWORD", "T" + _some(10) + "#7"),
    }


def fakes() -> list[Fake]:
    """Return all of them, the same each time."""
    _RANDOM.seed(7)
    found = []
    for name, value in _shaped().items():
        core = value.split("\n")[1] if "\n" in value else value
        core = core.rpartition("ig=")[2] if name == "azure-sas" else core
        core = core.rpartition("Key=")[2] if name.startswith("azure-") else core
        core = core.rpartition("/")[2] if name.endswith("-hook") else core
        found.append(Fake(name=name, key="thing", value=value, core=core, shaped=True))
    for name, (value, core) in _inside().items():
        found.append(Fake(name=name, key="thing", value=value, core=core, shaped=True))
    for name, (key, value) in _named().items():
        found.append(Fake(name=name, key=key, value=value, core=value, shaped=False))
    return found
