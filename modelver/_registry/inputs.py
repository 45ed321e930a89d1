"""The inputs of one registration: those that are copied, and those that are not."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from modelver._bundle import Item
from modelver._bundle.ports import Progress
from modelver._registry.plans import Plan, Spool, twice
from modelver._registry.schemas import bounded
from modelver._values.manifest import Input


class InputsGiven:
    """What was given as data, and what is known of it so far.

    Attributes:
        parents: The exact refs of the versions among it.
    """

    def __init__(self) -> None:
        self._spool = Spool()
        self._plans: list[Plan] = []
        self._names: dict[str, bool] = {}
        self._pinned: list[Input] = []
        self._said: dict[str, dict[str, Any]] = {}
        self.parents: list[str] = []

    def add(self, plan: Plan) -> None:
        """Take a plan that will be carried out.

        Raises:
            InvalidInputError: Another input has this name, and not both are copied.
        """
        known = self._names.get(plan.name)
        if known is not None and not (known and plan.copied):
            raise twice(plan.name)
        self._names[plan.name] = plan.copied
        self._plans.append(plan)
        if plan.parent is not None:
            self.parents.append(plan.parent)

    @property
    def reads(self) -> bool:
        """Whether the plans since the last call may have much to read."""
        return any(plan.reads for plan in self._plans)

    def carry_out(self, progress: Progress | None) -> list[Item]:
        """Read what the plans since the last call must read; return files to store.

        Args:
            progress: Told of bytes.
        """
        self._spool.tell(progress)
        plans, self._plans = self._plans, []
        items: list[Item] = []
        for plan in plans:
            done = plan.run(self._spool)
            items += done.items
            if done.input is not None:
                self._pinned.append(done.input)
            said: Mapping[str, Any] = done.said
            self._said.setdefault(plan.name, {}).update(
                {name: value for name, value in said.items() if value is not None}
            )
        return items

    def stored(self) -> None:
        """Let go of what waited on the disk: the store has it."""
        self._spool.clear()

    def together(self, copied: Iterable[Input]) -> tuple[Input, ...]:
        """Return all inputs, sorted by name.

        Args:
            copied: Those whose files are in the bundle, as their files tell.
        """
        found = [evolve(each, **self._said.get(each.name, {})) for each in copied]
        every = sorted([*found, *self._pinned], key=lambda each: each.name)
        return tuple(bounded(every))
