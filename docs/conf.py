"""How Sphinx builds these pages: Markdown through MyST, nitpicky, without a network."""

from typing import Any

from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from modelver._values.about import __version__

project = "modelver"
author = "The modelver authors"
project_copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# One page is included in another.
exclude_patterns = ["_build", "changelog.d", "explanation/speed-figures.md"]
html_theme = "furo"
html_title = f"modelver {release}"
templates_path: list[str] = []

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
# "Attributes:" of an attrs class is the list of its fields, which autodoc has seen.
napoleon_use_ivar = True

# Our own names must resolve. Others' are not looked up: their inventories are on the
# network, and a build that needs it fails where there is none.
add_module_names = False  # users never see where a name lives
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!modelver\b).*")]

# Where a name that a signature spells by its private home is documented.
_PUBLIC = ("modelver", "modelver.errors", "modelver.plugin", "modelver.testing")


def _public_home(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Any
) -> Any:
    """Resolve ``modelver._room.module.Name`` to the public ``modelver.Name``."""
    target = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not target.startswith("modelver."):
        return None
    name = target.rpartition(".")[2]
    for home in _PUBLIC:
        found = env.domains.python_domain.resolve_xref(
            env,
            node["refdoc"],
            app.builder,
            node["reftype"],
            f"{home}.{name}",
            node,
            content,
        )
        if found is not None:
            return found
    return None


def setup(app: Sphinx) -> None:
    """Join Sphinx."""
    app.connect("missing-reference", _public_home)
