"""The rules of a registry, said again with plain dictionaries; nothing is stored.

For ``test_machine``, which plays the same history on both. It shares no code with the
library but the classes of errors and warnings.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from modelver import (
    AmbiguousRefError,
    ConflictError,
    InvalidInputError,
    ModelNotFoundError,
    ModelverError,
    NotFoundError,
    SameBundleWarning,
    VersionExistsError,
    VersionNotFoundError,
    WithdrawnWarning,
)

STATUSES: Final = ("approved", "archived")
Content = tuple[bool, int, int]
"""Whether there is a second model file; the weights; the docs."""
Number = tuple[tuple[int, int, int], tuple[str, ...]]
_ONE: Final = (1, 0, 0)

RANGES: Final[dict[str, Callable[[Number], bool]]] = {
    "^0.1": lambda n: not n[1] and n[0][:2] == (0, 1),
    "<0.2": lambda n: not n[1] and n[0] < (0, 2, 0),
    ">=1,<2": lambda n: not n[1] and n[0][0] == 1,
    "~1.0": lambda n: not n[1] and n[0][:2] == (1, 0),
    "1.x": lambda n: not n[1] and n[0][0] == 1,
    "*": lambda n: not n[1],
    ">=1.0.0-rc.1": lambda n: (
        rank(n) >= rank((_ONE, ("rc", "1"))) and (not n[1] or n[0] == _ONE)
    ),
}


class RefusedError(Exception):
    """The rules refuse; ``args[0]`` is the class that the library must raise."""


def _refuse(error: type[ModelverError]) -> RefusedError:
    return RefusedError(error)


def number_of(text: str) -> Number:
    """Read a version; build metadata is dropped."""
    core, _, pre = text.partition("+")[0].partition("-")
    major, minor, patch = map(int, core.split("."))
    return (major, minor, patch), tuple(pre.split(".")) if pre else ()


def rank(number: Number) -> tuple[Any, ...]:
    """Return what SemVer sorts by: numbers below words, a release above all."""
    core, pre = number
    words = [(0, int(w), "") if w.isdigit() else (1, 0, w) for w in pre]
    return core, not pre, words


def raised(number: Number, level: str) -> Number:
    """Raise a number; a pre-release of what would come is completed."""
    (major, minor, patch), pre = number
    if level == "major":
        done = (major, 0, 0)
        core = done if pre and not minor and not patch else (major + 1, 0, 0)
    elif level == "minor":
        done = (major, minor, 0)
        core = done if pre and not patch else (major, minor + 1, 0)
    else:
        core = (major, minor, patch if pre else patch + 1)
    return core, ()


def following(highest: Number, level: str, label: str | None) -> str:
    """Return the number after *highest*, as text."""
    found = raised(highest, level)
    if label is not None:
        count = 0
        if found[0] == highest[0] and highest[1][:1] == (label,):
            count = int(highest[1][1])
        core = found[0]
        found = core, (label, str(count + 1))
        if rank(found) <= rank(highest):
            found = raised((core, ()), level)[0], (label, "1")
    text = ".".join(map(str, found[0]))
    return f"{text}-{'.'.join(found[1])}" if found[1] else text


def level_of(old: Content, new: Content) -> str:
    """Return how large the step from one bundle to another is."""
    if old[0] != new[0]:
        return "major"
    return "minor" if old[1] != new[1] else "patch"


class Dictionaries:
    """A registry in a dictionary; verbs have the names of the library's."""

    def __init__(self, models: dict[str, Any], seq: int) -> None:
        self.models = models
        self.seq = seq
        self.warned: set[type[Warning]] = set()
        self.touched: list[str] = []
        """The model that each action speaks of: empty where nothing is written."""

    # Finding.

    def model(self, name: str) -> dict[str, Any]:
        """Return a model that is there."""
        if name not in self.models:
            raise _refuse(ModelNotFoundError)
        found: dict[str, Any] = self.models[name]
        return found

    def alive(self, name: str) -> list[dict[str, Any]]:
        """Return the versions that are not withdrawn, in order of registration."""
        return [v for v in self.model(name)["versions"].values() if not v["withdrawn"]]

    def find(self, ref: str, *, quiet: bool = False) -> dict[str, Any]:
        """Return the version that *ref* means; ``!`` before it asks for no warning."""
        quiet = quiet or ref.startswith("!")
        name, _, selector = ref.removeprefix("!").partition("@")
        model, alive = self.model(name), self.alive(name)
        best = sorted(alive, key=lambda v: rank(number_of(v["version"])))
        fits: Sequence[dict[str, Any]]
        if selector == "newest":
            fits = alive
        elif selector in ("", "latest"):
            fits = [v for v in best if not number_of(v["version"])[1]]
        elif selector in RANGES:
            fits = [v for v in best if RANGES[selector](number_of(v["version"]))]
        elif selector[0].isdigit():
            found = model["versions"].get(selector.partition("+")[0])
            given = found and selector in (found["version"], found["key"])
            fits = [found] if given else []
            if given and found["withdrawn"] and not quiet:
                self.warned.add(WithdrawnWarning)
        else:
            number = model["aliases"].get(selector)
            fits = [] if number is None else [model["versions"][number]]
        if not fits:
            raise _refuse(VersionNotFoundError)
        return fits[-1]

    def by_digest(self, name: str, content: Content) -> str:
        """Return the one version with this bundle, withdrawn or not."""
        versions = self.model(name)["versions"].values()
        found = [v["ref"] for v in versions if v["content"] == content]
        if len(found) > 1:
            raise _refuse(AmbiguousRefError)
        if not found:
            raise _refuse(VersionNotFoundError)
        return str(found[0])

    def every(self) -> Iterator[dict[str, Any]]:
        """Yield what a search looks at, in its order: name, then higher version."""
        for name in sorted(self.models):
            yield from sorted(
                self.alive(name),
                key=lambda v: rank(number_of(v["version"])),
                reverse=True,
            )

    def held(self, version: dict[str, Any]) -> list[str]:
        """Return the aliases of a version."""
        aliases = self.models[version["name"]]["aliases"].items()
        return sorted(a for a, key in aliases if key == version["key"])

    # Registering.

    def register(
        self,
        name: str,
        content: Content,
        *,
        version: str | None = None,
        bump: str = "auto",
        pre: str | None = None,
        metrics: dict[str, float],
        tags: dict[str, str],
        aliases: Sequence[str],
        parents: Sequence[str] = (),
    ) -> str:
        """Register; the same bundle is the version that is there."""
        origin = [self.find(parent)["ref"] for parent in parents]
        versions = self.models.get(name, {"versions": {}})["versions"]
        alive = [v for v in versions.values() if not v["withdrawn"]]
        same = None
        if version is not None:
            same = versions.get(version.partition("+")[0])
            if same and (same["version"], same["content"]) != (version, content):
                raise _refuse(VersionExistsError)
        elif alive and alive[-1]["content"] == content:
            same = alive[-1]
        if same:
            # What was said when it was registered may have been overtaken since.
            if not (
                all(
                    words == same["said"][what] or words.items() <= same[what].items()
                    for what, words in (("metrics", metrics), ("tags", tags))
                )
                and set(aliases) <= set(self.held(same))
            ):
                self.warned.add(SameBundleWarning)
            return str(same["ref"])
        number, why = version, "explicit"
        if number is None and not versions:
            number, why = "0.1.0" if pre is None else f"0.1.0-{pre}.1", "first"
        elif number is None:
            base = (alive or list(versions.values()))[-1]
            why = level_of(base["content"], content) if bump == "auto" else bump
            highest = max((number_of(v) for v in versions), key=rank)
            number = following(highest, why, pre)
        assert number is not None
        key = number.partition("+")[0]
        made = {
            "name": name,
            "version": number,
            "key": key,
            "ref": f"{name}@{number}",
            "content": content,
            "seq": self.seq + 1,
            "bump": why,
            "said": {"tags": dict(tags), "metrics": dict(metrics)},
            "parents": origin,
            "tags": dict(tags),
            "metrics": dict(metrics),
            "evaluations": [],
            "notes": [],
            "status": (None, None),
            "withdrawn": None,
        }
        empty: dict[str, Any] = {
            "versions": {},
            "aliases": {},
            "stacks": {},
            "moves": {},
        }
        self.models.setdefault(name, empty)["versions"][key] = made
        self.touched.append(name)
        for alias in aliases:
            self._move(name, alias, key, "promote")
        return str(made["ref"])

    # Aliases.

    def _move(self, name: str, alias: str, key: str | None, kind: str) -> None:
        model = self.models[name]
        moves = model["moves"].setdefault(alias, [])
        present = model["aliases"].pop(alias, None)
        said = [None if k is None else self._text(name, k) for k in (key, present)]
        moves.append((kind, *said, self.seq + 1))
        if key is not None:
            model["aliases"][alias] = key
        stack = model["stacks"].setdefault(alias, [])
        if kind == "rollback" and key in stack:
            while stack[-1] != key:
                stack.pop()
        else:
            stack.append(key)
        self.touched.append(name)

    def _text(self, name: str, key: str) -> str:
        return str(self.models[name]["versions"][key]["version"])

    def promote(self, ref: str, alias: str, *, expect: str | bool | None = None) -> str:
        """Push onto the alias's stack, if it is where it is expected."""
        version = self.find(ref)
        if version["withdrawn"]:
            raise _refuse(ConflictError)
        name = version["name"]
        present = self.models[name]["aliases"].get(alias)
        if expect is not None:
            held = None if present is None else f"{name}@{present}"
            if held != self._expected(name, expect):
                raise _refuse(ConflictError)
        if present != version["key"]:
            self._move(name, alias, version["key"], "promote")
        return str(version["ref"])

    def _expected(
        self,
        name: str,
        expect: str | bool,  # noqa: FBT001 - False is an expectation: nothing
    ) -> str | None:
        if isinstance(expect, bool):
            return None
        if expect[0].isdigit():  # no ref: a number that was never there is no error
            return f"{name}@{expect.partition('+')[0]}"
        found = self.find(expect)
        return f"{found['name']}@{found['key']}"

    def rollback(self, name: str, alias: str, *, to: str | None = None) -> str:
        """Pop the alias's stack down to a version that can be used."""
        model = self.model(name)
        if alias not in model["moves"]:
            raise _refuse(VersionNotFoundError)
        present = model["aliases"].get(alias)
        if to is not None:
            wanted = self.find(f"{name}@{to}" if to[0].isdigit() else to)
            held = {move[1] for move in model["moves"][alias]}
            if wanted["name"] != name or wanted["version"] not in held:
                raise _refuse(InvalidInputError)
            key = wanted["key"]
            if wanted["withdrawn"]:
                raise _refuse(ConflictError)
        else:
            before = model["stacks"][alias][:-1]
            usable = {v["key"] for v in self.alive(name)} - {present}
            key = next((k for k in reversed(before) if k in usable), None)
            if key is None:
                raise _refuse(VersionNotFoundError)
        if key != present:
            self._move(name, alias, key, "rollback")
        return f"{name}@{self._text(name, key)}"

    def clear_alias(self, name: str, alias: str) -> None:
        """Push nothing onto the alias's stack."""
        if alias not in self.model(name)["aliases"]:
            raise _refuse(VersionNotFoundError)
        self._move(name, alias, None, "clear")

    # What is said of a version.

    def _say(self, version: dict[str, Any], *, changes: bool) -> str:
        if changes:
            self.touched.append(version["name"])
        return str(version["ref"])

    def set_status(
        self, ref: str, status: str | None, reason: str | None = None
    ) -> str:
        """Give a status."""
        if status not in (None, *STATUSES):
            raise _refuse(InvalidInputError)
        version = self.find(ref)
        old, version["status"] = version["status"], (status, reason)
        return self._say(version, changes=old != (status, reason))

    def tag(self, ref: str, **tags: str) -> str:
        """Set tags."""
        version = self.find(ref)
        old, version["tags"] = version["tags"], version["tags"] | tags
        return self._say(version, changes=old != version["tags"])

    def untag(self, ref: str, key: str) -> str:
        """Remove a tag."""
        version = self.find(ref)
        if key not in version["tags"]:
            raise _refuse(NotFoundError)
        version["tags"].pop(key)
        return self._say(version, changes=True)

    def note(self, ref: str, text: str) -> str:
        """Say something."""
        version = self.find(ref)
        version["notes"].append(text)
        return self._say(version, changes=True)

    def evaluate(
        self, ref: str, metrics: dict[str, float], *, dataset: str | None = None
    ) -> str:
        """Add metrics; those of other data stand apart."""
        version = self.find(ref)
        version["evaluations"].append((metrics, dataset))
        if dataset is None:
            version["metrics"].update(metrics)
        return self._say(version, changes=True)

    def withdraw(self, ref: str, reason: str) -> str:
        """Hide a version that no alias names."""
        version = self.find(ref, quiet=True)
        if version["withdrawn"]:
            return str(version["ref"])
        if self.held(version):
            raise _refuse(ConflictError)
        version["withdrawn"] = reason
        return self._say(version, changes=True)

    def restore(self, ref: str) -> str:
        """Show a version again."""
        version = self.find(ref, quiet=True)
        old, version["withdrawn"] = version["withdrawn"], None
        return self._say(version, changes=old is not None)


def look(state: Dictionaries, aliases: Iterable[str]) -> dict[str, Any]:
    """Return everything that can be seen, as ``test_machine.look`` does."""
    aliases = tuple(aliases)
    seen: dict[str, Any] = {"seq": state.seq, "models": sorted(state.models)}
    for name, model in sorted(state.models.items()):
        keys = ("version", "content", "seq", "bump", "parents", "tags", "metrics")
        more = ("evaluations", "notes", "withdrawn")
        seen[name] = {
            "versions": [
                {key: v[key] for key in (*keys, *more)}
                | {"status": v["status"][0], "aliases": state.held(v)}
                for v in model["versions"].values()
            ],
            "alive": [v["ref"] for v in state.alive(name)],
            "aliases": {
                alias: model["versions"][key]["version"]
                for alias, key in sorted(model["aliases"].items())
            },
            "moves": {a: model["moves"].get(a, [])[::-1] for a in aliases},
        }
    return seen
