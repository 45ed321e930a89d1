"""Verbs about the registry itself."""

from argparse import Namespace

from modelver._cli.opening import address
from modelver._cli.output import Reply, Text
from modelver._registry.opening import forget as forget_head
from modelver._registry.registry import Registry
from modelver.errors import AlreadyExistsError, RegistryNotFoundError


def init(args: Namespace) -> Reply:
    """Create a registry."""
    url, made = address(args), False
    try:
        registry = Registry(url, author=args.author, cache=args.cache)
    except RegistryNotFoundError:
        registry, made = _create(url, args), True
    if not made and args.status and list(registry.statuses) != args.status:
        raise AlreadyExistsError(
            f"the registry in {registry.url!r} is there already, with other statuses",
            hint=f"It has {', '.join(registry.statuses)}; they never change.",
        )
    data = {
        "url": registry.url,
        "uuid": registry.uuid,
        "statuses": list(registry.statuses),
        "created": made,
    }
    said = "created a registry in" if made else "there is a registry already in"
    return Reply(data, Text(registry.url, f"{said} {registry.url}"))


def _create(url: str, args: Namespace) -> Registry:
    return Registry(
        url,
        create=True,
        author=args.author,
        cache=args.cache,
        digest=args.digest or "b3",
        statuses=args.status or None,
    )


def forget(args: Namespace) -> Reply:
    """Believe a registry again."""
    url = address(args)
    forget_head(url)
    shown = f"forgot what was seen of {url}: what stands there now is believed"
    return Reply({"url": url}, Text("", shown))
