"""The site: the pages of this folder, and the reference of the installed Python package from its docstrings."""

from __future__ import annotations

import re
from typing import Any

import torch

import gavotte
from gavotte.data import _collate

project = "Gavotte"
author = "The Gavotte authors"
release = version = gavotte.__version__
html_title = f"Gavotte {release}"
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False

# Nothing is fetched from the network; links to other projects' pages are therefore left out.
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
exclude_patterns = ["**/_*"]

default_role = "py:obj"  # `Name` in a docstring links to what it names, where that is a public name
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
napoleon_use_ivar = True
smartquotes_action = "D"  # dashes; quotes of a docstring are those of code
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

# What gavotte.data imports for the type checker alone, so that its signatures can be resolved.
vars(_collate).update(SparseTensor=gavotte.SparseTensor, Tensor=torch.Tensor)

# Where public names live; the modules that define them have names with an underscore.
_PUBLIC = ("gavotte", "gavotte.nn", "gavotte.data", "gavotte.data.augment", "gavotte.batch", "gavotte.maps")


def _shown_name(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """A link to the public name of what a signature or docstring refers to by another."""
    if node.get("refdomain") != "py":
        return None
    last = node["reftarget"].rpartition(".")[2]
    domain = env.get_domain("py")
    for module in _PUBLIC:
        found = domain.objects.get(f"{module}.{last}")
        if found is not None:
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, found.objtype, f"{module}.{last}", node, contnode
            )
    return None


def _link_pages(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """docs/page.md, as a docstring names a page, becomes a link to it."""
    lines[:] = [re.sub(r"\bdocs/([\w-]+)\.md\b", r":doc:`/\1`", line) for line in lines]


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _link_pages)
    app.connect("missing-reference", _shown_name)
