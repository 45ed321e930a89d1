"""Verbs about the registry itself."""

from argparse import Namespace

from modelver._cli.opening import address
from modelver._cli.output import Reply, Text
from modelver._registry.opening import forget as forget_head
from modelver._registry.registry import Registry
from modelver.errors import RegistryNotFoundError


def init(args: Namespace) -> Reply:
    """Create a registry."""
    url, made = address(args), False
    try:
        Registry(url)
    except RegistryNotFoundError:
        made = True
    registry = Registry(
        url,
        create=True,
        author=args.author,
        cache=args.cache,
        digest=args.digest,
        statuses=args.status or None,
    )
    data = {
        "url": registry.url,
        "uuid": registry.uuid,
        "statuses": list(registry.statuses),
        "created": made,
    }
    said = "created a registry in" if made else "there is a registry already in"
    return Reply(data, Text(registry.url, f"{said} {registry.url}"))


def forget(args: Namespace) -> Reply:
    """Believe a registry again."""
    url = address(args)
    forget_head(url)
    shown = f"forgot what was seen of {url}: what stands there now is believed"
    return Reply({"url": url}, Text("", shown))
