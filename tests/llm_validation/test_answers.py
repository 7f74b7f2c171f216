import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.answers import canonical_answer, extract_answer, grade, same_answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", "42"),
        (" 042. ", "42"),
        ("-7", "-7"),
        ("\u22127", "-7"),
        ("1,234", "1234"),
        ("1,234,567.50", "2469135/2"),
        ("1{,}234", "1234"),
        (r"$12\,$", "12"),
        (r"\$18", "18"),
        ("$1,000", "1000"),
        ("0.5", "1/2"),
        (".50", "1/2"),
        ("3.", "3"),
        ("2/4", "1/2"),
        (r"\frac{2}{4}", "1/2"),
        (r"\dfrac12", "1/2"),
        (r"-\frac{3}{-4}", "3/4"),
        (r"1\frac{1}{2}", "3/2"),
        (r"\boxed{\text{ 12 }}", "12"),
        (r"\boxed{\frac{3}{6}}", "1/2"),
        (r"\(5\)", "5"),
        (r"12\text{ cm}", "12"),
        ("12 cm^2", "12"),
        ("30^\\circ", "30"),
        (r"50\%", "50"),
        ("1/0", "1/0"),
        ("1,2", "1,2"),
        ("(1,234)", "(1,234)"),
        ("5 x", "5 x"),
        ("1e999999999", "1e999999999"),
        (r"\text{Monday}", "Monday"),
        ("  two\n words ", "two words"),
        (r"\sqrt{2}", r"\sqrt{2}"),
        ("(B)", "(B)"),
        ("", None),
        ("$$", None),
        (r"\boxed{}", None),
        (".", None),
        ("٣", "٣"),
    ],
)
def test_canonical_form(text: str, expected: str | None) -> None:
    assert canonical_answer(text) == expected


@given(st.fractions(max_denominator=10**6))
def test_every_fraction_is_read_exactly(value) -> None:
    written = rf"\boxed{{\frac{{{value.numerator}}}{{{value.denominator}}}}}"
    assert canonical_answer(written) == canonical_answer(str(value)) == str(value)


@given(st.text(max_size=80))
def test_a_canonical_form_is_its_own(text: str) -> None:
    form = canonical_answer(text)
    assert form is None or canonical_answer(form) == form


@pytest.mark.parametrize(
    "text", ["$" * 5000, "{" * 1999, "1," * 900, "9" * 1999, r"\boxed{" * 250, "-" * 1999]
)
def test_hostile_answers_take_no_time(text: str) -> None:
    canonical_answer(text)
    same_answer(text, "1")
    extract_answer(text * 20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"so \boxed{1}, no, \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        ("sum: 9\n#### 18", "18"),
        ("The final answer is: **7**", "7"),
        ("Answer: x\nthe answer is 3.", "3."),
        ("I do not know", None),
        (r"cut off at \boxed{12", None),
        ("", None),
    ],
)
def test_extraction(text: str, expected: str | None) -> None:
    assert extract_answer(text) == expected


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("0.5", r"\frac12", True),
        ("17", "18", False),
        ("(b)", "B", True),
        ("A", "B", False),
        ("2x", "3", None),
        (r"\frac{\pi}{2}", "pi/2", None),
        ("Paris", "paris", None),
        ("", "3", None),
    ],
)
def test_equality(answer: str, target: str, expected: bool | None) -> None:
    assert same_answer(answer, target) is expected


def test_a_worked_solution_is_graded_by_the_answer_at_its_end() -> None:
    assert grade("it is 9, so the answer is 18", "9 and 9\n#### 18") == ("18", True)
    assert grade("no idea", "18") == (None, None)
