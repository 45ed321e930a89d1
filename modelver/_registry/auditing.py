"""What versions have of what is needed to make them again."""

from collections.abc import Iterator, Sequence

from modelver._registry.core import Core
from modelver._registry.questions import Answer, RefLike, every_version, target_of
from modelver._registry.resolve import find_model
from modelver._registry.windowed import ask_each
from modelver._values.audit import Audit, Audits
from modelver._values.ingredients import audit_of
from modelver._values.names import check_model_name
from modelver._values.state import State, VersionState
from modelver.errors import FormatError, IntegrityError


def audit_version(core: Core, version: VersionState) -> Audit:
    """Return the ingredients of one version; its manifest is read, and no file.

    Raises:
        IntegrityError: The manifest is damaged.
    """
    return audit_of(
        core.manifest(version).bundle,
        version.record,
        ref=version.ref,
        metrics=version.metrics,
        evaluations=len(version.evaluations),
    )


def audit_versions(core: Core, of: RefLike | None) -> Audits:
    """Return the ingredients of every version, of a model's, or of one.

    Raises:
        NotFoundError: There is no such model or version.
    """
    versions = _meant(core, core.state(), of)
    found = list(ask_each(core, versions, lambda version: _audited(core, version)))
    return Audits(
        audits=tuple(audit for audit in found if isinstance(audit, Audit)),
        unread=tuple(lost for lost in found if not isinstance(lost, Audit)),
    )


def _audited(core: Core, version: VersionState) -> Audit | tuple[str, str]:
    """Return an audit, or the ref and what is wrong with the manifest."""
    try:
        return audit_version(core, version)
    except (IntegrityError, FormatError) as error:
        return version.ref, str(error.kind)


def _meant(
    core: Core, state: State, of: RefLike | None
) -> Iterator[VersionState] | Sequence[VersionState]:
    """Return what is meant: a name is a model here, and withdrawn versions are out."""
    if of is None:
        return (v for v in every_version(state) if v.withdrawal is None)
    if isinstance(of, Answer) or "@" in str(of) or ":" in str(of):
        return [target_of(core, of, quiet=True)(state)]
    found = find_model(state, check_model_name(of)).versions.values()
    return [version for version in found if version.withdrawal is None]
