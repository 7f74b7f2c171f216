"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

# What docutils does not know of TeX: two digits after a fraction are its two arguments, and names.
_SPELLINGS = (
    (re.compile(r"(\\[td]?frac)(\d)(\d)"), r"\1{\2}{\3}"),
    (re.compile(r"\\dots\b"), r"\\ldots"),
    (re.compile(r"\\(big|Big|bigg|Bigg)m\b"), r"\\\1l"),
)
# TeX stretches a fence only where it is told to, and sets a function off from what it is taken of.
_BARE_FENCE = re.compile(r'<mo(?: class="mathopen")?>([{}|‖])</mo>')
_FUNCTION = re.compile(r"<mo>&ApplyFunction;</mo>(?!\s*<mo[^>]*>[(\[])")


def mathml(formula: str, *, as_block: bool) -> str:
    """The formula in MathML.

    Raises:
      MathError: for TeX that docutils does not know.
    """
    for spelling, known in _SPELLINGS:
        formula = spelling.sub(known, formula)
    made = str(tex2mathml(formula, as_block=as_block))
    made = _FUNCTION.sub('<mspace width="0.17em"></mspace>', made)
    if "\\left" in formula:
        return made
    return _BARE_FENCE.sub(r'<mo stretchy="false" lspace="0.05em" rspace="0.05em">\1</mo>', made)


def write_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line of text."""
    _write(translator, node, as_block=False)


def write_display(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on a line of its own."""
    _write(translator, node, as_block=True)


def _write(translator: HTML5Translator, node: nodes.Element, *, as_block: bool) -> None:
    try:
        translator.body.append(mathml(node.astext(), as_block=as_block))
    except MathError as error:
        logger.warning("no MathML of %s: %s", node.astext(), error, location=node)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
