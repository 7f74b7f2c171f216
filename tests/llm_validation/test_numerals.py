r"""Numbers in the notations that people and models write, against numbers worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.answers import same_answer
from verigap.llm_validation.numerals import digits_number, in_ascii, leading_words

NUMBERS = {
    "powers of ten": [
        ("1e3", "1000"),
        ("1.5e-3", "0.0015"),
        ("1.5e-3", "3/2000"),
        ("-2E2", "-200"),
        ("6.02E23", "602000000000000000000000"),
        ("1.5 x 10^3", "1500"),
        ("3·10⁴", "30000"),
        (r"1.5 \times 10^{-3}", "0.0015"),
        ("1e3 metres", "1000"),
        ("about 1.5e3", "1500"),
    ],
    "mixed": [
        ("3 1/2", "3.5"),
        ("3 1/2", "7/2"),
        ("7/2", "3 1/2"),
        (r"3\frac12", "7/2"),
        (r"$3\ \frac{1}{2}$", "3.5"),
        ("-2 1/3", "-7/3"),
        ("3½", "3.5"),
        ("2 ¾ cups", "2.75"),
        ("10 1/2 hours", "10.5"),
        ("3 and 1/2", "3.5"),
        ("½", "0.5"),
    ],
    "full width": [
        ("１８", "18"),
        ("３．５", "3.5"),
        ("１，０００", "1000"),
        ("－１８", "-18"),
        ("１８。", "18"),
        ("＄１８", "18"),
        ("（３，４）", "(3, 4)"),
        ("ｘ＝５", "5"),
        ("（Ｂ）", "B"),
        ("５０％", "50%"),
    ],
    "minus signs": [
        ("\u22127", "-7"),
        ("\uff0d7", "-7"),
        ("\u20117", "-7"),
        ("\u20137", "-7"),
        ("\ufe637", "-7"),
    ],
    "thousands": [
        ("1,234,567", "1234567"),
        ("1 000", "1000"),
        ("1\u2009000", "1000"),
        ("1\u202f234\u202f567.5", "1234567.5"),
        ("12\u00a0345", "12345"),
        (r"1\,000", "1000"),
        ("1'000", "1000"),
        ("1_000", "1000"),
        ("1{,}000", "1000"),
        ("1,00,000", "100000"),
    ],
    "words": [
        ("eighteen", "18"),
        ("18", "Eighteen"),
        ("seventy-two", "72"),
        ("five", "5.0"),
        ("two hundred and fifty", "250"),
        ("5 hundred thousand", "500000"),
        ("five hundred thousand", "500000"),
        ("three million two hundred thousand", "3200000"),
        ("3 million 200 thousand", "3200000"),
        ("two trillion", "2000000000000"),
        ("a billion and one", "1000000001"),
        ("1.5 million", "1500000"),
        ("half a million", "5e5"),
        ("nineteen hundred", "1900"),
        ("minus five", "-5"),
        ("two thirds", "2/3"),
        ("one half", "0.5"),
        ("3 and a half", "7/2"),
        ("two and three quarters", "2.75"),
        ("seven apples", "7"),
        ("a dozen", "12"),
        ("10 quarters", "10"),
        ("ten dollars", "10"),
    ],
    "percent": [
        ("50%", "0.5"),
        ("50%", "50"),
        ("0.5", "50%"),
        ("50 percent", "0.5"),
        ("50 per cent", "50%"),
        (r"12.5\%", "1/8"),
        ("ten percent", "10%"),
        ("25 % of it", "0.25"),
    ],
    "currency": [
        ("$18", "18"),
        ("US$18", "18"),
        ("18 €", "18"),
        ("£1,234.50", "1234.5"),
        ("USD 18", "18"),
        ("-$18", "-18"),
        ("₹500", "500"),
        (r"\$.50", "0.5"),
        ("18 dollars each", "18"),
    ],
}


@pytest.mark.parametrize(
    ("answer", "target"), [pair for pairs in NUMBERS.values() for pair in pairs]
)
def test_a_number_is_the_same_in_any_notation(answer: str, target: str) -> None:
    if "(3" not in target:
        assert same_answer(answer, target) is True
    # No notation makes another number of it.
    assert same_answer(answer, "987654321") is not True


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("1e3", "100"), ("3 1/2", "31/2"), ("3 1/2", "3"), ("3 1/2", "1/2"), ("12 34", "1234"),
        ("1 00", "100"), ("\u22127", "7"), ("5 hundred thousand", "500"), ("eighteen", "17"),
        ("five six", "5"), ("five or six", "5"), ("One can see that", "1"), ("zero", "10"),
        ("Two numbers work: 3 and 5", "2"), ("50%", "5"), ("50%", "60%"), ("50%", "5000"),
        ("$18", "17"), ("$45 or $50", "45"), ("3\u20135", "-2"), ("10³", "103"),
        ("third", "1/3"), ("fifths", "1/5"), ("2 dozen hundredths", "0.24"),
    ],
)  # fmt: skip
def test_another_number_is_not_the_same(answer: str, target: str) -> None:
    assert not same_answer(answer, target)


@given(st.integers(0, 999_999))
def test_words_say_every_whole_number(value: int) -> None:
    found = leading_words(spelt(value))
    assert found == (value, "")


ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def spelt(value: int) -> str:
    """A whole number below a million in words, as one says it."""
    if value < 20:
        return ONES.split()[value]
    if value < 100:
        tens, one = divmod(value, 10)
        return TENS.split()[tens - 2] + (f"-{spelt(one)}" if one else "")
    size, name = (100, "hundred") if value < 1000 else (1000, "thousand")
    many, rest = divmod(value, size)
    joint = " and " if rest < 100 else " "
    return f"{spelt(many)} {name}" + (joint + spelt(rest) if rest else "")


@given(st.integers(1, 10**6), st.integers(-40, 40))
def test_powers_of_ten_are_exact(digits: int, power: int) -> None:
    expected = digits * Fraction(10) ** power
    assert digits_number(f"{digits}e{power}") == expected
    assert digits_number(rf"{digits} \times 10^{{{power}}}") == expected


def test_what_is_not_ascii_keeps_its_meaning() -> None:
    assert in_ascii("x² + 10⁻³") == "x^{2} + 10^{-3}"
    assert in_ascii("1\u20133, 5\u00bd") == "1\u20133, 5 1/2"
    assert in_ascii("Zürich 東京") == "Zürich 東京"


@pytest.mark.parametrize(
    "text", ["1e9999", "9" * 1999 + "/", "1 " * 900, "one " * 400, "1,00" * 400]
)
def test_what_is_no_number(text: str) -> None:
    assert digits_number(text) is None
    assert leading_words(text) is None
