"""Tokens that say by their shape whose they are.

Providers publish the shapes for scanners to use: GitHub, GitLab, Slack, Stripe and
others give their tokens a prefix for just this. No expression is searched for in a
whole text. A token has a stretch of twenty letters, digits, dashes and underscores,
which most texts have rarely, and such stretches are found at the speed of a copy.
What has none is found by a literal of its own.

No expression repeats anything inside a repetition, and every repetition is bounded:
to match at one place takes bounded time, so that the whole is linear.
"""

import re
import string
from collections.abc import Iterator
from typing import Final

from modelver._capture.secrets.literals import LITERALS, begins, jwt_header
from modelver._capture.secrets.shapes import entropy, is_stand_in, is_wordy

_W: Final = r"[\w-]"
_ALNUM: Final = r"[A-Za-z0-9]"
_HEX: Final = r"[0-9a-f]"
# What it is, how it begins, how it goes on.
_TABLE: Final = (
    ("an AWS access key id", "A(?:KIA|SIA|BIA)", r"[A-Z0-9]{16}(?![\w+/=])"),
    ("a Google API key", "AIza", rf"{_W}{{35}}(?!{_W})"),
    ("a Google OAuth client secret", "GOCSPX-", rf"{_W}{{28}}(?!{_W})"),
    ("a Google OAuth access token", r"ya29\.", rf"{_W}{{30}}"),
    ("a GitHub token", "gh[pousr]_", rf"{_ALNUM}{{36}}"),
    ("a GitHub token", "github_pat_", rf"{_ALNUM}{{22}}_{_ALNUM}{{59}}"),
    (
        "a GitLab token",
        "gl(?:pat|ptt|dt|rt|cbt|agent|oas|soat|ft|imt)-",
        rf"{_W}{{20}}",
    ),
    ("a Slack token", "xox[abeoprs]-", r"[0-9A-Za-z-]{20,100}"),
    ("a Slack token", "xapp-[0-9]-", rf"[A-Z0-9]{{8,16}}-[0-9]{{8,16}}-{_HEX}{{32}}"),
    ("a Stripe key", "[sr]k_(?:live|test)_", rf"{_ALNUM}{{16}}"),
    ("a Stripe webhook's secret", "whsec_", r"[A-Za-z0-9+/]{32}"),
    ("a Twilio API key", "SK", rf"{_HEX}{{32}}(?!{_W})"),
    ("a SendGrid key", r"SG\.", rf"{_W}{{22}}\.{_W}{{43}}"),
    ("an Anthropic key", "sk-ant-", rf"[a-z]{{3,8}}[0-9]{{2}}-{_W}{{40}}"),
    ("an OpenAI key", "sk-(?:proj|svcacct|admin|None)-", rf"{_W}{{32}}"),
    ("an OpenRouter key", "sk-or-v1-", rf"{_HEX}{{64}}"),
    ("an OpenAI key", "sk-", rf"{_ALNUM}{{32}}"),
    ("a Hugging Face token", "(?:hf|api_org)_", rf"{_ALNUM}{{34,40}}(?!{_W})"),
    ("a Weights & Biases key", "wandb_v1_", rf"{_W}{{40}}"),
    ("a PyPI token", "pypi-AgE", rf"{_W}{{50}}"),
    ("an npm token", "npm_", rf"{_ALNUM}{{36}}(?!{_W})"),
    ("a Databricks token", "dapi", rf"{_HEX}{{32}}(?![A-Za-z0-9])"),
    ("a DigitalOcean token", "do[opr]_v1_", rf"{_HEX}{{64}}"),
    ("a Heroku key", "HRKU-", rf"{_W}{{36}}"),
    (
        "a Discord token",
        "[MNO][TjzD]",
        rf"{_W}{{22,26}}\.{_W}{{6}}\.{_W}{{27}}",
    ),
    ("a Mailgun key", "key-", r"[0-9a-z]{32}(?!\w)"),
    ("a Brevo key", "xkeysib-", rf"{_HEX}{{64}}"),
    ("a Shopify token", "shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),
    ("a Square token", "sq0(?:atp|csp)-", rf"{_W}{{22}}"),
    ("a Linear key", "lin_api_", rf"{_ALNUM}{{40}}"),
    ("a Notion token", "ntn_", rf"{_ALNUM}{{40}}"),
    ("an Atlassian token", "ATATT3", rf"{_W}{{60}}"),
    ("a Groq key", "gsk_", rf"{_ALNUM}{{52}}"),
    ("a Replicate token", "r8_", rf"{_ALNUM}{{37}}(?!{_W})"),
    ("a Perplexity key", "pplx-", rf"{_ALNUM}{{48}}"),
    ("an xAI key", "xai-", rf"{_ALNUM}{{60}}"),
    ("an NVIDIA key", "nvapi-", rf"{_W}{{60}}"),
    ("a Pinecone key", "pcsk_", r"\w{60}"),
    ("a LangSmith key", "lsv2_(?:pt|sk)_", rf"{_HEX}{{32}}_{_HEX}{{10}}"),
    ("a Neptune token", "eyJhcGlfYWRkcmVzcyI6", r"[\w+/=-]{40}"),
    ("a Prefect key", "pn[ub]_", rf"{_ALNUM}{{36}}(?!{_W})"),
    ("a Kaggle token", "KGAT_", rf"{_HEX}{{32}}"),
    ("a Postman key", "PMAK-", rf"{_HEX}{{24}}-{_HEX}{{34}}"),
    ("a New Relic key", "NRAK-", "[A-Z0-9]{27}"),
    ("a Sentry token", "sntry[su]_", rf"{_W}{{40}}"),
    ("a Grafana token", "glsa_", rf"{_ALNUM}{{32}}_[0-9a-fA-F]{{8}}"),
    ("a HashiCorp Vault token", r"hv[sbr]\.", rf"{_W}{{24}}"),
    ("a Terraform Cloud token", r"atlasv1\.", rf"{_W}{{60}}"),
    ("a Doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", rf"{_W}{{40}}"),
    ("a Docker token", "dckr_(?:pat|oat)_", rf"{_W}{{27}}"),
    ("an Airtable token", "pat", rf"{_ALNUM}{{14}}\.{_HEX}{{64}}"),
    ("a RubyGems key", "rubygems_", rf"{_HEX}{{48}}"),
    ("a Supabase key", "sbp_", rf"{_HEX}{{40}}"),
    ("a PlanetScale token", "pscale_(?:tkn|pw|oauth)_", r"[\w.=-]{32}"),
    ("an Alibaba access key id", "LTAI", rf"{_ALNUM}{{16,20}}(?!{_W})"),
    ("an age secret key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
    (
        "a JSON web token",
        "eyJ(?=[A-Za-z0-9])",
        rf"{_W}{{14,1000}}\.eyJ{_W}{{10,1500}}\.{_W}{{20}}",
    ),
)
_BEGIN: Final = re.compile("|".join(begin for _, begin, _ in _TABLE).encode())
_WHOLE: Final = re.compile(
    "|".join(
        f"(?P<t{n}>{begin})(?P<r{n}>{rest})"
        for n, (_, begin, rest) in enumerate(_TABLE)
    ).encode()
)
_STRETCH: Final = 20
_STRETCHES: Final = bytes(
    ord("a") if chr(byte) in string.ascii_letters + string.digits + "_-" else ord(" ")
    for byte in range(256)
)
# Capitals and digits: a stretch without any is a name or a ruler.
_TELLING: Final = bytes(
    ord("A") if chr(byte) in string.ascii_uppercase + string.digits else ord("a")
    for byte in range(256)
)
# Behind a dot a stretch may be the end of a token that begins so much further left.
_BEFORE: Final = 18
# Of a longer stretch, such as an image in base 64, only the beginning can be a token.
_LONGEST: Final = 1024

Found = tuple[int, str]
"""The offset of a secret, and what it looks like."""


def tokens(data: bytes) -> Iterator[Found]:
    """Yield what has the shape of a secret, whatever stands around it."""
    yield from _in_stretches(data)
    for literal in LITERALS:
        at = data.find(literal.text)
        while at >= 0:
            what = literal.judge(data, at)
            if what is not None:
                yield at, what
            at = data.find(literal.text, at + len(literal.text))


def _in_stretches(data: bytes) -> Iterator[Found]:
    stretches, telling = data.translate(_STRETCHES), data.translate(_TELLING)
    wanted, done = b"a" * _STRETCH, 0
    start = stretches.find(wanted)
    while start >= 0:
        end = stretches.find(b" ", start + _STRETCH)
        end = len(data) if end < 0 else end
        begin, last = start, min(end, start + _LONGEST)
        if data[start - 1 : start] == b".":
            begin = max(done, start - _BEFORE)
        done, head = end, None
        if telling.find(b"A", start, last) >= 0:
            head = _BEGIN.search(data, begin, last)
        while head is not None:
            at = head.start()
            what = _judge(data, at)
            if what is not None:
                yield at, what
                break  # two tokens are not glued together
            head = _BEGIN.search(data, at + 1, last)
        start = stretches.find(wanted, end)


def _judge(data: bytes, at: int) -> str | None:
    """Return which token begins at *at*, if any."""
    match = _WHOLE.match(data, at) if begins(data, at) else None
    if match is None or match.lastgroup is None:
        return None
    number = int(match.lastgroup[1:])
    rest = match[match.lastgroup].decode()
    what = _TABLE[number][0]
    if is_stand_in(rest) or entropy(rest) < _LEAST_BITS:
        return None
    if is_wordy(rest) and not any(c.isdigit() for c in rest):
        return None
    if what == "a JSON web token" and not jwt_header(match[0]):
        return None
    return what


_LEAST_BITS: Final = 2.5
