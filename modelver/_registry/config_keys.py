"""The keys of configuration files: JSON, TOML, YAML, INI.

The files come from a registry that anybody may have written. Each is bounded by what
reading it costs; one that would cost more is named, and not told by key.
"""

import importlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from modelver._bundle import BundleReader
from modelver._values.facts import MAX_LEAVES, flatten
from modelver._values.manifest import FileEntry
from modelver._values.query import Scalar
from modelver.errors import ErrorKind, InvalidInputError

UNTOLD: Final = "not told by key: it is too large or too deep"
"""What a config file is said to hold whose keys are not told; its bytes are there."""

# Bytes of JSON, of one file and of all files of a version.
_LARGEST: Final = 2**20
_MOST: Final = 4 * 2**20
# Each part of a key costs tomllib as much as all parts before it: a key of a hundred
# thousand takes minutes. One that begins in the middle of a word would make the search
# itself as slow.
_DEEP_KEY: Final = re.compile(
    r"""(?<![\w\\-])(?:
        (?: [\w-]++ | "(?:[^"\\\n]|\\.)*+" | '[^'\n]*+' ) [ \t]*+ \. [ \t]*+
    ){32}""",
    re.VERBOSE,
)
_DEEPEST: Final = 32
# An expression of configparser's tries every space of a line twice.
_LONGEST_LINE: Final = 2000


def config_of(reader: BundleReader) -> dict[str, Scalar | None]:
    """Return the keys of all config files whose form is known, flat.

    One file's keys stand as they are; of several, the file's name comes first. A file
    that would take long stands there itself, with :data:`UNTOLD` as its value. YAML is
    told where PyYAML or ruamel.yaml is installed.
    """
    files = [
        file
        for file in reader.manifest.bundle.files
        if file.role == "config" and _form(file) is not None
    ]
    small = [file for file in files if _effort(file) <= _LARGEST]
    found: dict[str, Scalar | None] = {}
    left = _MOST
    for file in files:
        effort = _effort(file)
        if effort > min(left, _LARGEST):
            found[file.path] = UNTOLD
            continue
        left -= effort
        raw = reader.read(file.path)
        prefix = "" if len(small) == 1 else file.path.removeprefix("config/")
        try:
            found.update(flatten(_parse(file, raw), prefix))
        except InvalidInputError:
            found[file.path] = UNTOLD
        except (ValueError, RecursionError):
            continue  # a file that is not what its name says has no keys
    return found


def _form(file: FileEntry) -> str | None:
    suffix = file.path.rpartition(".")[2].lower()
    form = _FORMS.get(suffix)
    return None if form == "yaml" and _yaml() is None else form


def _effort(file: FileEntry) -> int:
    """Return how many bytes of JSON cost as much as this file, at best."""
    return file.size * _COSTS[_form(file) or "json"]


def _parse(file: FileEntry, raw: bytes) -> Any:
    return _PARSERS[_form(file) or "json"](raw.decode("utf-8-sig"))


def _toml(text: str) -> Any:
    if _DEEP_KEY.search(text):
        raise InvalidInputError("a key has too many dots", kind=ErrorKind.TOO_LARGE)
    return tomllib.loads(text)


def _ini(text: str) -> Any:
    if max(map(len, text.splitlines()), default=0) > _LONGEST_LINE:
        raise InvalidInputError("a line is too long", kind=ErrorKind.TOO_LARGE)
    import configparser  # noqa: PLC0415 - few keep their settings so

    parser = configparser.RawConfigParser(
        strict=False, interpolation=None, allow_no_value=True
    )
    # Keys are told as they are written.
    parser.optionxform = str  # type: ignore[assignment,method-assign] # as its documentation has it
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError("it is no INI") from error
    own = {name: dict(parser.items(name)) for name in parser.sections()}
    defaults = dict(parser.defaults())
    return {**({"DEFAULT": defaults} if defaults else {}), **own}


class _Yaml:
    """Whichever reader of YAML is installed, used without building any object."""

    def __init__(
        self, events: Callable[[str], Iterator[Any]], load: Callable[[str], Any]
    ) -> None:
        self.events = events
        self.load = load


def _yaml() -> _Yaml | None:
    """Return a reader of YAML, or None where none is installed."""
    for make in (_pyyaml, _ruamel):
        try:
            return make()
        except ImportError:
            continue
    return None


def _pyyaml() -> _Yaml:
    yaml: Any = importlib.import_module("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return _Yaml(
        events=lambda text: yaml.parse(text, Loader=loader),
        load=lambda text: yaml.load(text, Loader=loader),
    )


def _ruamel() -> _Yaml:
    yaml: Any = importlib.import_module("ruamel.yaml")
    return _Yaml(
        events=lambda text: yaml.YAML(typ="safe").parse(text),
        load=lambda text: yaml.YAML(typ="safe").load(text),
    )


def _load_yaml(text: str) -> Any:
    found = _yaml()
    if found is None:
        return {}
    try:
        _check_bounded(found.events(text))
        return found.load(text)
    except (InvalidInputError, RecursionError):
        raise
    except Exception as error:
        # The errors of two libraries, and what their constructors raise.
        raise ValueError("it is no YAML") from error


def _check_bounded(events: Iterator[Any]) -> None:
    """Refuse what would become more than it looks, before anything is made of it.

    An alias stands for all that its anchor has, aliases in it included: eight lines may
    become a billion values.

    Raises:
        InvalidInputError: It is too deep, or too much.
    """
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in events:
        kind = type(event).__name__
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            open_nodes.append((event.anchor, total))
            total += 1
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        elif kind == "AliasEvent":
            # One that is not closed yet is inside of itself: it never ends.
            total += sizes.get(event.anchor, MAX_LEAVES)
        elif kind == "ScalarEvent":
            total += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if len(open_nodes) > _DEEPEST or total > 2 * MAX_LEAVES:
            raise InvalidInputError("it holds too much", kind=ErrorKind.TOO_LARGE)


_FORMS: Final[Mapping[str, str]] = {
    "json": "json",
    "toml": "toml",
    "yaml": "yaml",
    "yml": "yaml",
    "ini": "ini",
    "cfg": "ini",
}
_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "json": json.loads,
    "toml": _toml,
    "yaml": _load_yaml,
    "ini": _ini,
}
# What is read by Python, and not by C, is slow.
_COSTS: Final[Mapping[str, int]] = {"json": 1, "toml": 4, "ini": 4, "yaml": 16}
