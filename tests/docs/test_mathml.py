"""Formulas: TeX that docutils does not know is spelled for it, and what it cannot draw is named."""

import pytest

from verigap.theory import BOUNDS

# Only the environment that builds the site has docutils.
mathml = pytest.importorskip("mathml", exc_type=ImportError)


def drawn(formula: str) -> str:
    return "".join(mathml.mathml(formula, as_block=False).split())


def test_two_digits_after_a_fraction_are_its_arguments() -> None:
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in drawn(r"\frac12")


def test_only_fences_that_ask_for_it_stretch() -> None:
    assert drawn(r"\lbrace x\rbrace").count('stretchy="false"') == 2
    assert 'stretchy="false"' not in drawn(r"\left|x\right|")


@pytest.mark.parametrize("name", BOUNDS)
def test_every_statement_can_be_drawn(name: str) -> None:
    assert "<math" in drawn(BOUNDS[name].statement)


def test_what_cannot_be_drawn_is_an_error() -> None:
    with pytest.raises(mathml.MathError):
        drawn(r"\nosuchcommand x")
