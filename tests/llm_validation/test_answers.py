import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.answers import canonical_answer, same_answer
from verigap.llm_validation.extraction import extract_answer


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
def test_hostile_answers_do_not_hang(text: str) -> None:
    began = time.process_time()
    canonical_answer(text)
    same_answer(text, "1")
    extract_answer(text * 20)
    # Hundredths of a second; minutes where a search takes the square of the length.
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("0.5", r"\frac12", True),
        ("17", "18", False),
        ("(b)", "B", True),
        ("A", "B", False),
        ("2x", "3", None),
        (r"\frac{\pi}{2}", "pi/2", None),
        ("Paris", "paris", True),
        ("", "3", False),
        ("3", "", None),
        ("C) 15.", "C", True),
        ("C) 15.", "D", False),
        ("B.", "(B)", True),
        ("a positive number", "A", False),
        ("18 apples.", "18", True),
        ("17 apples", "18", False),
        ("18, since 9 * 2 = 18.", "18", True),
        ("eighteen (18).", "18", True),
        ("3 or 4", "3", None),
        ("x = 5", "5", True),
        ("5", "x=5", True),
        ("6", "x=5", False),
        ("y=5", "x=5", None),
        (r"\left(3, \frac{\pi}{2}\right)", r"\left( 3, \frac{\pi}{2} \right)", True),
        (r"\dfrac{\pi}{2}", r"\frac{\pi}{2}", True),
        (r"a\,+\;b", "a+b", True),
        ("true", "True", True),
        ("No", "Yes", False),
        ("Yes, because it is.", "Yes", True),
        ("Evelyn", r"\text{Evelyn}", True),
        ("1.16", r"\text{Evelyn}", False),
        ("even", "odd", False),
        ("New  York", "new york", True),
        ("33.3", "100/3", False),
        ("33.333333", "100/3", True),
        ("0.5000001", "0.5", True),
        # Several answers are not one of them.
        ("A, B", "A", False),
        ("Option B", "B", True),
        ("the answer is (B)", "B", True),
        ("**B.** Paris", "B", True),
        ("B because A is odd", "B", True),
        ("B is the right option", "B", True),
        ("B is not the answer", "B", False),
        ("B is incorrect", "B", False),
        ("Option A", "B", False),
        ("A vowel", "A", False),
        ("not B", "B", False),
        # A place in more words, or in fewer, is another text, as it is to every harness.
        ("Paris, France", "Paris", False),
        ("Paris", "Paris, France", None),
        ("Berlin (Germany)", "Berlin", True),
        ("(A); (C)", "A", False),
        ("A, or B", "A", False),
        ("A, because B is wrong", "A", True),
        ("Paris, London", "Paris", False),
        ("Paris, since it is the capital", "Paris", True),
        ("red; blue", "red", False),
        ("yes, no", "yes", False),
        ("Yes, it is even", "Yes", True),
        # What makes a number another one.
        ("5 billion", "5", False),
        (r"5\text{ million}", "5", False),
        ("$5 million", "5000000", True),
        ("5 dozen eggs", "60", True),
        ("nearly $5 billion", "5", False),
        ("about 5 million", "5000000", True),
        ("5", "5 million", False),
        ("8!", "8", None),
        (r"\neq 8", "8", False),
        (r"\le 8", "8", False),
        ("> 8", "8", False),
        ("not 8", "8", False),
        ("at least 8", "8", False),
        ("minus 8", "8", False),
        ("minus 8", "-8", True),
        ("not equal to 8", "8", False),
        ("isn't 8", "8", False),
        ("it can\u2019t be 8", "8", False),
        ("cannot be 8", "8", False),
        ("does not equal $8$", "8", False),
        ("no more than 8", "8", False),
        ("anything but 8", "8", False),
        ("not true", "true", False),
        ("more apples than Al by 8", "8", True),
        ("sqrt 8", "8", None),
        ("x - 8", "8", None),
        ("8 + c", "8", False),
        ("8 squared", "8", False),
        ("a total of 8", "8", True),
    ],
)
def test_equality(answer: str, target: str, expected: bool | None) -> None:
    assert same_answer(answer, target) is expected
