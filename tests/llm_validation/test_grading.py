"""The pool of grading processes, whatever its judge does."""

import os
import time

import pytest

from tests.llm_validation.judges import OBEDIENT
from verigap.llm_validation.tasks.grading import GradingError, GradingPool, Question
from verigap.llm_validation.tasks.mathematics import JUDGE

RIGHT, WRONG = Question({"target": "4"}, "4"), Question({"target": "4"}, "5")


def other(answer: str) -> Question:
    return Question({"target": "4"}, answer)


def test_verdicts_come_in_order_and_are_remembered() -> None:
    with GradingPool(OBEDIENT, workers=2) as pool:
        asked = [WRONG, RIGHT, WRONG, Question({"target": "5"}, "5")] * 20
        assert pool.judge(asked) == [False, True, False, True] * 20
        assert pool.judge([]) == []
        assert pool.timeouts == 0


def test_what_hangs_crashes_or_raises_is_unverified_and_hurts_nothing_else() -> None:
    with GradingPool(OBEDIENT, workers=1, timeout=4.0) as pool:
        start = time.monotonic()
        asked = [RIGHT, other("hang"), WRONG, other("crash"), RIGHT, other("raise"), other("x")]
        assert pool.judge(asked) == [True, None, False, None, True, None, False]
        assert pool.timeouts == 1
        # Known by now.
        assert pool.judge([other("hang")]) == [None]
        assert pool.timeouts == 1
        assert time.monotonic() - start > 4.0


def test_no_process_is_left_behind() -> None:
    with GradingPool(OBEDIENT, workers=2, timeout=4.0) as pool:
        pool.judge([RIGHT, WRONG, other("hang")])
        processes = [worker.process for worker in pool._workers if worker.process is not None]
        assert processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)


def test_a_judge_that_cannot_start_is_an_error() -> None:
    with (
        GradingPool({"maker": "nowhere:nothing"}) as pool,
        pytest.raises(GradingError, match="does not start"),
    ):
        pool.judge([RIGHT])


def test_numbers_too_large_to_compute_cost_nothing() -> None:
    verdicts = {
        ("9^{9^{9^{9}}}", "5"): False,
        ("5", "10^{10^{10}}"): False,
        ("1000000", "10^6."): True,
        ("1000000", "$10^6$."): True,
        ("(9^9)^{9^9}", "x + 1"): False,
        ("1000000!", "5"): False,
        ("x^{9**9**9}", "x"): False,
        ("9^{9^{9}}", "9^{9^{9}} + 1"): None,
        ("2^{3^{2}}", "512"): True,
        ("2^{100}", "1267650600228229401496703205376"): True,
        ("5!", "120"): True,
    }
    with GradingPool(JUDGE, workers=1) as pool:
        questions = [Question({"target": target}, answer) for answer, target in verdicts]
        assert pool.judge(questions) == list(verdicts.values())
        assert pool.timeouts == 0
