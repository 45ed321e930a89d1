"""What is a secret by its name, its shape or its place, and what is none."""

import base64
import json
import random
import string
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import modelver
from modelver import InvalidInputError
from modelver._capture.secrets import (
    Gate,
    Hit,
    Pieces,
    find_in_value,
    find_secrets,
    scrub_text,
    scrub_value,
    scrub_words,
    secret_name,
)
from tests.hostile.fake_secrets import fakes
from tests.hostile.watching import quick

TOKEN = next(fake.value for fake in fakes() if fake.name == "gitlab")
HEX = "0123456789abcdef"


def _some(letters: str, length: int, seed: int = 3) -> str:
    chosen = random.Random(seed)  # noqa: S311 - examples
    return "".join(chosen.choice(letters) for _ in range(length))


def _base64(length: int, seed: int = 3) -> str:
    return _some(string.ascii_letters + string.digits + "+/", length, seed)


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.prod", "a/.env.local", "prod.env", ".envrc", ".env~"),
        *("id_rsa", "ID_RSA", "id_ed25519.bak", "id_rsa_github", "server.key", "x.PEM"),
        *("a.p12", "a.pfx", "a.kdbx", "a.jks", "terraform.tfstate"),
        *("x.tfstate.backup", ".netrc", "_netrc", ".pypirc", ".npmrc", ".htpasswd"),
        *(".git/config", "sub/.git", ".aws/config", ".ssh/known_hosts", ".kube/config"),
        *("credentials", "credentials.json", "aws_credentials.csv", "secrets.yaml"),
        *("kubeconfig", "prod.kubeconfig", ".docker/config.json", "kaggle.json"),
        *("service-account-7.json", "client_secret_1.apps.json", ".bash_history"),
        *(".cargo/credentials.toml", ".config/gcloud/x", "C:\\Users\\me\\.ssh\\id"),
    ],
)
def test_names_that_are_secret(path: str) -> None:
    """Whatever they hold."""
    assert secret_name(path) is not None


@pytest.mark.parametrize(
    "path",
    [
        *(".env.example", ".env.sample", ".env.template", ".env.prod.dist"),
        *("id_rsa.pub", "id_mapping.json", "id_to_label.py", "ids.csv"),
        *("credentials.py", "test_credentials.py", "secrets.py", "secret_dim.json"),
        *("public.pem", "cacert.pem", "tokenizer.json", "keys.py", "key.json"),
        *(".gitignore", ".github/workflows/ci.yml", ".gitmodules", "config.json"),
        *("environment.yml", "envs.py", "src/env/cartpole.py", "", "/", "\\"),
    ],
)
def test_names_that_are_not(path: str) -> None:
    """Programs, examples and public keys."""
    assert secret_name(path) is None


def test_in_data_an_ending_may_mean_something_else() -> None:
    """Gold answers are called ``.key``; an SSH key is one anywhere."""
    assert secret_name("gold.key") is not None
    assert secret_name("gold.key", code=False) is None
    assert secret_name("a/id_rsa", code=False) is not None


HARMLESS = {
    "uv.lock": f'{{ url = "https://files.example/a.whl", hash = "sha256:'
    f'{_some(HEX, 64)}", size = 7 }}',
    "poetry.lock": f'{{file = "a.whl", hash = "sha256:{_some(HEX, 64)}"}}\n'
    f'content-hash = "{_some(HEX, 64)}"',
    "package-lock.json": f'{{"integrity": "sha512-{_base64(86)}==", "key": 1}}',
    "requirements.txt": f"attrs==23.2 --hash=sha256:{_some(HEX, 64)}",
    "a.ipynb": json.dumps(
        {"outputs": [{"data": {"image/png": "iVBORw0KGgo" + _base64(9000)}}]}
    ),
    "page.html": f'<img src="data:image/png;base64,{_base64(400)}">',
    "MLmodel": f"run_id: {_some(HEX, 32)}\nmodel_uuid: {_some(HEX, 32)}\n",
    "tokenizer.json": json.dumps(
        {"pad_token": "<pad>", "token": "[UNK]", "vocab": {"Ġpassword": 7, "sk-": 8}}
    ),
    "a.py": """
password = os.environ["DB_PASSWORD"]
password: str = getpass()
token = tokenizer.next_token
api_key = settings.api_key
API_KEY = "your-api-key-here"
secret = "<secret>"
client_secret = f"{prefix}{secret}"
PASSWORD_FIELD = "user_password"
if password == "password": pass
parser.add_argument("--token", help="the token to log in with")
max_tokens = 4096
eos_token = "<|endoftext|>"
cache_key = "users:active:2024"
primary_key = "customer_id"
public_key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxX"
private_key = ed25519.Ed25519PrivateKey.generate()
session_token = None
url = "https://user:password@example.com/"
dsn = "postgres://postgres:postgres@localhost/test"
auth = ("user", "pass")
key = jax.random.PRNGKey(1234567)
secret_key = "s3cr3t-of-jenkins"
api_key = "test-token-1"
commit = "3f786850e387550fdab836ed7e6dc881de23001b"
run = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
""",
    "ci.yml": "env:\n  TOKEN: ${{ secrets.TOKEN }}\n  password: $DB_PASSWORD\n"
    "  api_key: !vault x\n",
    "a.md": "Set `API_KEY=xxx`, then `--password <password>`. Basic authentication.\n",
    "a.sh": 'export HF_TOKEN="$1"\ncurl -H "Authorization: Bearer $TOKEN" x\n',
    "a.cfg": "token_limit = 5000\nsecret_dim = 128\npassword =\nauth = none\n",
}


@pytest.mark.parametrize("path", HARMLESS)
def test_what_is_no_secret(path: str) -> None:
    """Lock files, notebooks, vocabularies, references and stand-ins."""
    assert find_secrets(HARMLESS[path].encode(), path, thorough=True) == []


def test_modelver_itself_raises_no_alarm() -> None:
    """Its own sources are full of keys and tokens."""
    root = Path(modelver.__file__).parent
    hits = [
        str(hit)
        for path in sorted(root.rglob("*.py"))
        for hit in find_secrets(path.read_bytes(), path.name, thorough=True)
    ]
    assert hits == []


def test_a_hit_says_where_and_never_what() -> None:
    """Line and column, from 1; the value is nowhere in it."""
    data = f"a = 1\r\nb = 2\r\nkey = '{TOKEN}'\r\n".encode()
    (hit,) = find_secrets(data, "x.py", thorough=True)
    assert (hit.path, hit.line, hit.what) == ("x.py", 3, "a GitLab token")
    assert str(hit) == "x.py:3:8: a GitLab token"
    assert TOKEN not in repr(hit)


@pytest.mark.parametrize("mark", ["pragma: allowlist secret", "gitleaks:allow"])
def test_a_line_that_somebody_has_looked_at(mark: str) -> None:
    """The remarks that other scanners heed are heeded."""
    data = f"a = '{TOKEN}'  # {mark}\nb = '{TOKEN}'\n".encode()
    assert [hit.line for hit in find_secrets(data, "x.py", thorough=True)] == [2]


def test_a_patch_is_read_file_by_file() -> None:
    """Each as what it is: a program, a configuration, a test."""
    word = "q7xkw9vbw2zt"
    files = {"src/a.py": f"password = {word}", "conf/a.ini": f"password = {word}"}
    files["tests/test_a.py"] = f"password = '{word}'"
    patch = "".join(
        f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -0,0 +1 @@\n"
        f"+{line}\n"
        for name, line in files.items()
    )
    (hit,) = find_secrets(patch.encode(), "code/x.patch", thorough=True)
    assert (hit.line, hit.column) == (10, 2)


def test_a_key_in_base_64_is_a_key() -> None:
    """As a secret of Kubernetes has it; certificates in base 64 are none."""
    key = next(fake.value for fake in fakes() if fake.name == "private-key")
    account = json.dumps({"type": "service_account", "private_key": key}, indent=2)
    for text in (key, account):
        coded = base64.b64encode(text.encode()).decode()
        (hit,) = find_secrets(f"data:\n  x: {coded}\n".encode(), "k", thorough=False)
        assert (hit.line, hit.what) == (2, "a private key")
    public = base64.b64encode(key.replace("RSA PRIV" + "ATE", "PUBLIC").encode())
    assert find_secrets(public, "x.yaml", thorough=True) == []


def test_escapes_do_not_hide_a_token() -> None:
    """A token begins behind an escape as behind a space."""
    for before in ("\\n", "%3D", "\\u0022", "=", '"', "x:"):
        data = f"a{before}{TOKEN}".encode()
        assert find_secrets(data, "x.json", thorough=False), before
    assert not find_secrets(f"a{TOKEN}".encode(), "x.json", thorough=False)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_texts_of_other_codecs(codec: str) -> None:
    """With and without a mark; bytes that are no text are passed over."""
    text = f"name = x\npassword = 'q7!{'kyxw' * 3}'\n"
    (hit,) = find_secrets(text.encode(codec), "x.ini", thorough=True)
    assert hit.line == 2
    assert not find_secrets(b"\0\1\2" + text.encode(), "x.ini", thorough=True)


@given(st.integers(0, 60), st.integers(1, 9000), st.integers(8192, 100_000))
def test_pieces_find_what_the_whole_has(lines: int, long: int, size: int) -> None:
    """However a file is cut, hits have the same lines."""
    text = "".join(f"{'x ' * (long % 97)}\n" for _ in range(lines))
    data = (text + f"a = '{TOKEN}'\n" + "y " * long + f"\nb = '{TOKEN}'").encode()
    whole = find_secrets(data, "x", thorough=True)
    pieces = Pieces("x", thorough=True)
    for start in range(0, len(data), size):
        pieces.feed(data[start : start + size])
    assert pieces.end() == whole
    assert [hit.line for hit in whole] == [lines + 1, lines + 3]


@given(st.binary(max_size=2000))
def test_any_bytes_are_looked_at(data: bytes) -> None:
    """Nothing that a file can hold is an error."""
    for path in ("x.py", "x.ini", "x.md", "x"):
        find_secrets(data, path, thorough=True)


def test_keys_of_values_matter() -> None:
    """A password is one by its key; words of language models are none."""
    value = {
        "db": {"password": "swordfish", "port": 5432},
        "hf": {"token": TOKEN},
        "pin": [{"api_key": _some(HEX, 32)}],
        "passwords": 3,
        "db_password": 12345678,
    }
    places = [hit.path for hit in find_in_value(value, "params")]
    assert places == [
        "params.db.password",
        "params.db_password",
        "params.hf.token",
        "params.pin.0.api_key",
    ]
    harmless = {
        "tokenizer": "bert-base-uncased",
        "n_tokens": 10**9,
        "max_tokens": "4096",
        "secret_dim": 64,
        "key": "customer",
        "pad_token": "<pad>",
        "auth": "kerberos",
        "password": None,
        "api_key": "$API_KEY",
        "hf_token": "",
        "sha": _some(HEX, 40),
        "run": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    }
    assert find_in_value(harmless, "params") == []
    assert scrub_value({"a": [value["db"], 1.5, None, True]}) == {
        "a": [{"password": "***", "port": 5432}, 1.5, None, True]
    }


def test_a_key_may_be_the_secret() -> None:
    """Then it is not told either."""
    (hit,) = find_in_value({"a": {TOKEN: 1}}, "tags")
    assert (hit.path, TOKEN in str(hit)) == ("tags.a.***", False)
    assert scrub_value({TOKEN: 1}) == {"***": 1}


@pytest.mark.parametrize(
    ("words", "scrubbed"),
    [
        ("t.py --token abc --lr 1", "t.py --token *** --lr 1"),
        ("t.py --password=abc -v", "t.py --password=*** -v"),
        ("t.py --hf-token $HF_TOKEN", "t.py --hf-token $HF_TOKEN"),
        (
            "t.py --tokenizer bert --max-tokens 9",
            "t.py --tokenizer bert --max-tokens 9",
        ),
        ("t.py --key id --sort-key=a", "t.py --key id --sort-key=a"),
        ("API_KEY=abc t.py", "API_KEY=*** t.py"),
        ("t.py db.password=abc db.port=7", "t.py db.password=*** db.port=7"),
        ("mysql -u root -pabc", "mysql -u root -p***"),
        ("/usr/bin/sshpass -p abc ssh x", "/usr/bin/sshpass -p *** ssh x"),
        ("curl -u me:abc https://x/y", "curl -u *** https://x/y"),
        ("t.py -p 8080", "t.py -p 8080"),
        ("t.py s3://k:s@b/c", "t.py s3://***@b/c"),
        ("t.py https://x/y?sig=abc#d", "t.py https://x/y?***"),
        ("git clone ssh://git@x/y", "git clone ssh://git@x/y"),
        ("t.py --token --lr 1", "t.py --token *** 1"),
    ],
)
def test_command_lines(words: str, scrubbed: str) -> None:
    """What is called like a secret is hidden, and as little else as can be."""
    assert scrub_words(words.split()) == scrubbed.split()


def test_texts_keep_what_stands_before_a_secret() -> None:
    """A private key takes everything that follows it."""
    assert scrub_text(f"see {TOKEN} now\nok") == "see ***\nok"
    key = next(fake.value for fake in fakes() if fake.name == "private-key")
    assert scrub_text(f"key:\n{key}\nend") == "key:\n***"
    assert scrub_text("loss=0.5 at step 7") == "loss=0.5 at step 7"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "code/a/b.py", True),
        ("fixtures", "code/tests/fixtures/a/b.py", True),
        ("fixtures/", "code/tests/fixtures/a.py", True),
        ("tests/*.py", "code/tests/a.py", True),
        ("tests/*.py", "code/tests/a/b.py", False),
        ("tests", "code/testsuite/a.py", False),
        ("/a.py", "code/a.py", True),
        ("code/a.py", "code/a.py", True),
        ("code/a.py", "data/a.py", False),
        ("tests/**/*.py", "code/tests/a/b/c.py", True),
        ("tests/**/*.py", "code/tests/c.py", True),
        ("**/c.py", "code/x/y/c.py", True),
        ("params.token", "params.token", True),
        ("params.*", "params.db.password", True),
        ("params.token", "params.token2", False),
        ("*", "code/a.py", True),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, fits: bool) -> None:  # noqa: FBT001 - a table
    """As .gitignore has them, below the role or from it."""
    assert Gate(omit=pattern).omits(path) is fits
    assert Gate(allow=[pattern]).allows(path) is fits


@pytest.mark.parametrize("pattern", ["", "/", "  ", "a" * 2000])
def test_no_patterns(pattern: str) -> None:
    """Empty ones would fit everything, or nothing."""
    with pytest.raises(InvalidInputError):
        Gate(omit=[pattern])


def test_the_refusal_names_ten_places_and_counts_the_rest() -> None:
    """All of them are facts."""
    hits = [Hit(path=f"code/{n}.py", line=n + 1, what="a key") for n in range(12)]
    with pytest.raises(InvalidInputError, match="and 2 more") as caught:
        Gate().check(hits)
    assert len(caught.value.facts["places"]) == 12
    assert "'code/9.py:10'" in str(caught.value)
    assert "code/10.py" not in str(caught.value)
    assert "rotated" in caught.value.hints[0]
    Gate(allow="*.py").check(hits)


HOSTILE = [
    *("://", "://a:", "://a:b@", "password=", "pwd:", "token: ", "--token ", "key\t"),
    *("eyJ", "AKIA", "sk-", "ghp_", "xoxb-", "MT", "SG.", "1//0", ":AA", "aQ~"),
    *(
        "eyJ0eXBlIjog",
        "Basic QQ",
        "Bearer ",
        "ecret_access_key=",
        "_API_KEY=",
        "AccountKey=",
        "?sig=",
    ),
    *("-----BEGIN A ", "-----BEGIN PRIVATE KEY-----", "hooks.slack.com/services/"),
    *('x="', "'" + "a" * 127, '"' + "aB3" * 11 + '"', "A1" * 10, "a", "\\", "\n", " "),
]


@pytest.mark.large
@pytest.mark.parametrize("text", HOSTILE)
def test_hundreds_of_kilobytes_of_one_thing_take_no_time(text: str) -> None:
    """No expression goes back over what it has read: a second, and not a day."""
    for filling in (text, text + "A1" * 10 + " "):
        data = (filling * (2**18 // len(filling) + 1)).encode()
        with quick():
            find_secrets(data, "x.cfg", thorough=True)
