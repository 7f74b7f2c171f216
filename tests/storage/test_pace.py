"""The time left is guessed, then learned, and not told where nobody knows it."""

import pytest

from verigap.storage.pace import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_learned_from_the_steps() -> None:
    clock = Clock()
    pace = Pace({"compile": 10.0, "run": 1.0}, clock=clock)
    pace.plan({"compile": 1, "run": 10})
    assert (pace.left(), pace.share()) == (20.0, 0.0)
    pace.begin("compile")
    clock.now = 4.0
    assert pace.left() == 16.0
    assert pace.share() == pytest.approx(0.2)
    # Twice as slow as guessed: so is what is ahead, nearly.
    clock.now = 20.0
    pace.end()
    assert 15.0 < (pace.left() or 0.0) < 20.0
    for _ in range(10):
        pace.begin("run")
        clock.now += 0.5
        pace.end()
    assert (pace.left(), pace.share()) == (0.0, 1.0)


def test_nothing_is_estimated_of_steps_that_nobody_knows() -> None:
    clock = Clock()
    pace = Pace({}, clock=clock)
    pace.plan({"training": 2})
    assert (pace.left(), pace.share()) == (None, None)
    pace.begin("training")
    clock.now = 7.0
    pace.end()
    assert pace.left() == 7.0
    pace.skip("training")
    assert pace.left() == 0.0
