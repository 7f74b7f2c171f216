"""Tasks from reasoning-gym and from files, and their judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verigap.llm_validation.tasks import QuestionFile, ReasoningGymDataset, load_task
from verigap.llm_validation.tasks.grading import GradingPool, Question
from verigap.llm_validation.tasks.task import Task, TaskOptions


def judged(task: Task, *asked: tuple[int, str], timeout: float = 20.0) -> list[bool | None]:
    with GradingPool(task.judge, workers=1, timeout=timeout) as pool:
        return pool.judge(
            [Question(task.problems[index].reference, answer) for index, answer in asked]
        )


def questions(*rows: dict[str, object]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


@pytest.mark.parametrize("name", ["products", "number_format", "letter_counting"])
def test_reasoning_gym_scores_its_own_answers(name: str) -> None:
    from verigap.llm_validation.tasks.reasoning_gym_task import make_dataset

    task = load_task(ReasoningGymDataset(name), 4, 3, TaskOptions())
    dataset = make_dataset(name, 4, task.judge["seed"], {})
    right = [str(dataset[index]["answer"]) for index in range(4)]
    asked = [(index, answer) for index, answer in enumerate(right)]
    assert judged(task, *asked, *((index, "nothing") for index in range(4))) == [
        True, True, True, True, False, False, False, False,
    ]  # fmt: skip


def test_a_number_may_be_written_with_separators() -> None:
    from verigap.llm_validation.tasks.reasoning_gym_task import make_dataset

    task = load_task(ReasoningGymDataset("products"), 1, 0, TaskOptions())
    answer = int(make_dataset("products", 1, task.judge["seed"], {})[0]["answer"])
    assert answer > 999
    assert judged(task, (0, f"{answer:,}"), (0, f"${answer}"), (0, f"{answer}0")) == [
        True, True, False,
    ]  # fmt: skip


def test_same_seed_same_problems() -> None:
    source = ReasoningGymDataset("products")
    first, again, other = (load_task(source, 8, seed) for seed in (0, 0, 1))
    assert first == again
    # Neighbouring seeds share nothing, neither problems nor names.
    assert not {p.messages for p in first.problems} & {p.messages for p in other.problems}
    assert not {p.prompt_id for p in first.problems} & {p.prompt_id for p in other.problems}
    assert first.problems[0].messages[-1].content.endswith("Explain step by step.")
    larger = load_task(ReasoningGymDataset("products"), 9, 0, TaskOptions())
    assert larger.problems[:8] == first.problems


def test_shots_are_turns_and_no_problems() -> None:
    task = load_task(ReasoningGymDataset("basic_arithmetic"), 5, 0, TaskOptions(shots=2))
    messages = task.problems[0].messages
    assert [m.role for m in messages] == ["user", "assistant", "user", "assistant", "user"]
    shown = {messages[0].content, messages[2].content}
    assert not shown & {problem.messages[-1].content for problem in task.problems}
    assert "step" not in messages[-1].content


def test_reasoning_gym_refusals() -> None:
    for name, options, says in (
        ("product", TaskOptions(), "no dataset 'product'; near: products"),
        ("products", TaskOptions(config={"wings": 2}), "task_config"),
        ("products", TaskOptions(config={"min_terms": -2}), "task_config"),
    ):
        with pytest.raises(ValueError, match=says) as refusal:
            load_task(ReasoningGymDataset(name), 2, 0, options)
        assert "\n" not in str(refusal.value)
    with pytest.raises(ValueError, match="style: "):
        TaskOptions(style="rhymes")
    with pytest.raises(ValueError, match="shots: "):
        TaskOptions(shots=-1)


def test_answers_are_compared_as_mathematics(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(
        questions(
            {"question": "a", "answer": r"2\sqrt{2}"},
            {"problem": "b", "answer": "so \\boxed{1/2}", "id": "half"},
            {"question": "c", "answer": "(-\\infty, 3]"},
            {"question": "d", "answer": ""},
        ).replace('"answer": ""', '"answer": "?!"')
    )
    task = load_task(QuestionFile(file), 4, 0, TaskOptions())
    assert [problem.prompt_id for problem in task.problems] == ["1", "half", "3", "4"]
    assert task.name == "q"
    assert judged(
        task,
        (0, r"\sqrt{8}"), (0, r"\sqrt{7}"), (0, "2.8"), (0, "the cat"),
        (1, "0.50"), (1, r"\frac{2}{4}"), (1, "1/3"),
        (2, r"(-\infty,3]"), (2, "(-\\infty, 3)"),
        # A number is not a reference of another kind, as in every import.
        (3, "?!"), (3, "5"),
    ) == [True, False, False, False, True, True, False, True, False, True, False]  # fmt: skip


def test_an_answer_that_takes_too_long_is_unverified(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(questions({"question": "a", "answer": "x+1"}))
    task = load_task(QuestionFile(file), 1, 0, TaskOptions())
    tower = "9^{9^{9^{9^{9}}}}"
    verdicts = judged(task, (0, "1+x"), (0, tower), (0, "x+2"), timeout=8.0)
    assert verdicts[0] is True
    assert verdicts[1] is not True
    assert verdicts[2] is False


def test_seed_picks_questions_of_a_larger_file(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(questions(*({"question": f"q{i}", "answer": i} for i in range(50))))
    picked = [load_task(QuestionFile(file), 5, seed, TaskOptions(shots=2)) for seed in (0, 0, 1)]
    assert picked[0] == picked[1]
    assert picked[0].problems != picked[2].problems
    assert picked[0].problems[0].messages[1].role == "assistant"


def test_bad_files_of_questions(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    good = json.dumps({"question": "a", "answer": "1", "id": "x"})
    for text, says in (
        (good + "\n{", "line 2: not valid JSON"),
        (good + "\n3", "line 2: not an object"),
        ('{"question": "a"}', "line 1: needs a text"),
        ('{"question": "a", "answer": [1]}', "line 1: needs a text"),
        ('{"question": " ", "answer": 1}', "line 1: needs a text"),
        (good + "\n\n" + good, "line 3: the id 'x' comes twice"),
        (good, "holds 1 questions, fewer than 2 prompts"),
        ("", "holds 0 questions"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=says):
            load_task(QuestionFile(file), 2, 0, TaskOptions())
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        load_task(QuestionFile(file), 1, 0, TaskOptions())
    with pytest.raises(ValueError, match="no such file"):
        load_task(QuestionFile(tmp_path / "none.jsonl"), 1, 0, TaskOptions())
