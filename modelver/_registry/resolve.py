"""From a ref to the version that it means, in one state."""

import warnings
from collections.abc import Iterable

from modelver._values.fold import find_version
from modelver._values.names import near
from modelver._values.ref import (
    Alias,
    DigestPrefix,
    Exact,
    InRange,
    Newest,
    Ref,
)
from modelver._values.state import ModelState, State, VersionState
from modelver._values.text import term_safe
from modelver.errors import (
    AmbiguousRefError,
    ErrorKind,
    ModelNotFoundError,
    VersionNotFoundError,
    WithdrawnWarning,
)


def find_model(state: State, name: str) -> ModelState:
    """Return the model of this name.

    Raises:
        ModelNotFoundError: There is none; the error names close ones.
    """
    model = state.models.get(name)
    if model is None or not model.versions:
        close = near(name, state.models)
        raise ModelNotFoundError(
            f"there is no model {name!r} in the registry",
            hint=f"Close to it: {', '.join(close)}."
            if close
            else f"It holds {len(state.models)} models: see registry.models().",
            ref=name,
            near=close,
        )
    return model


def resolve(state: State, ref: Ref, *, quiet: bool = False) -> VersionState:
    """Return the version that *ref* means.

    Withdrawn versions are found by their exact number only, with a
    :class:`WithdrawnWarning` unless *quiet*.

    Raises:
        ModelNotFoundError: There is no such model.
        VersionNotFoundError: It has no such version.
        AmbiguousRefError: A digest prefix fits several.
    """
    if ref.name is None:
        every = [v for m in state.models.values() for v in m.versions.values()]
        return _by_digest(ref, every)
    model = find_model(state, ref.name)
    selector = ref.selector
    if isinstance(selector, Exact):
        return _exact(model, ref, quiet=quiet)
    if isinstance(selector, DigestPrefix):
        return _by_digest(ref, list(model.versions.values()))
    if isinstance(selector, Alias):
        version = model.aliases.get(selector.name)
        if version is None:
            raise _not_found(
                ref,
                f"{model.name} has no alias {selector.name!r}",
                near(selector.name, model.aliases),
                ErrorKind.ALIAS,
                f"Its aliases are: {', '.join(sorted(model.aliases)) or 'none'}.",
            )
        return model.versions[version.partition("+")[0]]
    if isinstance(selector, Newest):
        found = newest(model)
        what = f"{model.name} has no version that is not withdrawn"
    else:
        alive = (v for v in model.descending() if v.withdrawal is None)
        if isinstance(selector, InRange):
            fits = (v for v in alive if selector.range.matches(v.number))
            what = f"{model.name} has no version in the range {selector}"
        else:
            fits = (v for v in alive if not v.number.is_prerelease)
            what = f"{model.name} has no stable version"
        found = next(fits, None)
    if found is None:
        raise _not_found(ref, what, (), ErrorKind.VERSION, _present(model))
    return found


def newest(model: ModelState) -> VersionState | None:
    """Return the version registered last that is not withdrawn."""
    numbers = reversed(list(model.versions))
    alive = (v for n in numbers if (v := model.versions[n]).withdrawal is None)
    return next(alive, None)


def _exact(model: ModelState, ref: Ref, *, quiet: bool) -> VersionState:
    wanted = str(ref.selector)
    found = find_version(model, wanted)
    if found is None:
        close = near(wanted, (v.version for v in model.versions.values()))
        what = f"{model.name} has no version {wanted}"
        raise _not_found(ref, what, close, ErrorKind.VERSION, _present(model))
    if found.withdrawal is not None and not quiet:
        warnings.warn(
            f"{found.ref} is withdrawn: {term_safe(found.withdrawal.reason)}",
            WithdrawnWarning,
            stacklevel=4,
        )
    return found


def _by_digest(ref: Ref, versions: Iterable[VersionState]) -> VersionState:
    prefix = str(ref.selector)
    every = [v for v in versions if v.bundle.startswith(prefix)]
    found = [v for v in every if v.withdrawal is None]
    if not found:
        raise _not_found(
            ref,
            f"no version has a digest that begins with {prefix}",
            (),
            ErrorKind.DIGEST_PREFIX,
            f"{every[0].ref} had it, and is withdrawn."
            if every
            else "version.digest is the digest of a bundle.",
        )
    if len(found) > 1:
        refs = [version.ref for version in found[:20]]
        raise AmbiguousRefError(
            f"{str(ref)!r} could be any of {', '.join(refs)}",
            hint="Give more of the digest, or the exact number.",
            candidates=refs,
        )
    return found[0]


def _present(model: ModelState) -> str:
    numbers = [v.version for v in model.versions.values() if v.withdrawal is None]
    shown = ", ".join(numbers[-5:]) or "none"
    return f"Its last versions are: {shown}."


def _not_found(
    ref: Ref, what: str, close: Iterable[str], kind: ErrorKind, present: str
) -> VersionNotFoundError:
    close = tuple(close)
    hint = f"Close to it: {', '.join(close)}. {present}" if close else present
    return VersionNotFoundError(what, kind=kind, hint=hint, ref=str(ref), near=close)
