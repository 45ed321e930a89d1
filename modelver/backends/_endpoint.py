"""Which store requests go to, where an address names only what is in it.

One bucket name at two endpoints is two buckets. What comes back from here tells them
apart, holds no credentials, and is found out without asking anybody.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

_SERVICE: Final = "s3"
_IGNORE: Final = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
_AZURE: Final = "AZURE_STORAGE_"
_AZURE_USUAL: Final = ".blob.core.windows.net"


def s3_endpoint(options: Mapping[str, Any]) -> str:
    """Return where the requests of s3fs go; "" for Amazon's own endpoints."""
    found = setting(options, ("s3", "s3a"), "endpoint_url")
    found = found or (options.get("client_kwargs") or {}).get("endpoint_url")
    if not found and os.environ.get(_IGNORE, "").lower() != "true":
        found = (
            os.environ.get("AWS_ENDPOINT_URL_S3")
            or os.environ.get("AWS_ENDPOINT_URL")
            or _of_profile(setting(options, ("s3", "s3a"), "profile"))
        )
    return place(found, usual=("amazonaws.com",))


def gcs_endpoint(options: Mapping[str, Any]) -> str:
    """Return where the requests of gcsfs go; "" for Google's own endpoints."""
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    found = setting(options, ("gcs", "gs"), "endpoint_url")
    found = found or (emulator if emulator != "default" else "")
    return place(found, usual=("googleapis.com",))


def azure_endpoint(options: Mapping[str, Any]) -> str:
    """Return the account that adlfs asks, by its host, and its path in emulators."""

    def said(name: str) -> str:
        found = setting(options, ("abfs", "az", "abfss"), name)
        return str(found or os.environ.get(_AZURE + name.upper()) or "")

    parts = dict(
        part.strip().partition("=")[::2]
        for part in said("connection_string").split(";")
        if "=" in part
    )
    if parts.get("BlobEndpoint"):
        return place(parts["BlobEndpoint"])
    if parts.get("UseDevelopmentStorage", "").lower() == "true":
        return "127.0.0.1:10000/devstoreaccount1"
    if parts.get("AccountName"):
        suffix = parts.get("EndpointSuffix", _AZURE_USUAL.removeprefix(".blob."))
        return place(f"{parts['AccountName']}.blob.{suffix}")
    account = said("account_name")
    return place(said("account_host") or (account and account + _AZURE_USUAL))


def setting(options: Mapping[str, Any], protocols: Iterable[str], name: str) -> Any:
    """Return an option, or what fsspec's own settings have in its place."""
    if options.get(name):
        return options[name]
    from fsspec.config import conf  # noqa: PLC0415 - 60 ms at import

    return next((conf[p][name] for p in protocols if conf.get(p, {}).get(name)), None)


def place(endpoint: object, *, usual: Iterable[str] = ()) -> str:
    """Return host, port and path of an endpoint; "" for the hosts of *usual*.

    What stands before the host and behind the path may be a secret.
    """
    text = str(endpoint or "")
    try:
        found = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:  # whoever connects will say so
        return ""
    host = (found.hostname or "").rstrip(".")
    if any(host == name or host.endswith(f".{name}") for name in usual):
        return ""
    port = ""
    with suppress(ValueError):  # no number
        standard = {"http": 80, "https": 443}.get(found.scheme)
        port = f":{found.port}" if found.port not in {None, standard} else ""
    told = f"{host}{port}{found.path.rstrip('/')}" if host else ""
    return told.encode("ascii", "backslashreplace").decode()


def _of_profile(profile: Any) -> Any:
    """Return what the files of AWS name as the endpoint of S3, or of everything."""
    with suppress(Exception):  # what is wrong with them, the client will say
        from botocore.session import (  # noqa: PLC0415 - an extra, and slow
            Session,
        )

        session = Session(profile=profile)
        scoped = session.get_scoped_config()
        services = session.full_config.get("services", {})
        special = services.get(scoped.get("services"), {}).get(_SERVICE, {})
        return special.get("endpoint_url") or scoped.get("endpoint_url")
    return None
