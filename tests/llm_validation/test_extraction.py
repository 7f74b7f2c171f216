"""Which part of a response is its final answer."""

from __future__ import annotations

import pytest

from verigap.llm_validation.extraction import extract_answer, last_quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Tags.
        ("<answer>5</answer>", "5"),
        ("Some reasoning.\n<answer>B</answer>", "B"),
        (r"<think>r</think><answer>\frac{1}{2}</answer>", r"\frac{1}{2}"),
        ("<think>r</think>\n<answer>\nYes\n</answer>", "Yes"),
        ("<answer>3</answer> no: <answer>4</answer>", "4"),
        (r"\boxed{7}, put in <answer> </answer> tags: <answer>so \boxed{8}</answer>", "8"),
        (r"use <answer>...</answer>; \boxed{8}", "8"),
        ("<answer>The answer is 9.</answer>", "9."),
        ("<answer>3</answer> and, cut off, <answer>4", "3"),
        ("<answer>a set of all four words</answer>", "a set of all four words"),
        # Boxes.
        (r"so \boxed{1}, no, \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{x^{2^{3}}}", "x^{2^{3}}"),
        (r"\boxed{1} and then, cut off, \boxed{12", "1"),
        (r"cut off at \boxed{12", None),
        (r"so \boxed 7$", "7"),
        # Hashes, and headings that are none.
        ("sum: 9\n#### 18", "18"),
        ("#### 18\n\nLet me know if you want another answer explained.", "18"),
        ("#### Step 2: Add\nso 5\nThe answer is 7.", "7."),
        ("#### 1. Setup\nwe have\n\nAnswer: 3", "3"),
        ("#### Conclusion\n\nThe answer is 4", "4"),
        # Not across lines, unless the next line is all there is.
        ("so the correct answer is:\n\nAnswer: C", "C"),
        ("Hence the most likely answer is:\n\n**Answer:** D", "D"),
        ("The final answer is:\n\n42", "42"),
        ("## Answer\n42", "42"),
        ("**Final Answer**\n\n$$\n42\n$$", "42"),
        ("The answer is:\n### Checking", None),
        # Signals.
        ("The final answer is: **7**", "7"),
        ("Answer: x\nthe answer is 3.", "3."),
        ("**Final Answer:** C", "C"),
        ("The answer to the question is 7", "7"),
        ("The correct option is (C)", "(C)"),
        ("The answer is B. Paris", "B. Paris"),
        ("The answer is 3.5. So that is it", "3.5"),
        ("So the answer is 18. I hope this answer helps!", "18"),
        ("The answer is 18. I hope the answer is correct.", "18"),
        ("Final Answer: The final answer is $18$. I hope it is correct.", "$18$"),
        (
            r"Final Answer: The final answer is $\frac{1}{2}$. I hope it is correct.",
            r"$\frac{1}{2}$",
        ),
        ("I hope this answer is correct.", None),
        # Signals that follow the answer.
        ("B is the answer", "B"),
        ("So B is the right answer.", "B"),
        ("I think (C) is the best choice, as A is odd.", "(C)"),
        ("Hence 3.5 is the answer", "3.5"),
        (r"Therefore $\frac12$ must be the answer.", r"$\frac12$"),
        ("First, 3 is the answer.\nNo: 4 is the answer.", "4"),
        ("B is not the answer", None),
        ("This is the answer", None),
        ("What is the answer", None),
        # A last line that is nothing but a choice.
        ("Option B", "B"),
        ("A is odd.\n**Option (C)**", "(C)"),
        ("A is odd.\n\n(D)", "(D)"),
        ("A is odd.\nI would choose C.", "C"),
        ("A is odd.\nB is correct.", "B"),
        ("B is odd.\nA is incorrect.", None),
        ("It is a", None),
        # JSON.
        ('{"answer": "B"}', "B"),
        ('Let me see.\n{"answer": 4.50}', "4.50"),
        ('Sure:\n```json\n{\n "steps": ["a"],\n "Final Answer": "C"\n}\n```', "C"),
        ("{'reason': {'a': 1}, 'answer': 'B'}", "B"),
        (r'{"answer": "\frac{1}{2}"}', r"\frac{1}{2}"),
        (r'{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
        (r'{"answer": "\(x\)"}', r"\(x\)"),
        (r"{'answer': '\pi'}", r"\pi"),
        ('{"answer": "\\u0042"}', "B"),
        ('{"answer": true}', "true"),
        ('{"answer": ["B"]}', "B"),
        ('<answer>{"final_answer": 7}</answer>', "7"),
        (r'\boxed{1} {"answer": "2"}', "2"),
        ('The answer is 5: {"a": 1}', '5: {"a": 1}'),
        # Full width.
        ("Answer：１８", "18"),
        ("所以答案是Ｂ。", "B."),
        ("答案：42", "42"),
        ("The answer is （３，４）", "(3,4)"),
        # What comes after the answer.
        ("The answer is: 18\n\nQ: A man has 3 cars.\nA: The answer is 7.", "18"),
        ("The answer is 4\nQuestion: and now?\nAnswer: 5", "4"),
        ("Answer: C</s>Answer: D", "C"),
        ("Answer: C<|im_end|>\nAnswer: D", "C"),
        ("Problem: find x.\nThe answer is 4", "4"),
        ("Let me see.\nQuestion: find x.\nThe answer is 4", "4"),
        # Bare.
        ("B", "B"),
        ("b.", "b."),
        ("(B)\n", "(B)"),
        ("42", "42"),
        ("18 apples.", "18 apples."),
        ("$18", "$18"),
        ("C) 15.", "C) 15."),
        ("x = 5", "x = 5"),
        # Nothing.
        ("I do not know", None),
        ("I cannot help with that.", None),
        ("Let me set up the equations and check the cases, first", None),
        ("", None),
    ],
)
def test_extraction(text: str, expected: str | None) -> None:
    assert extract_answer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"<think>maybe \boxed{72}</think>" "\nThe answer is 71.", "71."),
        ("<think>\nthe answer is 71\n</think>\n\n72", "72"),
        ("so the answer is 71\n</think>\n\n**72**", "72"),
        ("<THINKING>#### 71</THINKING>The answer is 72", "72"),
        (r"<reasoning>\boxed{71}</reasoning><answer>72</answer>", "72"),
        ("[THINK]the answer is 71[/THINK]72", "72"),
        (
            r"<|channel|>analysis<|message|>\boxed{71}<|end|><|start|>assistant<|channel|>final"
            "<|message|>The answer is 72<|return|>",
            "72",
        ),
        ("<think>first: 71</think><think>the answer is 73</think>72", "72"),
        (r"<think>\boxed{72}</think>", None),
        ("<think>the answer is 72</think>I do not know how to do this.", None),
        # Thoughts without an end cannot be told from the reply.
        (r"<think>\boxed{72}", "72"),
    ],
)
def test_thoughts_do_not_count(text: str, expected: str | None) -> None:
    assert extract_answer(text) == expected


def test_what_follows_a_stop_sequence_does_not_count() -> None:
    assert extract_answer("The answer is 4\n\n## Next\nThe answer is 5", ["## Next"]) == "4"
    assert extract_answer("The answer is 4", ["never"]) == "4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Therefore we have 18.", "18"),
        (r"so\nhence $x$ is $\frac{1}{2}$.", r"\frac{1}{2}"),
        ("there are 7\nand that is it", None),
        ("So we need 3 1/2.", "3 1/2"),
        ("the share is 3/4", "3/4"),
        ("so x = \u22127.", "-7"),
        ("we have 1\u202f000 left", "1 000"),
        ("about 1.5e3 in all", "1.5e3"),
        ("so it is 25%", "25%"),
        # Denied.
        ("not 8", None),
        ("It isn't 8", None),
        ("it can\u2019t be 8", None),
        ("the value is not equal to $8$", None),
        ("there are at most 8", None),
        (r"so $x$ is $3$, and not $8$", "3"),
        ("We have 9 and not 8", "9"),
        ("it isn't 8, it's 9", "9"),
        ("", None),
    ],
)
def test_the_last_quantity_of_the_last_line(text: str, expected: str | None) -> None:
    assert last_quantity(text) == expected
