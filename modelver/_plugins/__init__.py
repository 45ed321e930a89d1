"""Plug-ins, found by name through entry points, read at first use."""

from modelver._plugins.registry import Plugin, load, load_backend, plugins

__all__ = ["Plugin", "load", "load_backend", "plugins"]
