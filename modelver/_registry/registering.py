"""What ``register`` and ``draft`` have in common: checked words, staged files."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, evolve

from modelver._registry.arguments import (
    as_sequence,
    check_metrics,
    check_params,
    check_slices,
    check_tags,
    optional_text,
)
from modelver._registry.core import Core
from modelver._registry.demand import Demand
from modelver._registry.questions import RefLike, target_of
from modelver._registry.recipes import recipe_of
from modelver._registry.registration import Registration, check_number
from modelver._registry.resolve import resolve
from modelver._registry.staging import Staging
from modelver._registry.steps import Target
from modelver._registry.surroundings import add_code, add_locks, tell_run
from modelver._registry.version import ModelVersion
from modelver._registry.wanted import Wanted
from modelver._store import is_far
from modelver._values.codec import check_record
from modelver._values.entry import Record
from modelver._values.names import check_alias
from modelver._values.ref import Ref
from modelver._values.state import State, VersionState
from modelver.errors import InternalError, SameBundleWarning


def prepare(
    core: Core,
    staging: Staging,
    wanted: Wanted,
    stage: Mapping[str, Any],
) -> Registration:
    """Check every word, then list and store the files, and return what to commit.

    Args:
        core: The registry.
        staging: Where the files go; may hold some already.
        wanted: What was said of it.
        stage: Role to what was given for it, None left out.
    """
    check_number(wanted.version, wanted.bump, wanted.pre)
    demand = Demand.of(wanted.require, clean=wanted.require_clean)
    staging.screen.use(wanted.omit, wanted.allow)
    record = Record(
        params=check_params(wanted.params),
        metrics=check_metrics(wanted.metrics),
        slices=check_slices(wanted.slices),
        tags=check_tags(wanted.tags),
        description=optional_text(wanted.description, "a description"),
    )
    aliases = [check_alias(a) for a in as_sequence(wanted.aliases, "aliases")]
    parents = parent_targets(core, wanted.parents)
    for role, what in stage.items():
        if what is not None and role != "code":
            staging.add(role, what)
    # Last, since automatic code is what is not given otherwise.
    code = stage.get("code")
    root = add_code(staging, code) if code is not None else staging.root
    parents += parent_targets(core, staging.inputs.parents)
    if wanted.environment:
        staging.add_environment()
        add_locks(staging, root)
    tell_run(staging, wanted, root)
    record = evolve(record, recipe=recipe_of(wanted, staging.given, root))
    check_record(record)
    staging.screen.check_record(record)
    demand.before_storing(staging)
    staging.store()
    staging.run = staging.screen.told(staging.run)
    registration = Registration(
        staging,
        record,
        version=wanted.version,
        bump=wanted.bump,
        pre=wanted.pre,
        aliases=aliases,
        parents=parents,
    )
    staging.screen.check_words(inputs=[asdict(i) for i in registration.bundle.inputs])
    demand.before_commit(registration)
    return registration


def parent_targets(core: Core, parents: RefLike | Iterable[RefLike]) -> list[Target]:
    """Return the parents, each found now: a ref that moves later changes nothing."""
    given = as_sequence(parents, "parents")
    if not given:
        return []
    state = core.state()
    targets = []
    for parent in given:
        target = target_of(core, parent)
        if isinstance(parent, str):
            target = _fixed(target(state))
        targets.append(target)
    return targets


def _fixed(version: VersionState) -> Target:
    def find(state: State) -> VersionState:
        return state.models[version.name].versions[version.version.partition("+")[0]]

    return find


def register_now(
    core: Core,
    registration: Registration,
    message: str | None,
    author: str,
    *,
    looked: bool = False,
) -> ModelVersion:
    """Commit a registration by itself, unless its bundle is registered already.

    Args:
        core: The registry.
        registration: What to commit.
        message: For people.
        author: Who says so.
        looked: The log was read in this very call. Where that takes a round trip it is
            not read again: if somebody was faster, the create is lost, and tells.
    """
    registration.rehearse()
    state = core.log.state if looked and is_far(core.backend) else core.state()
    existing = registration.same(state)
    if existing is None:
        registration.store()
        state = core.commit([registration.step()], message, author, fresh=True)
        if registration.registered is None:
            raise InternalError("a registration was committed without a number")
        ref = Ref.parse(registration.registered)
        existing = resolve(state, ref, quiet=True)
    warn_unsaid(registration, state, existing)
    return ModelVersion(core, state, existing)


def warn_unsaid(
    registration: Registration, state: State, existing: VersionState
) -> None:
    """Warn of what was said of a bundle that is registered already."""
    unsaid = [] if registration.made else registration.unsaid(state, existing)
    if unsaid:
        warnings.warn(
            f"{existing.ref} holds this very bundle already and was not changed; "
            f"not recorded: {', '.join(unsaid)} (see evaluate, tag and promote)",
            SameBundleWarning,
            stacklevel=5,
        )
