"""What a caller demands of a registration, looked at before anything is committed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from modelver._registry.registration import Registration
from modelver._registry.staging import Staging
from modelver.errors import ErrorKind, InvalidInputError

if TYPE_CHECKING:
    from modelver._values.audit import Audit, Check


@frozen(kw_only=True)
class Demand:
    """What a registration must have.

    Attributes:
        grade: The lowest grade; None: any.
        clean: Whether the code must be a commit, and nothing but that commit.
    """

    grade: str | None = None
    clean: bool = False

    @classmethod
    def of(cls, require: str | None, *, clean: bool) -> "Demand":
        """Return the demand of a caller.

        Raises:
            InvalidInputError: There is no such grade.
        """
        if require is None:
            return cls(clean=bool(clean))
        from modelver._values.audit import check_grade  # noqa: PLC0415 - seldom

        return cls(grade=check_grade(require), clean=bool(clean))

    def before_storing(self, staging: Staging) -> None:
        """Refuse what is not clean, before a byte is stored.

        Raises:
            InvalidInputError: It does not have what is demanded (``REQUIREMENT``).
        """
        if not self.clean:
            return
        what, failing = None, "tree"
        modules = staging.run.get("git_submodules", [])
        if staging.code is None:
            what, failing = "no Git commit is known of its code", "commit"
        elif staging.run.get("git_dirty") is True:
            what = "its work tree has changes that are not committed"
        elif any(module.get("dirty") for module in modules):
            what = "a submodule of its work tree has changes"
        elif staging.run.get("git_dirty") is not False:
            what = "it cannot be told whether its work tree is clean"
        if what is not None:
            raise InvalidInputError(
                f"{staging.name!r} is not registered: {what}",
                kind=ErrorKind.REQUIREMENT,
                hint="Commit the changes, or register without require_clean=True "
                "(--require-clean).",
                failing=[failing],
            )

    def before_commit(self, registration: Registration) -> None:
        """Refuse what does not have the grade, before anything is committed.

        Raises:
            InvalidInputError: It does not have what is demanded (``REQUIREMENT``).
        """
        if self.grade is None:
            return
        audit = registration.audit()
        failing = audit.missing(self.grade)
        if failing:
            raise _refusal(audit, self.grade, failing)


def _refusal(
    audit: "Audit", grade: str, failing: "Sequence[Check]"
) -> InvalidInputError:
    named = ", ".join(check.name for check in failing)
    error = InvalidInputError(
        f"{audit.ref!r} is not registered: it has the ingredients of grade "
        f"{audit.grade}, and for {grade} it lacks {named}",
        kind=ErrorKind.REQUIREMENT,
        grade=audit.grade,
        failing=[check.name for check in failing],
    )
    for check in failing:
        error.add_note(f"{check.name}: {check.evidence}. {check.advice}")
    return error
