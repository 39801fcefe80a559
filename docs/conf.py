"""Sphinx's settings for the pages that `make docs` assembles (scripts/docs/build.py)."""

import re
import sys
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import grn

# autodoc imports the modules it is told of; these two are attributes of `grn`.
sys.modules |= {"grn.pl": grn.pl, "grn.tl": grn.tl}

project = "spherical-grn"
author = "the authors of spherical-grn"
version = release = grn.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]

html_theme = "furo"
html_title = f"spherical-grn {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
# `kernels/flashsign/README.md` begins below the first level in places.
suppress_warnings = ["myst.header"]

smartquotes = False  # options begin with two hyphens
default_role = "code"  # one pair of backticks is code, as in Markdown
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_custom_sections = ["Result"]
napoleon_use_rtype = False
python_use_unqualified_type_names = True

_CODE = re.compile(r"(`[^`]*`)")
# A section *Returns* whose second line is not indented, as it is below a type.
_RETURNS = re.compile(r"^Returns\n-{7}\n(?!.*\n +\S)", re.MULTILINE)


def _docstring(
    _app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Turn a docstring into what napoleon expects.

    Our sections *Returns* are sentences, where napoleon takes the first line for a type, which
    the signature has; and the bars of absolute values would be substitutions in reST.
    """
    text = _RETURNS.sub("Result\n------\n", "\n".join(lines))
    blocks = text.split("\n\n")
    lines[:] = "\n\n".join(_with_bars(block) for block in blocks).split("\n")


def _with_bars(block: str) -> str:
    """Escape bars outside of code, doctests and formulas."""
    if block.lstrip().startswith((">>>", ".. ")):
        return block
    parts = _CODE.split(block)
    parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
    return "".join(parts)


def _known(node: nodes.Node) -> str:
    """Return a formula without what MathML decides by itself: the size of sums."""
    return re.sub(r"\\textstyle ?", "", node.astext())


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(tex2mathml(_known(node), as_block=False))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(tex2mathml(_known(node), as_block=True))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Write formulas as MathML, which browsers show without a script from elsewhere."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("autodoc-process-docstring", _docstring, priority=400)  # before napoleon
