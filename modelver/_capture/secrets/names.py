"""Files that are left out because of what they are called.

Tools keep keys and passwords in files whose names are the same everywhere. Such a file
is never looked into: its name is enough. Names that programs are written in are no
alarm, so ``credentials.py`` is code and ``.env.example`` is a hint for people.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

_KEY: Final = "is named like a private key"
_ENV: Final = "is named like a file of environment variables"
_CREDENTIALS: Final = "is named like a file of credentials"
_PASSWORDS: Final = "is named like a file of passwords"
_STATE: Final = "is named like Terraform's state, which holds secrets in the clear"
_GIT: Final = "is part of Git's own folder"
_FOLDER: Final = "lies in a folder where a tool keeps credentials"
_HISTORY: Final = "is named like a shell's history"

_FOLDERS: Final = {
    ".git": _GIT,
    ".aws": _FOLDER,
    ".azure": _FOLDER,
    ".envs": _FOLDER,
    ".gcloud": _FOLDER,
    ".gnupg": _FOLDER,
    ".kaggle": _FOLDER,
    ".kube": _FOLDER,
    ".oci": _FOLDER,
    ".password-store": _FOLDER,
    ".snowsql": _FOLDER,
    ".ssh": _FOLDER,
}
# Names that say too little by themselves, with the folder that they lie in.
_IN_FOLDER: Final = {
    (".bundle", "config"),
    (".cargo", "credentials"),
    (".chef", "knife.rb"),
    (".config", "gcloud"),
    (".docker", "config.json"),
    (".dvc", "config.local"),
    (".gem", "credentials"),
    (".huggingface", "token"),
    (".m2", "settings.xml"),
    (".modal", "modal.toml"),
    (".streamlit", "secrets.toml"),
    ("gh", "hosts.yml"),
    ("huggingface", "stored_tokens"),
    ("huggingface", "token"),
}
_NAMES: Final = {
    ".git": _GIT,
    ".comet.config": _CREDENTIALS,
    ".databrickscfg": _CREDENTIALS,
    ".dockercfg": _CREDENTIALS,
    ".envrc": _ENV,
    ".boto": _CREDENTIALS,
    ".git-credentials": _CREDENTIALS,
    ".htpasswd": _PASSWORDS,
    ".modal.toml": _CREDENTIALS,
    ".my.cnf": _PASSWORDS,
    ".mylogin.cnf": _PASSWORDS,
    ".netrc": _PASSWORDS,
    ".npmrc": _CREDENTIALS,
    ".passwd-s3fs": _PASSWORDS,
    ".pgpass": _PASSWORDS,
    ".pypirc": _CREDENTIALS,
    ".s3cfg": _CREDENTIALS,
    ".terraformrc": _CREDENTIALS,
    ".vault-token": _CREDENTIALS,
    ".vault_pass": _PASSWORDS,
    ".vault_password": _PASSWORDS,
    "_netrc": _PASSWORDS,
    "gcp-key.json": _CREDENTIALS,
    "kaggle.json": _CREDENTIALS,
    "keyfile.json": _CREDENTIALS,
    "kubeconfig": _CREDENTIALS,
    "kubeconfig.json": _CREDENTIALS,
    "kubeconfig.yaml": _CREDENTIALS,
    "kubeconfig.yml": _CREDENTIALS,
    "rclone.conf": _CREDENTIALS,
    "sa-key.json": _CREDENTIALS,
    "secring.gpg": _KEY,
    "sftp-config.json": _CREDENTIALS,
    "vault_pass.txt": _PASSWORDS,
    "wp-config.php": _PASSWORDS,
    **dict.fromkeys(
        (".bash_history", ".zsh_history", ".python_history", ".sh_history"), _HISTORY
    ),
    **dict.fromkeys((".mysql_history", ".psql_history", ".rediscli_history"), _HISTORY),
}
_ENDINGS: Final = {
    ".agekey": _KEY,
    ".jks": _KEY,
    ".kdb": _PASSWORDS,
    ".kdbx": _PASSWORDS,
    ".keystore": _KEY,
    ".kubeconfig": _CREDENTIALS,
    ".ovpn": _KEY,
    ".p12": _KEY,
    ".p8": _KEY,
    ".pfx": _KEY,
    ".pkcs12": _KEY,
    ".ppk": _KEY,
    ".tfstate": _STATE,
    ".tfstate.backup": _STATE,
}
# Of data these say nothing: gold answers are called *.key, certificates *.pem.
_CODE_ENDINGS: Final = {".env": _ENV, ".key": _KEY, ".pem": _KEY}
_SSH_KEYS: Final = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_xmss")
_PUBLIC: Final = ("cacert.pem", "ca-bundle.pem", "ca-certificates.pem")
_EXAMPLES: Final = (
    ".default",
    ".defaults",
    ".dist",
    ".example",
    ".sample",
    ".schema",
    ".template",
    ".tmpl",
    ".tpl",
)
_COPIES: Final = (".bak", ".backup", ".old", ".orig", ".save", ".swp", "~")
# What is written for a machine to read, not for it to run.
_LISTS: Final = frozenset(
    ("", "cfg", "conf", "csv", "db", "enc", "ini", "json", "properties", "toml", "txt")
) | {"xml", "yaml", "yml"}
_TEXTS: Final = (".md", ".py", ".rst")
_STEM: Final = "credentials"
_SECRET_STEMS: Final = ("secret", "secrets")
_ACCOUNT_STEMS: Final = ("client_secret", "service-account", "service_account")


def secret_name(path: str, *, code: bool = True) -> str | None:
    """Return why a file must not be captured, going by its name alone.

    Args:
        path: Below whatever is captured, with slashes or backslashes. Upper and lower
            case are the same.
        code: Whether it is code, configuration or documentation. Endings that also
            mean something else (``.key``, ``.pem``, ``.env``) count there only; in
            models and data the content decides.

    Returns:
        A phrase that goes behind the path, such as ``is named like a private key``;
        None where the name says nothing. ``.env.example`` and public keys say nothing.
    """
    parts = path.replace("\\", "/").lower().split("/")
    name = parts[-1]
    for folder in parts[:-1]:
        if folder in _FOLDERS:
            return _FOLDERS[folder]
    for folder, inner in pairwise(parts):
        if {(folder, inner), (folder, inner.partition(".")[0])} & _IN_FOLDER:
            return _CREDENTIALS
    if name.endswith(_EXAMPLES):
        return None
    for copy in _COPIES:
        name = name.removesuffix(copy)
    if name in _NAMES:
        return _NAMES[name]
    found = _by_beginning(name) or _by_ending(name, _ENDINGS)
    if found is None and code and "public" not in name and name not in _PUBLIC:
        found = _by_ending(name, _CODE_ENDINGS)
    return found or _by_stem(name)


def _by_beginning(name: str) -> str | None:
    if name == ".env" or (name.startswith(".env.") and not name.endswith(_TEXTS)):
        return _ENV
    for key in _SSH_KEYS:
        rest = name.removeprefix(key)
        if name == key or (rest != name and rest[0] in "._-"):
            return None if rest.endswith((".pub", *_TEXTS)) else _KEY
    return None


def _by_ending(name: str, endings: Mapping[str, str]) -> str | None:
    return next((why for end, why in endings.items() if name.endswith(end)), None)


def _by_stem(name: str) -> str | None:
    stem, _, ending = name.rpartition(".") if "." in name else (name, "", "")
    if ending not in _LISTS:
        return None
    named = stem in _SECRET_STEMS or stem.startswith(_STEM)
    account = ending == "json" and stem.startswith(_ACCOUNT_STEMS)
    if named or account or stem.endswith(_STEM):
        return _CREDENTIALS
    return None
