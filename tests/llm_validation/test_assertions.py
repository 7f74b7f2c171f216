"""What counts as an asserted answer, and where it ends."""

import pytest

from verigap.llm_validation.tasks.assertions import assertions, leading_answer


def answers(text: str, finished: bool = True) -> list[str]:
    return [assertion.answer for assertion in assertions(text, finished)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is 24.", ["24"]),
        ("So 3 * 8 = 24", ["24"]),
        ("3 * 8 = 3 * 4 * 2 = 12 * 2 = 24", ["24"]),
        ("x = 3x4\n", ["x = 3x4"]),
        ("that equals -1,234.50 dollars", ["-1,234.50"]),
        ("it is 1/2 of", ["1/2"]),
        ("it is 1/2 + 3\n", ["it is 1/2 + 3"]),
        ("the sum is **17**", ["17"]),
        ("= 3.14 + 2\n", ["= 3.14 + 2"]),
        ("= 12, and 13 is more", ["12"]),
        ("thus 7 is prime\n", ["thus 7 is prime"]),
        (r"hence \boxed{\frac{1}{2}}", [r"\frac{1}{2}"]),
        (r"= \boxed{6}", ["6"]),
        ("so it is 12\n#### 12 apples", ["12", "12 apples"]),
        ("<answer> blue cat </answer>", ["blue cat"]),
        ("The answer is blue.\nSure", ["blue"]),
        ("The answer is: 24 apples", ["24"]),
        ("The final answer is 5, as 2 + 3 = 5", ["5", "5"]),
        ("42", ["42"]),
        ("  forty-two.\nBecause", ["forty-two"]),
        ("", []),
        ("This is 3 is 4", ["3", "4"]),
        ("= 1234567", ["1234567"]),
        ("= 12,34\n", ["= 12,34"]),
    ],
)  # fmt: skip
def test_answers(text: str, expected: list[str]) -> None:
    assert answers(text) == expected


@pytest.mark.parametrize("text", ["= 24", "= 24.", "= 24 ", "The answer is blue", "= 2,", "forty"])
def test_an_answer_at_the_cut_is_none(text: str) -> None:
    assert answers(text, finished=False) == []
    assert len(answers(text, finished=True)) == 1


def test_ends_cover_the_answer_and_no_more() -> None:
    text = r"It is 4, then \boxed{15} and the answer is blue cat."
    found = assertions(text, finished=True)
    assert [text[: found[i].end][-2:] for i in range(3)] == [" 4", "5}", "at"]
    assert [a.end for a in found] == sorted(a.end for a in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 24.", "24"),
        (": **24**", "24"),
        (r" \boxed{7}", "7"),
        (" 3 * 8 = 24", "24"),
        (" blue", "blue"),
        ("", None),
    ],
)
def test_forced_answers(text: str, expected: str | None) -> None:
    assert leading_answer(text) == expected
