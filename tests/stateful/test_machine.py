"""Random histories of one registry, compared with a model of plain dictionaries."""

import copy
import itertools
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, note, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from modelver import (
    ModelverError,
    ModelVersion,
    PendingVersion,
    Registry,
    SameBundleWarning,
)
from tests.stateful.dictionaries import (
    RANGES,
    STATUSES,
    Content,
    Dictionaries,
    RefusedError,
    look as look_at_model,
)

NAMES = ("fraud", "nlp/intent")
ALIASES = ("production", "staging")
CONTENTS = tuple(itertools.product((False, True), (0, 1), (0, 1)))
_COUNT = itertools.count()

# `name#3` stands for an exact ref to the third version from the end, withdrawn ones
# counted, and `.name#3` for its number alone.
names, aliases = st.sampled_from(NAMES), st.sampled_from(ALIASES)
exact = st.builds("{}#{}".format, names, st.integers(1, 5))
selectors = st.sampled_from(
    ("@latest", "@newest", "@9.9.9", "@0.1.0+b", "", *(f"@{r}" for r in RANGES))
) | aliases.map("@{}".format)
refs = exact | exact | st.builds("{}{}".format, names, selectors)
values = st.sampled_from((0.1, 0.5, 0.9))
metrics = st.dictionaries(st.sampled_from(("auc", "f1")), values, min_size=1)
tags = st.dictionaries(st.sampled_from(("team", "task")), st.sampled_from("xy"))
VERSIONS = ("1.0.0", "1.0.0-rc.1", "1.0.0+b", "0.3.0", "2.0.0-beta.2", "0.1.0")
numbers: st.SearchStrategy[dict[str, Any]] = (
    st.just({})
    | st.builds(dict, version=st.sampled_from(VERSIONS))
    | st.fixed_dictionaries(
        {},
        optional={
            "bump": st.sampled_from(("auto", "major", "minor", "patch")),
            "pre": st.sampled_from(("rc", "beta")),
        },
    )
)
words = st.fixed_dictionaries(
    {
        "metrics": st.just({}) | metrics,
        "tags": st.just({}) | tags,
        "aliases": st.just(()) | st.just(()) | aliases.map(lambda alias: (alias,)),
    }
)

Action = tuple[str, tuple[Any, ...], Mapping[str, Any]]


def _action(
    verb: str, *args: Any, **options: st.SearchStrategy[Any]
) -> st.SearchStrategy[Action]:
    return st.tuples(
        st.just(verb), st.tuples(*args), st.fixed_dictionaries({}, optional=options)
    )


expected = st.just(False) | exact | exact.map(".{}".format) | refs
reasons = st.sampled_from(("good", "bad"))
VERBS: dict[str, st.SearchStrategy[Action]] = {
    "promote": _action("promote", refs, aliases)
    | _action("promote", refs, aliases, expect=expected),
    "rollback": _action("rollback", names, aliases)
    | _action("rollback", names, aliases, to=exact.map(".{}".format) | refs),
    "clear_alias": _action("clear_alias", names, aliases),
    "set_status": _action(
        "set_status",
        refs,
        st.none() | st.sampled_from((*STATUSES, "unheard-of")),
        reason=reasons,
    ),
    "tag": st.tuples(st.just("tag"), st.tuples(refs), tags),
    "untag": _action("untag", refs, st.sampled_from(("team", "task"))),
    "note": _action("note", refs, reasons),
    "evaluate": _action("evaluate", refs, metrics, dataset=st.just("drift")),
    "withdraw": _action("withdraw", refs, reasons),
    "restore": _action("restore", refs),
}
registrations: st.SearchStrategy[Action] = st.tuples(
    st.just("register"),
    st.tuples(names, st.sampled_from(CONTENTS)),
    st.builds(lambda number, said: {**number, **said}, numbers, words),
)
# `?` stands for what the transaction registered before.
pending: st.SearchStrategy[Action] = _action(
    "promote", st.just("?"), aliases
) | _action("note", st.just("?"), reasons)

FILTERS: dict[str, Callable[[Dictionaries, dict[str, Any]], bool]] = {
    "metrics.auc >= 0.5": lambda _, v: v["metrics"].get("auc", 0) >= 0.5,
    "not metrics.auc >= 0.5": lambda _, v: v["metrics"].get("auc", 0) < 0.5,
    "tags.team = 'x'": lambda _, v: v["tags"].get("team") == "x",
    "tags.team is null and tags.task != 'y'": lambda _, v: (
        "team" not in v["tags"] and v["tags"].get("task") != "y"
    ),
    "alias = 'production'": lambda m, v: "production" in m.held(v),
    "alias is null": lambda m, v: not m.held(v),
    "status = 'approved'": lambda _, v: v["status"][0] == "approved",
    "status != 'approved'": lambda _, v: v["status"][0] != "approved",
    "version >= '1.0.0' or metrics.f1 = 0.1": lambda _, v: (
        (v["key"][0] in "12" and v["key"] != "1.0.0-rc.1")
        or v["metrics"].get("f1") == 0.1
    ),
}


def files_of(content: Content) -> dict[str, Any]:
    """Return what to register."""
    second, weights, docs = content
    model = {"m": b"%d" % weights} | ({"n": b"n"} if second else {})
    return {"files": model, "docs": {"d": b"%d" % docs}, "environment": False}


@cache
def digests() -> dict[str, Content]:
    """Return which bundle has which digest; all differ."""
    scratch = Registry(f"memory://stateful-{next(_COUNT)}", create=True)
    made = {scratch.register("m", **files_of(c)).digest: c for c in CONTENTS}
    assert len(made) == len(CONTENTS)
    return made


def look(registry: Registry) -> dict[str, Any]:
    """Return everything that can be seen."""
    seen: dict[str, Any] = {"seq": registry.seq, "models": registry.models()}
    for name in registry:
        seen[name] = {
            "versions": [
                {
                    "version": v.version,
                    "content": digests()[v.digest],
                    "seq": v.seq,
                    "bump": v.bump,
                    "parents": list(v.parents),
                    "tags": v.tags,
                    "metrics": v.metrics,
                    "evaluations": [
                        (e.measured.metrics, e.measured.dataset) for e in v.evaluations
                    ],
                    "notes": [said.text for said in v.notes],
                    "withdrawn": v.withdrawn,
                    "status": v.status,
                    "aliases": list(v.aliases),
                }
                for v in registry.versions(name, withdrawn=True)
            ],
            "alive": [v.ref for v in registry.versions(name)],
            "aliases": registry.aliases(name),
            "moves": {
                alias: [
                    (m.kind, m.version, m.previous, m.seq)
                    for m in registry.alias_history(name, alias)
                ]
                for alias in ALIASES
            },
        }
    return seen


class StopError(Exception):
    """Ends a block from inside."""


def stop() -> None:
    """End a block."""
    raise StopError


class Machine(RuleBasedStateMachine):
    """One registry, two clients, and what should be in it after each commit."""

    base: ClassVar[str] = "memory://stateful"

    def __init__(self) -> None:
        super().__init__()
        self.url = f"{self.base}-{next(_COUNT)}"
        Registry(self.url, create=True)
        self.clients = [self.open("ada"), self.open("bob")]
        self.model = Dictionaries({}, 0)
        self.past = [self.model]
        self.log: list[tuple[int, str, tuple[str, ...], int]] = []

    def open(self, author: str) -> Registry:
        """Open the registry again."""
        return Registry(self.url, author=author)

    def teardown(self) -> None:
        """Forget what is in memory."""
        if self.url.startswith("memory:"):
            MemoryFileSystem().rm("/" + self.url.removeprefix("memory://"), True)

    # Playing on both.

    def concrete(self, what: Any) -> Any:
        """Return *what* with an exact ref where one stands by its place."""
        if not isinstance(what, str) or "#" not in what:
            return what
        name, _, place = what.removeprefix(".").partition("#")
        versions = self.model.models.get(name, {"versions": {}})["versions"].values()
        found = [v["version"] for v in versions] or ["9.9.9"]
        number = found[-int(place) % len(found)]
        return number if what.startswith(".") else f"{name}@{number}"

    def prepared(self, action: Action) -> Action:
        """Return *action* with exact refs."""
        verb, args, options = action
        made = tuple(map(self.concrete, args))
        return verb, made, {k: self.concrete(v) for k, v in options.items()}

    def play(
        self,
        client: int,
        on_model: Callable[[Dictionaries], Any],
        on_library: Callable[[Registry], Any],
    ) -> Any:
        """Do the same on both; return what the library answered."""
        model = Dictionaries(copy.deepcopy(self.model.models), self.model.seq)
        refused = answer = None
        try:
            answer = on_model(model)
        except RefusedError as error:
            # Of what is refused, nothing else is told.
            model.warned.discard(SameBundleWarning)
            refused = error.args[0]
        found = raised = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = on_library(self.clients[client])
            except ModelverError as error:
                raised = error
        told = None if raised is None else type(raised)
        assert told == refused, f"{raised!r}, expected {refused or answer}"
        assert {w.category for w in caught} == model.warned
        if refused is None:
            self.keep(client, model)
            got = found.ref if isinstance(found, ModelVersion) else found
            assert got == answer
        return found

    def keep(self, client: int, model: Dictionaries) -> None:
        """Take the model's next state; it is a commit where anything changed."""
        if not model.touched:
            return
        touched, model.touched = model.touched, []
        model.seq += 1
        self.model = model
        self.past.append(model)
        author = ("ada", "bob")[client]
        said = (model.seq, author, tuple(sorted(set(touched))), len(touched))
        self.log.append(said)

    def verb(self, client: int, action: Action) -> None:
        """Play one verb."""
        verb, args, options = action = self.prepared(action)
        note(f"{('ada', 'bob')[client]}: {action}")
        self.play(
            client,
            lambda model: getattr(model, verb)(*args, **options),
            lambda registry: getattr(registry, verb)(*args, **options),
        )

    clients_: ClassVar = st.integers(0, 1)

    @rule(client=clients_, action=registrations, parents=st.lists(refs, max_size=1))
    def register(self, client: int, action: Action, parents: list[str]) -> None:
        """Register at once."""
        _, (name, content), options = action
        given = {**options, "parents": [self.concrete(ref) for ref in parents]}
        note(f"register {name} {content} {given}")
        found = self.play(
            client,
            lambda model: model.register(name, content, **given),
            lambda registry: registry.register(name, **files_of(content), **given),
        )
        if isinstance(found, ModelVersion):
            assert found.read("m") == b"%d" % content[1]

    @rule(
        client=clients_,
        action=registrations,
        uses=st.none() | refs,
        fails=st.sampled_from((False, False, True)),
    )
    def draft(
        self, client: int, action: Action, uses: str | None, *, fails: bool
    ) -> None:
        """Register from a block."""
        _, (name, content), options = action
        used = self.concrete(uses)
        note(f"draft {name} {content} {options} uses {used} fails {fails}")

        def on_model(model: Dictionaries) -> Any:
            parents = [] if used is None else [used]
            if fails:
                _ = [model.find(parent) for parent in parents]
                return None
            return model.register(name, content, **options, parents=parents)

        def on_library(registry: Registry) -> Any:
            given = files_of(content)
            early = {k: v for k, v in options.items() if k not in ("metrics", "tags")}
            draft = registry.draft(name, environment=False, **early)
            try:
                with draft:
                    draft.add(given["files"])
                    if used is not None:
                        draft.use(used)
                    draft.add(given["docs"], role="docs")
                    draft.log_metrics(options["metrics"])
                    draft.tag(**options["tags"])
                    if fails:
                        stop()
            except StopError:
                return None
            return draft.version

        self.play(client, on_model, on_library)

    @rule(client=clients_, action=VERBS["promote"])
    def promote(self, client: int, action: Action) -> None:
        """Promote, perhaps expecting something."""
        self.verb(client, action)

    @rule(client=clients_, action=VERBS["rollback"])
    def rollback(self, client: int, action: Action) -> None:
        """Roll back, perhaps to a version."""
        self.verb(client, action)

    @rule(client=clients_, action=VERBS["withdraw"] | VERBS["restore"])
    def withdraw_or_restore(self, client: int, action: Action) -> None:
        """Hide or show a version."""
        self.verb(client, action)

    @rule(client=clients_, action=st.one_of(*VERBS.values()))
    def any_verb(self, client: int, action: Action) -> None:
        """Do anything else."""
        self.verb(client, action)

    @rule(
        client=clients_,
        actions=st.lists(
            st.one_of(registrations, registrations, pending, *VERBS.values()),
            min_size=2,
            max_size=3,
        ),
        fails=st.sampled_from((False, False, False, True)),
    )
    def transaction(self, client: int, actions: list[Action], *, fails: bool) -> None:
        """Do several things or none."""
        todo = [self.prepared(action) for action in actions]
        note(f"transaction {todo} fails {fails}")

        def on_model(model: Dictionaries) -> None:
            last = "fraud@newest"
            if fails:
                return  # nothing is even looked at
            for verb, args, options in todo:
                given = [last if arg == "?" else arg for arg in args]
                done = getattr(model, verb)(*given, **options)
                if verb == "register":
                    last = f"!{done}"

        def on_library(registry: Registry) -> None:
            last: str | PendingVersion = "fraud@newest"
            try:
                with registry.transaction() as tx:
                    for verb, args, options in todo:
                        if verb == "register":
                            name, content = args
                            last = tx.register(name, **files_of(content), **options)
                            continue
                        given = [last if arg == "?" else arg for arg in args]
                        getattr(tx, verb)(*given, **options)
                    if fails:
                        stop()
            except StopError:
                pass

        self.play(client, on_model, on_library)

    # Looking.

    @rule(ref=refs)
    def get(self, ref: str) -> None:
        """Ask for a version, with the warning that belongs to it."""
        ref = self.concrete(ref)
        self.play(0, lambda m: m.find(ref)["ref"], lambda r: r.get(ref))

    @rule(name=names, digest=st.integers(0, len(CONTENTS) - 1))
    def by_digest(self, name: str, digest: int) -> None:
        """Ask by what is in it."""
        text, content = list(digests().items())[digest]
        for ref in (f"{name}@{text}", f"{name}@{text[:20]}"):
            self.play(0, lambda m: m.by_digest(name, content), lambda r: r.get(ref))  # noqa: B023

    @rule(
        where=st.none() | st.sampled_from(sorted(FILTERS)),
        name=st.none() | names,
        order=st.none() | st.sampled_from(("metrics.auc", "metrics.auc desc")),
        limit=st.none() | st.integers(1, 3),
    )
    def search(
        self, where: str | None, name: str | None, order: str | None, limit: int | None
    ) -> None:
        """Search as a comprehension does."""
        found = [
            v
            for v in self.model.every()
            if name in (None, v["name"])
            and (not where or FILTERS[where](self.model, v))
        ]
        if order is not None:
            sign = -1 if order.endswith("desc") else 1
            found.sort(key=lambda v: sign * v["metrics"].get("auc", sign * 9))
        answer = [v["ref"] for v in found][:limit]
        for client in self.clients:
            got = client.search(where, model=name, order_by=order, limit=limit)
            assert [v.ref for v in got] == answer

    @rule(place=st.integers(0, 1000))
    def travel(self, place: int) -> None:
        """Look at the registry as it was."""
        seq = place % len(self.past)
        then = self.clients[0].at(seq)
        assert look(then) == look_at_model(self.past[seq], ALIASES)
        self.same_refs(then, self.past[seq])
        assert [c.seq for c in then.log()] == list(range(seq, 0, -1))

    @rule(name=st.none() | names, limit=st.none() | st.integers(1, 3))
    def look_at_log(self, name: str | None, limit: int | None) -> None:
        """Read the log."""
        said = [s for s in reversed(self.log) if name is None or name in s[2]]
        found = self.clients[1].log(name, limit=limit)
        shown = [(c.seq, c.author, c.models, len(c.actions)) for c in found]
        assert shown == said[:limit]
        assert not any(c.void for c in found)

    @rule(client=clients_)
    def reopen(self, client: int) -> None:
        """Forget everything that a client knows."""
        self.clients[client] = self.open(("ada", "bob")[client])

    @rule(deep=st.booleans())
    def verify(self, *, deep: bool) -> None:
        """Check the store."""
        report = self.clients[0].verify(deep=deep)
        assert report.ok, report

    @invariant()
    def both_clients_see_the_model(self) -> None:
        """Compare all that can be seen."""
        expected = look_at_model(self.model, ALIASES)
        for client in self.clients:
            assert look(client) == expected
        self.same_refs(self.clients[1], self.model)

    def same_refs(self, registry: Registry, model: Dictionaries) -> None:
        """Compare what refs mean."""
        for name in NAMES:
            for selector in ("latest", "newest", *ALIASES, *RANGES):
                ref = f"{name}@{selector}"
                try:
                    meant = model.find(ref)["ref"]
                except RefusedError:
                    assert ref not in registry
                else:
                    assert registry.resolve(ref) == meant


def _run(machine: type[Machine], chosen: settings) -> None:
    quiet = settings(chosen, suppress_health_check=list(HealthCheck), deadline=None)
    run_state_machine_as_test(machine, settings=quiet)


def _in_folder(path: Path) -> type[Machine]:
    return type("FolderMachine", (Machine,), {"base": str(path / "registry")})


def test_histories() -> None:
    """After every step of a short history, the registry is what the rules say."""
    _run(Machine, settings(max_examples=25, stateful_step_count=25))


def test_histories_in_a_folder(tmp_path: Path) -> None:
    """A folder answers as memory does."""
    _run(_in_folder(tmp_path), settings(max_examples=5, stateful_step_count=20))


@pytest.mark.slow
def test_long_histories() -> None:
    """What holds for short histories holds for long ones, as the profile says."""
    _run(Machine, settings())


@pytest.mark.slow
def test_long_histories_in_a_folder(tmp_path: Path) -> None:
    """What holds for short histories in a folder holds for long ones."""
    _run(_in_folder(tmp_path), settings(max_examples=20))
