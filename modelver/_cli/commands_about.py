"""Verbs about modelver itself; no registry is opened, and little imported."""

import platform
from argparse import Namespace

from modelver._cli.output import Reply, Table, Text
from modelver._plugins import plugins as installed
from modelver._values.about import __version__


def plugins(_: Namespace) -> Reply:
    """List plug-ins."""
    found = installed()
    keys = ("group", "name", "target", "distribution", "version")
    records = [{key: getattr(plugin, key) for key in keys} for plugin in found]
    rows = [list(record.values()) for record in records]
    head = ("group", "name", "class", "distribution", "version")
    return Reply(records, Table(head, rows, empty="no plug-in is installed"))


def version(_: Namespace) -> Reply:
    """Tell the release."""
    python = platform.python_version()
    data = {"modelver": __version__, "python": python}
    return Reply(data, Text(__version__, f"modelver {__version__} (Python {python})"))
