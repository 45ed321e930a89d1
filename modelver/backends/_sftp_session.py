"""One SSH connection with a few SFTP channels, and what its server can do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Final

from attrs import define, field, frozen

from modelver.backends._filesystem import client
from modelver.errors import AccessDeniedError

# Servers allow ten sessions a connection. Each is a process there: flushing to the
# disk holds up what else the same channel was asked.
_CHANNELS: Final = 8
# A server that went away without a word is noticed after about a minute.
_DEFAULTS: Final = {
    # sshfs believes every host key unless told otherwise; as ssh does, we do not.
    "known_hosts": (),
    "keepalive_interval": 15,
    "keepalive_count_max": 3,
    "login_timeout": 30,
}
_NOWHERE: Final = ".modelver-is-not-here"


@frozen
class Features:
    """What a server was found to be able to do.

    Attributes:
        links: It makes hard links: the exclusive create.
        flushes: It flushes files, and folders, to its disk.
    """

    links: bool
    flushes: bool


@define(eq=False)
class _Channel:
    """An SFTP channel, as soon as it is open."""

    opening: Any
    users: int = field(default=0)


class Session:
    """Stands in for an fsspec filesystem: an sshfs one, with channels of our own.

    sshfs has no hard links, no flushes, no ranges, and no public way to its channels;
    its connection is public, and channels are asyncssh's.
    """

    async_impl: Final = True
    protocol: Final = ("ssh", "sftp")

    def __init__(self, **options: Any) -> None:
        """Connect.

        Args:
            options: For ``sshfs.SSHFileSystem``, which passes them to asyncssh.

        Raises:
            AccessDeniedError: The host key is not known, or another one.
            Exception: Whatever sshfs raises.
        """
        self.ssh = client("asyncssh", "sftp")
        # sshfs's class does not know what it is called, and so not what is its own.
        conf = client("fsspec.config", "sftp").conf
        told = [conf.get(protocol, {}) for protocol in self.protocol]
        settings = {**_DEFAULTS, **told[0], **told[1], **options}
        # What lies there need not be UTF-8; it is no key of ours then.
        self._sftp = {
            "path_errors": "surrogateescape",
            **(settings.pop("sftp_client_kwargs", None) or {}),
        }
        try:
            self.filesystem = client("sshfs", "sftp").SSHFileSystem(**settings)
        except self.ssh.HostKeyNotVerifiable as error:
            host = settings.get("host")
            raise AccessDeniedError(
                f"the host key of {host} cannot be trusted: {error.reason}",
                hint="Connect once with ssh and compare the fingerprint, or name a "
                "file of known hosts: storage_options={'known_hosts': path}.",
            ) from error
        # Done as soon as the connection is seen to be lost.
        self._lost = asyncio.run_coroutine_threadsafe(
            self.filesystem.client.wait_closed(), self.loop
        )
        self._channels: list[_Channel] = []
        self._full = False
        self._features: asyncio.Task[Features] | None = None
        self._closing: set[asyncio.Future[Any]] = set()
        self.flushed: set[str] = set()

    @property
    def loop(self) -> Any:
        """The loop that the connection lives on."""
        return self.filesystem.loop

    @property
    def is_lost(self) -> bool:
        """Whether the connection is known to be lost; nothing is asked."""
        return self._lost.done()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[Any]:
        """Lend the channel with the fewest users."""
        chosen = self._least_used()
        chosen.users += 1
        try:
            yield await asyncio.shield(chosen.opening)
        finally:
            chosen.users -= 1

    def _least_used(self) -> _Channel:
        chosen = min(self._channels, key=lambda one: one.users, default=None)
        if chosen is None or (chosen.users and not self._is_full()):
            chosen = _Channel(asyncio.ensure_future(self._begin(len(self._channels))))
            self._channels.append(chosen)
        return chosen

    def _is_full(self) -> bool:
        return self._full or len(self._channels) >= _CHANNELS

    async def _begin(self, number: int) -> Any:
        """Open a channel; where the server has no more of them, share the first."""
        try:
            return await self.filesystem.client.start_sftp_client(**self._sftp)
        except self.ssh.ChannelOpenError:
            if number == 0:
                raise
            self._full = True
            return await asyncio.shield(self._channels[0].opening)

    async def features(self) -> Features:
        """Find out, once, what the server can do; nothing is written."""
        if self._features is None or (
            self._features.done() and self._features.exception() is not None
        ):
            self._features = asyncio.ensure_future(self._find_out())
        return await asyncio.shield(self._features)

    async def _find_out(self) -> Features:
        async with self.channel() as channel:
            links, flushes = await asyncio.gather(
                self._has(channel.link(_NOWHERE, f"{_NOWHERE}-either")),
                self._has(self.flush_folder(channel, ".")),
            )
        return Features(links, flushes)

    async def _has(self, asking: Awaitable[None]) -> bool:
        try:
            await asking
        except self.ssh.SFTPNoSuchFile:
            return True  # it has looked for the file
        except (
            self.ssh.SFTPConnectionLost,
            self.ssh.SFTPNoConnection,
            self.ssh.SFTPBadMessage,  # cut off in the middle
            ConnectionError,
            TimeoutError,
        ):
            raise  # that is no answer, and would be remembered as one
        except (self.ssh.SFTPError, OSError):
            return False
        return True

    async def _info(self, path: str) -> dict[str, Any]:
        """Return when *path* was written; under fsspec's name for it."""
        async with self.channel() as channel:
            return {"mtime": (await channel.stat(path)).mtime}

    async def flush_folder(self, channel: Any, folder: str) -> None:
        """Ask for the names in *folder* to be on the server's disk."""
        file = await channel.open(folder, "rb")
        try:
            await file.fsync()
        finally:
            self.later(file.close())

    def later(self, closing: Awaitable[Any]) -> None:
        """Begin what nobody waits for, and whose failure changes nothing."""
        task = asyncio.ensure_future(closing)
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: "asyncio.Future[Any]") -> None:
        self._closing.discard(task)
        if not task.cancelled():
            task.exception()
