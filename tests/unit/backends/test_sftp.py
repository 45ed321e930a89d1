"""SFTP without a server: addresses, and what its client's exceptions mean."""

import sys

import pytest

pytest.importorskip("sshfs", reason="NOT TESTED: pip install 'modelver[sftp]'")

import asyncssh

from modelver.backends._errors import Answer
from modelver.backends.sftp import SftpBackend
from modelver.errors import InvalidInputError, PluginError


@pytest.mark.parametrize(
    ("url", "shown", "root"),
    [
        ("sftp://host/srv/r", "sftp://host/srv/r", "/srv/r"),
        ("ssh://ada@host:2222/srv/r/", "sftp://ada@host:2222/srv/r", "/srv/r"),
        ("sftp://[::1]:22/r", "sftp://[::1]:22/r", "/r"),
        ("sftp://host/~/a/r", "sftp://host/~/a/r", "a/r"),
        ("sftp://host/a b/r#2?x", "sftp://host/a b/r#2?x", "/a b/r#2?x"),
    ],
)
def test_addresses(url: str, shown: str, root: str) -> None:
    """The user's name is shown: another user may have another root folder."""
    backend = SftpBackend(url)
    assert backend.url == shown
    assert backend._root == root


@pytest.mark.parametrize(
    "url",
    [
        "sftp://host",
        "sftp://host/",
        "sftp:///srv/r",
        "sftp://host/a/../b",
        "sftp://host/a//b",
        "sftp://host:port/r",
        "sftp://ada:hunter2@host/r",
        "sftp://ada:12?hunter2@host/r",
        "sftp://ho st/r",
        "sftp://host/a\nb",
    ],
)
def test_no_addresses(url: str) -> None:
    """A host and a folder are wanted, and nothing that could be read in two ways."""
    with pytest.raises(InvalidInputError) as caught:
        SftpBackend(url)
    assert "hunter2" not in f"{caught.value!r}"


def test_the_address_wins_over_the_options() -> None:
    """It is what is shown, so it is where the connection goes."""
    options = {"host": "elsewhere", "port": 1, "username": "eve", "env": {"A": "b"}}
    backend = SftpBackend("sftp://ada@host:2222/r", storage_options=options)
    used = backend._files._options
    assert (used["host"], used["port"], used["username"]) == ("host", 2222, "ada")
    assert used["env"] == {"A": "b"}
    assert options["host"] == "elsewhere"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (asyncssh.SFTPNoSuchFile("x"), Answer.MISSING),
        (asyncssh.SFTPPermissionDenied("x"), Answer.DENIED),
        (asyncssh.SFTPFailure("Failure"), Answer.OTHER),
        (asyncssh.SFTPConnectionLost("x"), Answer.DEAD),
        (asyncssh.ConnectionLost("x"), Answer.DEAD),
        (asyncssh.PermissionDenied("x"), Answer.BAD_CREDENTIALS),
        (ConnectionResetError(), Answer.DEAD),
        (FileExistsError(), Answer.TAKEN),
        (ConnectionRefusedError(111, "refused"), Answer.UNREACHABLE),
    ],
    ids=lambda v: v.name if isinstance(v, Answer) else type(v).__name__,
)
def test_meanings(error: Exception, answer: Answer) -> None:
    """A plain failure means nothing: whether the key is there is looked up."""
    assert SftpBackend("sftp://host/r")._judge(error) is answer


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an ImportError from somewhere inside."""
    monkeypatch.setitem(sys.modules, "sshfs", None)
    with pytest.raises(PluginError) as caught:
        SftpBackend("sftp://host/r")
    assert "modelver[sftp]" in caught.value.hints[0]
