"""Formulas: TeX that docutils does not know is spelled for it, and what it cannot draw is named."""

import pytest

from verigap.theory import BOUNDS


def drawn(formula: str) -> str:
    # Here, as environments without docutils collect this file too, to leave its tests out.
    import mathml

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
    from docutils.utils.math import MathError

    with pytest.raises(MathError):
        drawn(r"\nosuchcommand x")
