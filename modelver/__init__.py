"""Model versions that are immutable, atomic and found again, in a folder or a bucket.

Begin with a :class:`Registry`::

    import modelver

    registry = modelver.Registry("./registry", create=True)
    version = registry.register("fraud", "out/", metrics={"auc": 0.94})
    registry.promote(version, "production")

Every name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from modelver._values.about import __version__

if TYPE_CHECKING:
    from modelver._lineage import Edge, Lineage, Node
    from modelver._pins.lock import locked
    from modelver._pins.moving import Move, update
    from modelver._pins.pinning import pin
    from modelver._pins.pull import Pin, pull
    from modelver._registry.commits import Commit
    from modelver._registry.doctor import doctor
    from modelver._registry.draft import Draft
    from modelver._registry.environment import VersionEnvironment
    from modelver._registry.opening import forget
    from modelver._registry.registry import Registry
    from modelver._registry.track import track
    from modelver._registry.transaction import PendingVersion, Transaction
    from modelver._registry.version import ModelVersion
    from modelver._search.compare import Comparison
    from modelver._search.diff import Diff
    from modelver._search.gate import Gate
    from modelver._values.audit import Audit, Audits, Check
    from modelver._values.data import Data
    from modelver._values.diagnosis import Diagnosis, Finding
    from modelver._values.environment_check import EnvironmentCheck
    from modelver._values.manifest import FileEntry, Input
    from modelver._values.report import Problem, Report
    from modelver._values.reproduction import (
        LevelResult,
        LevelShare,
        Reproducibility,
        Reproduction,
    )
    from modelver._values.semver import Version
    from modelver._values.state import AliasMove
    from modelver._values.usage import Stats, Usage
    from modelver.errors import (
        AccessDeniedError,
        AlreadyExistsError,
        AmbiguousRefError,
        ConflictError,
        DamageWarning,
        ErrorKind,
        FormatError,
        IntegrityError,
        InternalError,
        InvalidInputError,
        ModelNotFoundError,
        ModelverError,
        ModelverWarning,
        NotFoundError,
        OfflineError,
        OutcomeUnknownError,
        PluginError,
        ReadOnlyError,
        RegistryNotFoundError,
        SameBundleWarning,
        StorageError,
        UpgradeRequiredError,
        VersionExistsError,
        VersionNotFoundError,
        WithdrawnWarning,
    )

_HOMES = {
    "Registry": "_registry.registry",
    "ModelVersion": "_registry.version",
    "Lineage": "_lineage",
    "AliasMove": "_values.state",
    "Audit": "_values.audit",
    "Audits": "_values.audit",
    "Check": "_values.audit",
    "Commit": "_registry.commits",
    "Comparison": "_search.compare",
    "Data": "_values.data",
    "Diagnosis": "_values.diagnosis",
    "Diff": "_search.diff",
    "Draft": "_registry.draft",
    "Edge": "_lineage",
    "EnvironmentCheck": "_values.environment_check",
    "FileEntry": "_values.manifest",
    "Finding": "_values.diagnosis",
    "Gate": "_search.gate",
    "Input": "_values.manifest",
    "LevelResult": "_values.reproduction",
    "LevelShare": "_values.reproduction",
    "Move": "_pins.moving",
    "Node": "_lineage",
    "Pin": "_pins.pull",
    "PendingVersion": "_registry.transaction",
    "Problem": "_values.report",
    "Report": "_values.report",
    "Reproducibility": "_values.reproduction",
    "Reproduction": "_values.reproduction",
    "Stats": "_values.usage",
    "Transaction": "_registry.transaction",
    "Usage": "_values.usage",
    "Version": "_values.semver",
    "VersionEnvironment": "_registry.environment",
    "doctor": "_registry.doctor",
    "forget": "_registry.opening",
    "locked": "_pins.lock",
    "pin": "_pins.pinning",
    "pull": "_pins.pull",
    "update": "_pins.moving",
    "track": "_registry.track",
    "AccessDeniedError": "errors",
    "AlreadyExistsError": "errors",
    "AmbiguousRefError": "errors",
    "ConflictError": "errors",
    "DamageWarning": "errors",
    "ErrorKind": "errors",
    "FormatError": "errors",
    "IntegrityError": "errors",
    "InternalError": "errors",
    "InvalidInputError": "errors",
    "ModelNotFoundError": "errors",
    "ModelverError": "errors",
    "ModelverWarning": "errors",
    "NotFoundError": "errors",
    "OfflineError": "errors",
    "OutcomeUnknownError": "errors",
    "PluginError": "errors",
    "ReadOnlyError": "errors",
    "RegistryNotFoundError": "errors",
    "SameBundleWarning": "errors",
    "StorageError": "errors",
    "UpgradeRequiredError": "errors",
    "VersionExistsError": "errors",
    "VersionNotFoundError": "errors",
    "WithdrawnWarning": "errors",
}

__all__ = [  # noqa: RUF022 - the three that a reader begins with come first
    "Registry",
    "ModelVersion",
    "Lineage",
    "AccessDeniedError",
    "AliasMove",
    "AlreadyExistsError",
    "AmbiguousRefError",
    "Audit",
    "Audits",
    "Check",
    "Commit",
    "Comparison",
    "ConflictError",
    "DamageWarning",
    "Data",
    "Diagnosis",
    "Diff",
    "Draft",
    "Edge",
    "EnvironmentCheck",
    "ErrorKind",
    "FileEntry",
    "Finding",
    "FormatError",
    "Gate",
    "Input",
    "IntegrityError",
    "InternalError",
    "InvalidInputError",
    "LevelResult",
    "LevelShare",
    "ModelNotFoundError",
    "ModelverError",
    "ModelverWarning",
    "Move",
    "Node",
    "NotFoundError",
    "OfflineError",
    "OutcomeUnknownError",
    "PendingVersion",
    "Pin",
    "PluginError",
    "Problem",
    "ReadOnlyError",
    "RegistryNotFoundError",
    "Report",
    "Reproducibility",
    "Reproduction",
    "SameBundleWarning",
    "Stats",
    "StorageError",
    "Transaction",
    "UpgradeRequiredError",
    "Usage",
    "Version",
    "VersionEnvironment",
    "VersionExistsError",
    "VersionNotFoundError",
    "WithdrawnWarning",
    "__version__",
    "doctor",
    "forget",
    "locked",
    "pin",
    "pull",
    "track",
    "update",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'modelver' has no attribute {name!r}")
    value = getattr(import_module(f"modelver.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
