"""A registry in a folder that a server gives access to by SFTP.

A key is created as in a folder of this machine: written under a name that no reader
looks at, flushed, then linked to its own name, which the server refuses when there is
one already. The link is OpenSSH's extension of the protocol, which most servers have.
The protocol's own rename says that it refuses too, but servers check first and then
rename, or overwrite: without links a registry is only read, unless the caller says
that nobody else writes.
"""

import asyncio
import posixpath
import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from modelver._values.url import scheme_of
from modelver.backends._errors import Answer, secrets_in
from modelver.backends._filesystem import Filesystem, client
from modelver.backends._fsspec import FsspecBackend
from modelver.backends._publish import TEMPORARY
from modelver.backends._sftp_session import Features, Session
from modelver.backends._told import packages_of, settings_of
from modelver.errors import ErrorKind, InvalidInputError, ModelverError, StorageError
from modelver.plugin import Capabilities

_ADDRESS: Final = re.compile(
    r"(?:(?P<user>[^@:/?#\[\]\s]+)@)?"
    r"(?P<host>[^@:/?#\[\]\s]+|\[[0-9a-fA-F:.%]+\])"
    r"(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[^\x00-\x1f]*)"
)
_HOME: Final = "/~/"
# What is asked for before the size is known.
_FIRST: Final = 128 * 1024

# By the names of asyncssh's exceptions: not every release has all of them.
_MEANINGS: Final = {
    "SFTPNoSuchFile": Answer.MISSING,
    "SFTPNoSuchPath": Answer.MISSING,
    "SFTPFileAlreadyExists": Answer.TAKEN,
    "SFTPPermissionDenied": Answer.DENIED,
    "SFTPWriteProtect": Answer.DENIED,
    "SFTPNoSpaceOnFilesystem": Answer.FULL,
    "SFTPQuotaExceeded": Answer.FULL,
    "SFTPConnectionLost": Answer.DEAD,
    "SFTPNoConnection": Answer.DEAD,
    "ConnectionLost": Answer.DEAD,
    "ChannelOpenError": Answer.DEAD,
    "PermissionDenied": Answer.BAD_CREDENTIALS,
    "KeyImportError": Answer.BAD_CREDENTIALS,
    "DisconnectError": Answer.DEAD,
    "gaierror": Answer.UNREACHABLE,
}


class SftpBackend(FsspecBackend):
    """A folder on a server, through sshfs."""

    hints: ClassVar[Mapping[Answer, str]] = {
        Answer.BAD_CREDENTIALS: "Check that `ssh` and the same user name and key get "
        "in, or pass them in storage_options: username, client_keys, password.",
        Answer.UNREACHABLE: "Check the address, and that `sftp` gets there.",
    }

    def __init__(
        self,
        url: str,
        *,
        storage_options: Mapping[str, Any] | None = None,
        single_writer: bool = False,
    ) -> None:
        """Remember how to reach the server; it is not asked yet.

        Args:
            url: ``sftp://user@host:port/folder``; ``/~/folder`` begins in the home
                folder. A user name is no secret; a password is, and is refused.
            storage_options: For ``sshfs.SSHFileSystem``, which passes them to
                ``asyncssh.connect``.
            single_writer: Write to a server that has no hard links too, by renaming.
                It is the caller's word that nobody else writes at the same time.

        Raises:
            InvalidInputError: *url* names no host and folder, or holds a password.
            PluginError: sshfs is not installed.
        """
        client("sshfs", "sftp")
        scheme = scheme_of(url)
        found = _ADDRESS.fullmatch(url[len(scheme) + len("://") :].rstrip("/"))
        parts = set((found["path"] if found else "/..").removeprefix("/").split("/"))
        if found is None or {"", ".", ".."} & parts:
            raise InvalidInputError(
                "the registry's address is no folder on a server",
                kind=ErrorKind.BAD_URL,
                hint="Write it like sftp://user@host/folder/registry.",
            )
        options = dict(storage_options or {})
        options["host"] = found["host"].strip("[]")
        if found["user"]:
            options["username"] = found["user"]
        if found["port"]:
            options["port"] = int(found["port"])
        self._single = single_writer
        self._features: Features | None = None
        # Folders whose names may not be on the server's disk yet: after an error, and
        # where somebody else wrote what was read here.
        self._unflushed: set[str] = set()
        self._read: set[str] = set()
        self._last = ""
        # What the address leaves open: another port, and whose home it is.
        port = "" if found["port"] else str(options.get("port") or "")
        at_home = found["path"].startswith(_HOME) and not found["user"]
        user = str(options.get("username") or "") if at_home else ""
        self._endpoint = f"{user}:{port}".rstrip(":")
        super().__init__(
            f"sftp://{found[0]}",
            Filesystem(Session, options),
            found["path"].removeprefix(_HOME),
            secrets=secrets_in(storage_options),
        )

    @property
    def capabilities(self) -> Capabilities:
        """Exclusive where the server makes hard links; durable where it flushes.

        As long as the server cannot be asked, it is thought to be a good one: whatever
        is done next says that it cannot be reached.
        """
        if self._features is None:
            with suppress(Exception):
                self._features = self._run(Session.features, again=True)
        found = self._features or Features(links=True, flushes=False)
        return Capabilities(
            exclusive_create=found.links or self._single, durable=found.flushes
        )

    def endpoint(self) -> str:
        """See :meth:`modelver.plugin.Placed.endpoint`; only what the options add."""
        return self._endpoint

    def packages(self) -> Mapping[str, str]:
        """See :meth:`modelver.plugin.Described.packages`."""
        return packages_of(self._fs.filesystem)

    def settings(self) -> Mapping[str, str]:
        """See :meth:`modelver.plugin.Described.settings`; ssh knows no proxies."""
        found = settings_of(self._fs)
        return {k: v for k, v in found.items() if k.startswith("fsspec.")}

    async def _put_new(self, session: Session, path: str, data: bytes) -> None:
        features = await session.features()
        if not (features.links or self._single):
            raise StorageError(
                f"the server of {self.url} makes no hard links, so commits could be "
                "lost; or it lets nobody write",
                kind=ErrorKind.UNSUPPORTED,
                hint="Open it with read_only=True. If nobody else writes, see the "
                "how-to 'use SFTP'.",
            )
        folder, _, _ = path.rpartition("/")
        temporary = f"{folder}/{TEMPORARY}{uuid.uuid4().hex}"
        async with session.channel() as channel:
            file = await self._begin(session, channel, temporary, path)
            try:
                await file.write(data)
                if features.flushes:
                    await file.fsync()
                await self._publish(session, channel, temporary, path)
                self._last = path
            finally:
                session.later(file.close())
                await self._end(session, channel, temporary)

    async def _begin(
        self, session: Session, channel: Any, temporary: str, path: str
    ) -> Any:
        """Open a new file beside *path*, and meanwhile see whether it is worth it."""
        folder, _, _ = path.rpartition("/")
        asked: tuple[Any, ...] = (
            channel.open(temporary, "xb"),
            _is_there(session, channel, path),
            self._flush_before(session, channel, folder),
        )
        opening, there, flushing = await asyncio.gather(*asked, return_exceptions=True)
        if isinstance(opening, session.ssh.SFTPNoSuchFile):
            made = await _make_folders(session, channel, folder)
            for each in made:
                await self._flush(session, channel, posixpath.dirname(each))
            await self._flush_before(session, channel, folder)
            return await channel.open(temporary, "xb")
        if isinstance(opening, BaseException):
            raise opening
        # A key that is there stays there: a sure loser need not send its bytes.
        if there is True or isinstance(flushing, BaseException):
            session.later(opening.close())
            await self._end(session, channel, temporary)
            raise FileExistsError(path) if there is True else flushing
        return opening

    async def _end(self, session: Session, channel: Any, temporary: str) -> None:
        """Leave nothing but what was published, and that flushed.

        Also where the key was there: whoever made it may have died before its name
        was flushed, and the caller is about to refer to it.
        """
        folder, _, _ = temporary.rpartition("/")
        self._unflushed.add(folder)
        await asyncio.gather(
            _dispose(session, channel, temporary),
            self._flush(session, channel, folder),
        )
        self._unflushed.discard(folder)

    async def _publish(
        self, session: Session, channel: Any, temporary: str, path: str
    ) -> None:
        """Give the file its name, unless there is one of that name."""
        features = await session.features()
        try:
            if features.links:
                await channel.link(temporary, path)
            else:  # some servers overwrite: _begin has looked, and nobody else writes
                await channel.rename(temporary, path)
        except session.ssh.SFTPPermissionDenied as error:
            if await _is_there(session, channel, path):
                raise FileExistsError(path) from error
            # Files can be made in that folder: one was, a moment ago.
            raise StorageError(
                f"the file system behind {self.url} makes no hard links",
                kind=ErrorKind.UNSUPPORTED,
                hint="Choose a folder on another file system of that server.",
            ) from error
        except session.ssh.SFTPFailure as error:
            # That is all that servers say when the name is taken; and for much else.
            if await _is_there(session, channel, path):
                raise FileExistsError(path) from error
            raise

    async def _flush_before(self, session: Session, channel: Any, folder: str) -> None:
        """Flush the names that what is created next builds on.

        Where somebody else's entry was read, its name: none may outlive it. At first,
        the folders down to *folder*: another writer may have made them a moment ago.
        And whatever could not be flushed when it should have been.
        """
        waiting = set(self._unflushed)
        if folder in self._read:
            waiting.add(folder)
        if folder not in session.flushed:
            at = folder
            while at != self._root and "/" in at.strip("/"):
                at = posixpath.dirname(at)
                waiting.add(at)
            waiting.add(posixpath.dirname(self._root))
        await asyncio.gather(*(self._flush(session, channel, each) for each in waiting))
        session.flushed.add(folder)
        self._read.discard(folder)
        self._unflushed -= waiting

    async def _flush(self, session: Session, channel: Any, folder: str) -> None:
        features = await session.features()
        if not features.flushes:
            return
        try:
            await session.flush_folder(channel, folder or ".")
        except (session.ssh.SFTPPermissionDenied, session.ssh.SFTPFailure):
            # What is above the registry may not be ours to open, and was there before.
            if f"{folder}/".startswith(f"{self._root}/"):
                raise

    async def _get(
        self, session: Session, path: str, start: int, end: int | None
    ) -> bytes:
        if path != self._last:
            self._read.add(path.rpartition("/")[0])
        async with session.channel() as channel:
            file = await channel.open(path, "rb")
            try:
                return await _slice(file, start, end)
            finally:
                session.later(file.close())

    async def _find(self, session: Session, path: str) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        waiting = [path.rstrip("/")]
        while waiting:
            scans = (_scan(session, folder, found) for folder in waiting)
            waiting = [each for some in await asyncio.gather(*scans) for each in some]
        return found

    async def _remove(self, session: Session, path: str) -> None:
        async with session.channel() as channel:
            await channel.remove(path)

    def _run(self, hook: Callable[..., Any], *args: Any, again: bool = False) -> Any:
        """Run a hook, not on a connection that was lost while nobody asked."""
        session = self._fs
        if session.is_lost:
            self._files.renew(session)
        return super()._run(hook, *args, again=again)

    def _judge(self, error: Exception) -> Answer:
        if isinstance(error, ModelverError):
            return Answer.OTHER
        for each in (error, error.__cause__):
            for kind in type(each).__mro__:
                if kind.__name__ in _MEANINGS:
                    return _MEANINGS[kind.__name__]
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            return Answer.DEAD
        return super()._judge(error)


async def _slice(file: Any, start: int, end: int | None) -> bytes:
    """Return bytes ``start:end`` of an open file, small ones in one round trip."""
    length = _FIRST if end is None else min(_FIRST, end - start)
    asked: tuple[Any, ...] = (file.read(length, start), file.stat())
    data, about = await asyncio.gather(*asked)
    stop = about.size if end is None else min(end, about.size)
    at = start + len(data)
    if at < stop:
        data += await file.read(stop - at, at)
    return bytes(data)


async def _is_there(session: Session, channel: Any, path: str) -> bool:
    try:
        await channel.lstat(path)
    except session.ssh.SFTPNoSuchFile:
        return False
    return True


async def _make_folders(session: Session, channel: Any, folder: str) -> list[str]:
    """Make *folder* and what is above it; return what was made, or may have been."""
    try:
        await channel.mkdir(folder)
    except session.ssh.SFTPNoSuchFile:
        above = posixpath.dirname(folder)
        if above in ("", folder):
            raise
        made = await _make_folders(session, channel, above)
        with suppress(session.ssh.SFTPFailure):  # another writer was faster
            await channel.mkdir(folder)
        return [*made, folder]
    except session.ssh.SFTPFailure:
        pass  # it is there; if it is not, opening a file in it will tell
    return [folder]


async def _dispose(session: Session, channel: Any, temporary: str) -> None:
    """Delete a file that nobody reads; where that fails, it stays and does no harm."""
    with suppress(session.ssh.Error, OSError):
        await channel.remove(temporary)


async def _scan(session: Session, folder: str, found: dict[str, Any]) -> list[str]:
    """Add the files in *folder* to *found*, and return the folders."""
    try:
        async with session.channel() as channel:
            names = await channel.readdir(folder)
    except session.ssh.SFTPNoSuchFile:
        return []
    folders = []
    for name in names:
        path = f"{folder}/{name.filename}"
        if name.filename in (".", "..") or name.filename.startswith(TEMPORARY):
            continue
        if name.attrs.type == session.ssh.FILEXFER_TYPE_DIRECTORY:
            folders.append(path)
        elif name.attrs.type == session.ssh.FILEXFER_TYPE_REGULAR:
            found[path] = {"size": name.attrs.size}
        elif name.attrs.type == session.ssh.FILEXFER_TYPE_SYMLINK:
            with suppress(session.ssh.SFTPNoSuchFile):  # a link to nowhere
                async with session.channel() as channel:
                    found[path] = {"size": (await channel.stat(path)).size}
    return folders
