"""No change of white space, key order, order of samples or files changes a verdict."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.llm_validation.importing import run, write_lines

Json = dict[str, Any]

# Right answers, and replies with the verdicts that are right.
PROBLEMS: dict[str, dict[str, bool]] = {
    "18": {
        "The answer is 18.": True,
        "so it is \\boxed{18}": True,
        "a sum of 9 and 9\n#### 18": True,
        "We have 9 and not 18": False,
        "no idea": False,
        "The final answer is: 17 apples": False,
        "eighteen apples": True,
        "The answer is:\n\n18": True,
    },
    "7/2": {
        "Answer: 3 1/2": True,
        "so \\boxed{3\\frac{1}{2}} it is": True,
        "The answer is 31/2": False,
        "So it is 3.5": True,
        "<answer> 35e-1 </answer>": True,
    },
    "B": {
        "B": True,
        "A is odd.\nSo B is the answer.": True,
        '{"reason": "A is odd", "answer": "B"}': True,
        "**Option (C)**": False,
        "the correct answer is:\n\nAnswer: (B)": True,
        "The answer is not B": False,
        "Answer: A, B": False,
    },
    "New York": {
        "The answer is new york.": True,
        "The answer is New York, since it is large": True,
        "Answer: York": False,
        "Answer: New York, Boston": False,
    },
    r"\left( 3, \frac{\pi}{2} \right)": {
        r"\boxed{(3,\dfrac{\pi}{2})}": True,
        r"Answer: $( 3 , \, \frac{\pi}{2} )$": True,
    },
}


class Changes(NamedTuple):
    """What is drawn of one example: white space, orders and cuts."""

    spaces: str
    ends: str
    indents: str
    seed: int
    files: int

    def text(self, text: str) -> str:
        """With other white space within its lines and at its ends."""
        return f"{self.ends}{text.replace(' ', self.spaces)}{self.ends}"

    def line(self, record: Json) -> str:
        """One line of JSON with its keys in another order."""
        text = json.dumps(self._shuffled(record), separators=(f",{self.indents}", ": "))
        return f"{self.indents}{text}{self.indents}\n" + self.ends.count("\n") * "\n"

    def _shuffled(self, value: Any) -> Any:
        if isinstance(value, list):
            return list(map(self._shuffled, value))
        if not isinstance(value, dict):
            return value
        keys = list(value)
        random.Random(self.seed).shuffle(keys)
        return {key: self._shuffled(value[key]) for key in keys}

    def order(self, items: list[Any]) -> list[Any]:
        """The same in another order."""
        return random.Random(self.seed + 1).sample(items, len(items))


def table(changes: Changes) -> Iterator[Json]:
    """A row a reply."""
    for target, replies in PROBLEMS.items():
        for text in replies:
            yield {"prompt_id": target, "text": changes.text(text), "target": target}


def lm_eval(changes: Changes) -> Iterator[Json]:
    """A document a problem, with its replies as repeats."""
    for target, replies in PROBLEMS.items():
        texts = changes.order([changes.text(text) for text in replies])
        settings = {"gen_args_0": {"arg_0": "?", "arg_1": {"temperature": 1.0}}}
        yield {
            "doc_id": target, "target": target, "resps": [texts], "filter": "none",
            "arguments": settings, "exact_match": 0.0,
        }  # fmt: skip


def search_and_learn(changes: Changes) -> Iterator[Json]:
    """A problem with its completions."""
    for target, replies in PROBLEMS.items():
        texts = changes.order([changes.text(text) for text in replies])
        yield {
            "unique_id": target, "problem": "?", "answer": target, "completions": texts,
            "scores": [[0.5]] * len(texts), "completion_tokens": [9] * len(texts),
        }  # fmt: skip


def openai_batch(changes: Changes) -> Iterator[Json]:
    """A request a problem, with its replies as choices."""
    for target, replies in PROBLEMS.items():
        texts = changes.order([changes.text(text) for text in replies])
        choices = [
            {"index": n, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for n, text in enumerate(texts)
        ]
        body = {"model": "m", "object": "chat.completion", "choices": choices}
        yield {"custom_id": target, "response": {"status_code": 200, "body": body}, "error": None}


RECORDS: dict[str, Callable[[Changes], Iterator[Json]]] = {
    "table": table,
    "lm-eval": lm_eval,
    "search-and-learn": search_and_learn,
    "openai-batch": openai_batch,
}
CHANGES = st.builds(
    Changes,
    spaces=st.sampled_from([" ", "  ", "\t", " \t ", "\u00a0"]),
    ends=st.text(" \t\n", max_size=3),
    indents=st.text(" \t", max_size=3),
    seed=st.integers(0, 10**6),
    files=st.integers(1, 4),
)


@pytest.mark.parametrize("form", RECORDS)
@settings(max_examples=25)
@given(changes=CHANGES)
def test_the_form_changes_no_verdict(form: str, changes: Changes) -> None:
    lines = changes.order([changes.line(record) for record in RECORDS[form](changes)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{number}.jsonl" for number in range(changes.files)]
        for number, path in enumerate(paths):
            path.write_text("".join(lines[number :: changes.files]))
        options: Json = {"pool_runs": True} if form == "table" else {}
        if form == "openai-batch":
            answers = [{"custom_id": target, "answer": target} for target in PROBLEMS]
            options = {"answers": write_lines(folder / "answers", *map(json.dumps, answers))}
        done = run(form, folder, *paths, **options)
    verdicts = {
        (prompt, " ".join(text.split())): correct
        for prompt, correct, text in done.rows("prompt_id", "correct", "text")
    }
    assert verdicts == {
        (target, " ".join(text.split())): correct
        for target, replies in PROBLEMS.items()
        for text, correct in replies.items()
    }
    assert done.report.ungraded == 0
