"""How one version was made, and what came of making it again."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from modelver._registry.core import Core
from modelver._registry.subject import Subject
from modelver._store import AttestationStore
from modelver._values.entry import Recipe
from modelver._values.jsonstrict import loads
from modelver._values.reproduction import Reproduction
from modelver._values.state import VersionState

_MAX: int = 2**20


class VersionProof:
    """What a version can say of how it was made, and show."""

    _core: Core
    _state: VersionState

    @property
    def recipe(self) -> Recipe | None:
        """The command that makes it, and where its files then lie; None: not said."""
        return self._state.record.recipe

    @property
    def registered_metrics(self) -> Mapping[str, float]:
        """The metrics it was registered with; those of slices as ``slice:metric``."""
        record = self._state.record
        slices = record.slices.items()
        return {
            **record.metrics,
            **{f"{name}:{k}": v for name, of in slices for k, v in of.items()},
        }

    @property
    def manifest_digest(self) -> str:
        """Digest of the manifest: the bundle, and where its bytes lie."""
        return self._state.manifest

    def reproductions(self) -> Sequence[Mapping[str, Any]]:
        """Return every attempt to make it again, the oldest first, as JSON has it.

        Each with ``author``, ``time`` and ``seq`` of the commit that says so.

        Raises:
            IntegrityError: One of them is damaged or missing.
        """
        store = AttestationStore(self._core.backend, self._core.log.state.info.digest)
        found = []
        for attested in self._state.attestations:
            if attested.attest.kind != "reproduction":
                continue
            raw = store.read(self._state.manifest, attested.attest.digest)
            said = attested.said
            found.append(
                {
                    **cast("dict[str, Any]", loads(raw, limit=_MAX)),
                    "attestation": attested.attest.digest,
                    "author": said.actor,
                    "time": said.time,
                    "seq": said.seq,
                }
            )
        return found

    def reproduce(
        self,
        workdir: str | os.PathLike[str] | None = None,
        *,
        level: str = "L4",
        run: bool = False,
        python: str | os.PathLike[str] | None = None,
        data: Mapping[str, Any] | None = None,
        fetch: bool = False,
        timeout: float | None = None,
        keep_going: bool = False,
        attest: bool = False,
    ) -> Reproduction:
        """Make this version again, and tell how far that goes.

        Each level is shown, one after the other: L0, every byte can be had back; L1,
        the environment is the same, distribution by distribution; L2, the recorded
        command runs to its end; L3, the metrics are within the tolerance that was
        declared at registration; L4, the outputs are equal, bit for bit (or hold the
        same tensors).

        The command is not run unless *run* says so: it is a program that somebody
        else may have written. It runs as you, on this machine, in a folder of its own.
        A script that registers what it makes registers into an overlay: the registry
        stays as it is.

        Args:
            workdir: A new or empty folder to work in, kept afterwards; None: a
                temporary one, deleted at the end.
            level: Try no more than this one.
            run: Run the command.
            python: An interpreter whose environment is compared and used; None: an
                environment is built from what was recorded.
            data: Input to a path: where data lies that was not copied, or that is to
                be compared with what was.
            fetch: Fetch data from the addresses that were recorded, with this machine's
                credentials, and compare it; *run* does so too. Without it, what lies
                elsewhere is not tried.
            timeout: Seconds after which the command is ended.
            keep_going: Go on where the environment or the metrics differ.
            attest: Record what came of it in the registry, by a commit; the version
                itself stays as it is.

        Raises:
            InvalidInputError: The folder is not empty, or a word is unknown.
            ReadOnlyError: *attest*, and the registry was opened for reading.
        """
        from modelver._registry.reproducing import (  # noqa: PLC0415 - seldom asked for
            reproduce,
        )

        return reproduce(
            self._core,
            cast("Subject", self),
            workdir=workdir,
            level=level,
            run=run,
            python=python,
            data=data,
            fetch=fetch,
            timeout=timeout,
            keep_going=keep_going,
            attest=attest,
        )
