"""Azure's address, its answers, and what is told without a store."""

import base64
import importlib
import sys
from typing import Any

import pytest

from modelver._registry.opening import open_backend
from modelver.backends._errors import Answer
from modelver.backends.azure import AzureBackend
from modelver.errors import (
    AccessDeniedError,
    ErrorKind,
    InvalidInputError,
    PluginError,
)

pytest.importorskip("adlfs", reason="NOT TESTED: pip install adlfs")

KEY = base64.b64encode(b"a key that nobody has").decode()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT_NAME", "ACCOUNT_KEY", "CONNECTION_STRING", "SAS_TOKEN"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("az://models/registry", "az://models/registry"),
        ("abfs://models/registry/", "az://models/registry"),
        ("abfss://models/a/b", "az://models/a/b"),
        ("az://models", "az://models"),
        (
            "abfss://models@lab.dfs.core.windows.net/registry/",
            "abfss://models@lab.dfs.core.windows.net/registry",
        ),
        (
            "abfss://models@lab.blob.core.windows.net",
            "abfss://models@lab.blob.core.windows.net",
        ),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    """Short ones are written alike; what is shown can be opened again."""
    backend = open_backend(url, None)
    assert isinstance(backend, AzureBackend)
    assert backend.url == shown
    assert open_backend(shown, None).url == shown
    assert backend._root.startswith("models")


def test_the_account_may_stand_in_the_address() -> None:
    """It is neither a secret nor lost; another one in the options is refused."""
    url = "abfss://models@lab.dfs.core.windows.net/registry"
    backend = AzureBackend(url, storage_options={"account_key": KEY})
    assert backend._fs.account_name == "lab"
    assert backend._fs.account_url == "https://lab.blob.core.windows.net"
    assert backend._path("k") == "models/registry/k"
    with pytest.raises(InvalidInputError, match="other"):
        AzureBackend(url, storage_options={"account_name": "other"})
    elsewhere = AzureBackend(
        "abfss://models@lab.dfs.core.chinacloudapi.cn/registry",
        storage_options={"account_key": KEY},
    )
    assert elsewhere._fs.account_url == "https://lab.blob.core.chinacloudapi.cn"


@pytest.mark.parametrize(
    "url",
    [
        "az://",
        "az:///registry",
        "az://models//registry",
        "az://models/../other",
        "az://models/a?versionid=1",
        "az://models/registry?sv=2024&sig=s3cr3t",
        "abfss://models:s3cr3t@lab.dfs.core.windows.net/registry",
        "abfss://S3cr3t@lab.dfs.core.windows.net/registry",
        "abfss://s3cr3t@example.org/registry",
        "abfss://models@lab.dfs.core.windows.net/registry?sig=s3cr3t",
        "abfss://models@lab.dfs.core.windows.net//registry",
        "s3://s3cr3t@lab.dfs.core.windows.net/registry",
    ],
)
def test_addresses_refused(url: str) -> None:
    """What two programs could read differently; a secret in it is not repeated."""
    with pytest.raises(InvalidInputError) as caught:
        AzureBackend(url)
    assert caught.value.kind is ErrorKind.BAD_URL
    assert caught.value.hints
    shown = f"{caught.value.message}{caught.value.hints}".lower()
    assert "s3cr3t" not in shown


def _answer(status: int, code: str) -> Any:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - may be missing

    error: Any = HttpResponseError("because")
    error.status_code = status
    error.error_code = code or None
    return error


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (409, "BlobAlreadyExists", Answer.TAKEN),
        (403, "UnauthorizedBlobOverwrite", Answer.TAKEN),
        (409, "BlobImmutableDueToPolicy", Answer.TAKEN),
        (412, "ConditionNotMet", Answer.TAKEN),
        (409, "SnapshotOperationRateExceeded", Answer.BUSY),
        (404, "BlobNotFound", Answer.MISSING),
        (404, "", Answer.MISSING),
        (404, "ContainerNotFound", Answer.NO_STORE),
        (409, "ContainerBeingDeleted", Answer.NO_STORE),
        (416, "InvalidRange", Answer.OUT_OF_RANGE),
        (403, "AuthorizationPermissionMismatch", Answer.DENIED),
        (403, "AuthenticationFailed", Answer.BAD_CREDENTIALS),
        (401, "NoAuthenticationInformation", Answer.BAD_CREDENTIALS),
        (503, "ServerBusy", Answer.BUSY),
        (500, "InternalError", Answer.BUSY),
        (400, "Md5Mismatch", Answer.OTHER),
    ],
)
def test_codes(status: int, code: str, expected: Answer) -> None:
    """The store's code decides, and then the status."""
    backend = AzureBackend("az://models/registry")
    assert backend._judge(_answer(status, code)) is expected


def test_exceptions_before_any_answer() -> None:
    """No credentials, nobody there, a connection that broke."""
    import azure.core.exceptions as said  # noqa: PLC0415 - may be missing

    judge = AzureBackend("az://models/registry")._judge
    assert judge(said.ClientAuthenticationError("x")) is Answer.BAD_CREDENTIALS
    assert judge(said.ServiceRequestError("x")) is Answer.UNREACHABLE
    assert judge(said.ServiceResponseError("x")) is Answer.UNREACHABLE
    assert judge(FileNotFoundError("x")) is Answer.MISSING


def test_no_account_is_named() -> None:
    """Neither address, options nor environment say whose container it is."""
    with pytest.raises(AccessDeniedError) as caught:
        AzureBackend("az://models/registry", storage_options={"anon": True}).read("k")
    assert "account_name" in caught.value.hints[0]


@pytest.mark.parametrize(
    "variable", ["ACCOUNT_KEY", "CONNECTION_STRING", "SAS_TOKEN", ""]
)
def test_no_secret_is_repeated(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the options and of the environment, as a whole and each part that matters."""
    texts = {
        "ACCOUNT_KEY": KEY,
        "CONNECTION_STRING": f"AccountName=lab;AccountKey={KEY}",
        "SAS_TOKEN": f"?sv=2024-01-01&sp=r&sig={KEY}",
    }
    options = {}
    if variable:
        monkeypatch.setenv(f"AZURE_STORAGE_{variable}", texts[variable])
    else:
        options = {"connection_string": texts["CONNECTION_STRING"]}
    backend = AzureBackend("az://models/registry", storage_options=options)
    told = _answer(400, "InvalidInput")
    told.message = told.args = (f"what is {KEY}, and {texts['SAS_TOKEN']}?",)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of ours
        backend._fail(told, "read", "k")
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_messages_are_one_line() -> None:
    """Microsoft's client adds the answer's XML, with times and numbers."""
    error = _answer(403, "AuthorizationFailure")
    error.args = ("This may not be.\nRequestId:1\nTime:2\n<xml/>",)
    with pytest.raises(AccessDeniedError) as caught:
        AzureBackend("az://models/registry")._fail(error, "read", "k")
    said = "cannot read 'k' in az://models/registry: This may not be. "
    assert caught.value.message == f"{said}(AuthorizationFailure)"
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - the same

    login = ClientAuthenticationError("This may not be.\nAttempted: ...")
    with pytest.raises(AccessDeniedError) as caught:
        AzureBackend("az://models/registry")._fail(login, "read", "k")
    assert caught.value.message == said.rstrip()


def test_a_missing_adlfs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is there without its client, and the hint is a command."""
    monkeypatch.setitem(sys.modules, "adlfs", None)
    module = importlib.import_module("modelver.backends.azure")
    with pytest.raises(PluginError) as caught:
        module.AzureBackend("az://models/registry")
    assert "pip install 'modelver[azure]'" in caught.value.hints[0]
