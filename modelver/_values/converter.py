"""From plain JSON values to ours and back: the only module that knows cattrs.

What is read may come from a hostile registry, so types are checked and never
coerced: cattrs by itself turns 5 into "5" and "5" into 5. Unknown fields are passed
over; nothing that was written is ever written again, so they are kept.
"""

from collections.abc import Mapping
from functools import cache, partial
from operator import eq
from typing import Any, TypeVar, get_args

from attrs import fields, has
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_unstructure_fn, override

from modelver._values.entry import (
    ACTIONS,
    Action,
    Recipe,
    Record,
    Tolerance,
    Unknown,
)
from modelver._values.manifest import Environment, Input, Slice
from modelver._values.text import term_safe
from modelver.errors import ErrorKind, FormatError

T = TypeVar("T")

_ADDED: dict[type[Any], tuple[str, ...]] = {
    Input: ("how", "uri", "version", "rows", "columns", "schema", "split", "license"),
    Environment: ("fingerprints", "sources"),
    Record: ("recipe",),
}

_BY_TYPE = {action.type: action for action in ACTIONS}


def _exactly(kind: type) -> Any:
    def structure(value: Any, _: Any) -> Any:
        # bool is an int to Python and not to JSON: compare types, not instances.
        if type(value) is not kind:
            raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
        return value

    return structure


def _float(value: Any, _: Any) -> float:
    if type(value) not in (float, int):
        raise TypeError(f"expected a number, found {type(value).__name__}")
    return float(value)


def _text_or_none(value: Any, _: Any) -> str | None:
    if value is not None and type(value) is not str:
        raise TypeError(f"expected text or null, found {type(value).__name__}")
    return value


def _mapping_of_floats(value: Any, _: Any) -> dict[str, float]:
    # All at once: a call for each metric is most of the time of reading a log.
    made = _mapping_of_any(value, _)
    types = set(map(type, made.values()))
    if types <= {float}:
        return made
    if not types <= {float, int}:
        raise TypeError("expected numbers")
    return {key: float(number) for key, number in made.items()}


def _mapping_of_texts(value: Any, _: Any) -> dict[str, str]:
    made = _mapping_of_any(value, _)
    if not set(map(type, made.values())) <= {str}:
        raise TypeError("expected text")
    return made


def _mapping_of_any(value: Any, _: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise TypeError(f"expected an object, found {type(value).__name__}")
    return value


_HOOKS: dict[Any, Any] = {
    str | None: _text_or_none,
    Mapping[str, Any]: _mapping_of_any,
    Mapping[str, float]: _mapping_of_floats,
    Mapping[str, str]: _mapping_of_texts,
}


def _object_hook(converter: Converter, kind: Any) -> Any:
    structure = converter.gen_structure_attrs_fromdict(kind)

    def structure_object(value: Any, _: Any) -> Any:
        # A class whose fields all have defaults would be read from any list.
        if type(value) is not dict:
            raise TypeError(f"expected an object, found {type(value).__name__}")
        return structure(value, kind)

    return structure_object


def _tuple_hook(converter: Converter, kind: Any) -> Any:
    inner = get_args(kind)[0]
    # Looked up at the first item: an action may hold tuples of its own kind.
    find = cache(lambda: converter.get_structure_hook(inner))

    def structure_tuple(value: Any, _: Any) -> Any:
        if type(value) is not list:
            raise TypeError(f"expected an array, found {type(value).__name__}")
        if not value:
            return ()
        hook = find()
        return tuple([hook(item, inner) for item in value])

    return structure_tuple


def _make(*, detailed: bool) -> Converter:
    converter = Converter(detailed_validation=detailed)
    converter.register_structure_hook(str, _exactly(str))
    converter.register_structure_hook(int, _exactly(int))
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(bool, _exactly(bool))
    converter.register_structure_hook_factory(has, partial(_object_hook, converter))
    for kind, hook in _HOOKS.items():
        converter.register_structure_hook_func(partial(eq, kind), hook)

    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is tuple,
        partial(_tuple_hook, converter),
    )

    hooks: dict[type[Any], Any] = {}

    def structure_action(value: Any, _: Any) -> Action:
        if type(value) is not dict:
            raise TypeError(f"expected an object, found {type(value).__name__}")
        name = str(value.get("type"))
        known: type[Any] | None = _BY_TYPE.get(name)
        if known is None:
            return Unknown(name=name[:100])
        if known not in hooks:
            hooks[known] = converter.get_structure_hook(known)
        made: Action = hooks[known](value, known)
        return made

    converter.register_structure_hook_func(partial(eq, Action), structure_action)

    def unstructure_action(value: Any) -> dict[str, Any]:
        made = {"type": value.type}
        for attribute in fields(type(value)):
            made[attribute.name] = converter.unstructure(getattr(value, attribute.name))
        return made

    for kind in (*ACTIONS, Action):
        converter.register_unstructure_hook_func(partial(eq, kind), unstructure_action)
    _unstructure_briefly(converter)
    return converter


def _unstructure_briefly(converter: Converter) -> None:
    # There may be tens of thousands in a manifest: their defaults go unsaid.
    for kind in (Slice, Recipe, Tolerance):
        brief = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True)
        converter.register_unstructure_hook(kind, brief)
    # What was added to format 1 later is unsaid where nobody said it: a bundle that was
    # registered before has the same bytes, and so the same identity.
    for kind, since in _ADDED.items():
        unsaid = {name: override(omit_if_default=True) for name in since}
        hook = make_dict_unstructure_fn(kind, converter, **unsaid)  # type: ignore[arg-type]
        converter.register_unstructure_hook(kind, hook)


@cache
def _converter() -> Converter:
    return _make(detailed=False)


@cache
def _explaining_converter() -> Converter:
    return _make(detailed=True)


def unstructure(value: Any) -> Any:
    """Return *value*, one of ours, as plain JSON values."""
    return _converter().unstructure(value)


def structure(value: Any, kind: type[T]) -> T:
    """Return the *kind* that *value*, plain JSON, stands for.

    Raises:
        FormatError: It stands for none; the message says where.
    """
    try:
        return _converter().structure(value, kind)
    except (TypeError, ValueError, KeyError, AttributeError, BaseValidationError):
        pass
    # Once more and slower, to be able to say where it went wrong.
    try:
        return _explaining_converter().structure(value, kind)
    except BaseValidationError as errors:
        first = next(iter(transform_error(errors)), "unknown")
        what, _, path = first.partition(" @ ")
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        what, path = str(error), "$"
    raise FormatError(
        f"the document is no {kind.__name__.lower()}: "
        f"{term_safe(what[:200])} at {term_safe(path[:200])}",
        kind=ErrorKind.MALFORMED,
        path=path,
    )
