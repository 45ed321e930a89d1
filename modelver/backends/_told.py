"""What a backend over fsspec tells of itself: packages, settings, times of keys.

fsspec takes settings from ``FSSPEC_*`` variables and from files in its configuration
folder, and clients take theirs from the environment: both can send requests elsewhere
without a word in the address.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

_COMPANIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3fs": ("aiobotocore", "botocore"),
    "gcsfs": ("google-cloud-storage", "google-auth"),
    "adlfs": ("azure-storage-blob", "azure-identity"),
    "sshfs": ("asyncssh",),
}
_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "s3fs": (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "AWS_MAX_ATTEMPTS",
        "AWS_RETRY_MODE",
    ),
    "gcsfs": (
        "STORAGE_EMULATOR_HOST",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT",
    ),
    "adlfs": (
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_SAS_TOKEN",
    ),
}
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
# Only of these the value is shown: any other may be a secret, or hold one.
_SHOWN: Final = {
    "anon",
    "aws_default_region",
    "aws_endpoint_url",
    "aws_endpoint_url_s3",
    "aws_max_attempts",
    "aws_profile",
    "aws_region",
    "aws_retry_mode",
    "endpoint",
    "endpoint_url",
    "gcsfs_experimental_zb_hns_support",
    "google_cloud_project",
    "host",
    "port",
    "profile",
    "project",
    "region_name",
    "storage_emulator_host",
    "use_ssl",
}
_TIMES: Final = ("LastModified", "last_modified", "mtime", "updated", "created")


def packages_of(filesystem: Any) -> dict[str, str]:
    """Return fsspec, the client's distribution and what that stands on."""
    client = _client(filesystem)
    names = dict.fromkeys(("fsspec", client, *_COMPANIONS.get(client, ())))
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def settings_of(filesystem: Any) -> dict[str, str]:
    """Return what the environment says of a filesystem; of secrets, that it does."""
    from fsspec.config import conf  # noqa: PLC0415 - 60 ms at import

    protocols = filesystem.protocol
    names = (protocols,) if isinstance(protocols, str) else protocols
    found = {}
    for protocol in names:
        for key, value in conf.get(protocol, {}).items():
            found[f"fsspec.{protocol}.{key}"] = _shown(key, value)
    for variable in _variables(filesystem):
        if os.environ.get(variable):
            found[variable] = _shown(variable, os.environ[variable])
    return found


def _variables(filesystem: Any) -> Iterator[str]:
    yield from _VARIABLES.get(_client(filesystem), ())
    if getattr(filesystem, "async_impl", False):
        for name in _PROXIES:
            yield from (name, name.lower())


def _client(filesystem: Any) -> str:
    """Return the package of a filesystem's class, or of the one that it extends."""
    homes = (cls.__module__.partition(".")[0] for cls in type(filesystem).__mro__)
    return next(home for home in homes if home != "modelver")


def _shown(key: str, value: object) -> str:
    text = str(value)
    harmless = key.lower() in _SHOWN and "@" not in text
    return text if harmless else "(set)"


def time_of(info: Mapping[str, Any]) -> float | None:
    """Return when a file was written, as ``info`` has it, in seconds since 1970."""
    for key in _TIMES:
        found = info.get(key)
        if isinstance(found, str):
            try:
                found = datetime.fromisoformat(found)
            except ValueError:
                continue
        if isinstance(found, datetime):
            aware = found if found.tzinfo else found.replace(tzinfo=UTC)
            return aware.timestamp()
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
    return None
