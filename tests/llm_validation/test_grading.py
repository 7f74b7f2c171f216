"""The pool of grading processes, whatever its judge does."""

import os
import time

import pytest

from tests.llm_validation.judges import OBEDIENT
from verigap.llm_validation.tasks.grading import GradingError, GradingPool, Question

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
