"""What a registry says of how good its versions are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelver._registry.core import Core
from modelver._registry.questions import RefLike

if TYPE_CHECKING:
    from modelver._search.gate import Gate
    from modelver._values.audit import Audits


class Judging:
    """The part of a registry that judges versions."""

    _core: Core

    def audit(self, of: RefLike | None = None) -> "Audits":
        """Return what versions have of what is needed to make them again, graded.

        Their manifests are read, and no file. A grade counts ingredients; whether a
        version comes out again, only trying shows.

        Args:
            of: A model by its name, or a version; None: every version that is not
                withdrawn.

        Raises:
            NotFoundError: There is no such model or version.
            StorageError: The store cannot tell.
        """
        from modelver._registry import auditing  # noqa: PLC0415 - seldom asked for

        return auditing.audit_versions(self._core, of)

    def gate(
        self,
        ref: RefLike,
        conditions: str | Sequence[str],
        *,
        base: RefLike | None = None,
        no_base_yet: bool = False,
    ) -> "Gate":
        """Return whether the metrics of a version are good enough; true if they are.

        Args:
            ref: The version.
            conditions: ``"auc >= base.auc - 0.002"``, ``"slices.*.auc >= 0.85"``; the
                reference has the whole language. All of them must hold.
            base: The version that ``base.`` means. Against itself a version passes.
            no_base_yet: Pass what is compared with *base*, where that is an alias
                that is not set.

        Raises:
            InvalidInputError: A condition does not parse (``BAD_FILTER``), or compares
                with a base where none is given.
            NotFoundError: One of the versions is not there.
        """
        from modelver._registry import gating  # noqa: PLC0415 - seldom asked for

        return gating.gate_of(
            self._core, ref, conditions, base, no_base_yet=no_base_yet
        )
