"""A repository whose settings were read, so that what they name can be switched off."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from modelver._capture.git.program import CAP, Git
from modelver._capture.scrub import scrub_remote

_MOST_FILTERS: Final = 64
_MOST_TRUSTED: Final = 100
_FILTER = re.compile(r"filter\.(.+)\.(?:clean|smudge|process|required)", re.DOTALL)
_REMOTE = re.compile(r"remote\.(.+)\.url", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_USERS: Final = frozenset({"system", "global", "command"})

Settings = dict[str, list[str]]


def _settings(listing: bytes) -> tuple[Settings, Settings]:
    """Return the repository's settings and the user's, each key's values in order."""
    own: Settings = {}
    users: Settings = {}
    fields = listing.decode("utf-8", "surrogateescape").split("\0")
    for scope, item in zip(fields[::2], fields[1::2], strict=False):
        key, _, value = item.partition("\n")
        (users if scope in _USERS else own).setdefault(key, []).append(value)
    return own, users


def _filters_off(settings: Settings) -> list[str] | None:
    """Return what switches the repository's filters off; None where nothing does."""
    names = {m[1] for key in settings if (m := _FILTER.fullmatch(key)) is not None}
    # git takes the first "=" for the end of the key.
    strange = any("=" in name or not name.isprintable() for name in names)
    if strange or len(names) > _MOST_FILTERS:
        return None
    return [
        f"filter.{name}.{what}"
        for name in sorted(names)
        for what in ("clean=", "smudge=", "process=", "required=false")
    ]


def _last(*found: Settings, key: str) -> str | None:
    return next((one[key][-1] for one in found if one.get(key)), None)


def _patterns(own: Settings, users: Settings) -> list[str]:
    """Return the settings that name files of patterns, each a file or nothing.

    What a user ignores everywhere, in a file of the user's own, is no more part of the
    code than what the repository ignores. One inside the work tree is left to git.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    found = []
    for key, usual in (("excludesfile", f"{home}/git/ignore"), ("attributesfile", "")):
        named = _last(own, users, key=f"core.{key}") or usual
        try:
            path = Path(named).expanduser()
        except RuntimeError:  # the home of a user that there is not
            path = Path(os.devnull)
        if path.is_absolute() or not named:
            found.append(f"core.{key}={path if path.is_file() else os.devnull}")
    return found


def _line_ends(own: Settings, users: Settings) -> list[str]:
    """Return what the user says of line ends: unread, every file would differ."""
    found = []
    for key in ("core.autocrlf", "core.eol"):
        value = _last(users, key=key)
        if value is not None and value.isalnum() and key not in own:
            found.append(f"{key}={value}")
    return found


class Repository:
    """A repository as git finds it from a folder, with its programs switched off."""

    def __init__(self, git: Git, own: Settings, users: Settings) -> None:
        self.git = git
        self._own = own
        filters = _filters_off(own)
        self.filters_off: Final = filters is not None
        """Whether git can look at the work tree without running a filter."""
        # Whom the user trusts is the user's to say, never the repository's.
        trusted = users.get("safe.directory", [])[-_MOST_TRUSTED:]
        self._off = [
            *(filters or ()),
            *_patterns(own, users),
            *_line_ends(own, users),
            *(f"safe.directory={place}" for place in trusted),
        ]

    @classmethod
    def at(cls, folder: Path, deadline: float | None = None) -> Self | None:
        """Return the repository that holds *folder*, or None.

        None where there is no git, or where its settings cannot be read. Whether there
        is a repository at all, only the first command tells.
        """
        git = Git(folder, deadline)
        listing = git.run("config", "--list", "-z", "--show-scope", user=True)
        if listing is None:  # before 2.26 it has no scopes
            plain = git.run("config", "--list", "-z")
            if plain is None:
                return None
            listing = b"".join(b"local\0%b\0" % item for item in plain.split(b"\0"))
        if len(listing) >= CAP:
            return None
        return cls(git, *_settings(listing))

    def run(
        self, *words: str, cap: int = CAP, feed: bytes | None = None
    ) -> bytes | None:
        """Return what git said; see :meth:`Git.run`."""
        return self.git.run(*words, off=self._off, cap=cap, feed=feed)

    def line(self, *words: str) -> str | None:
        """Return what git said in one line, without its end, or None."""
        said = self.run(*words)
        return None if said is None else os.fsdecode(said.removesuffix(b"\n"))

    def go_to_top(self) -> bool:
        """Run at the top of the work tree from now on; tell whether there is one."""
        top = self.line("rev-parse", "--show-toplevel")
        if top:
            self.git.folder = Path(os.path.realpath(top))
        return bool(top)

    def setting(self, key: str) -> str | None:
        """Return the value of a setting of the repository; of several, the last."""
        return _last(self._own, key=key)

    def remote(self, branch: str | None) -> str | None:
        """Return the remote that *branch* follows; else ``origin``; else the only one.

        Without what could be secret, see :func:`scrub_remote`.
        """
        remotes = {
            m[1]: v[-1] for k, v in self._own.items() if (m := _REMOTE.fullmatch(k))
        }
        for name in (self.setting(f"branch.{branch}.remote"), "origin"):
            if name in remotes:
                return scrub_remote(remotes[name])
        return scrub_remote(*remotes.values()) if len(remotes) == 1 else None

    def head(self) -> str | None:
        """Return the commit that is checked out, or None."""
        said = self.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return said if said is not None and _COMMIT.fullmatch(said) else None

    def attributes(self, name: str, paths: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the value of an attribute by path; what is not there is unknown.

        Paths start at the folder that git runs in.
        """
        if not paths:
            return {}
        said = self.run(
            "check-attr",
            "-z",
            "--stdin",
            name,
            cap=2**24,
            feed=b"\0".join(paths) + b"\0",
        )
        fields = (said or b"").split(b"\0")
        return dict(zip(fields[0:-1:3], fields[2::3], strict=False))
