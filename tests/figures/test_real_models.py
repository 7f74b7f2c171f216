"""The figures of real models: drawn from groups whose numbers are known."""

import numpy as np

from tests.figures.drawn import bars, xy
from verigap.figures import coverage, heterogeneity
from verigap.figures.style import styled


def _group(model="gpt-4-io"):
    def budget(horizon, shift):
        return {
            "horizon": horizon,
            "sigma": {"estimate": 0.2 + shift, "low": 0.1, "high": 0.4, "naive": 0.15},
            "anticoncentration": [
                {
                    "epsilon": epsilon,
                    "c": c + shift,
                    "low": c / 2,
                    "high": 2 * c,
                    "quantiles": {"0.5": c / 10, "0.9": 3 * c},
                }
                for epsilon, c in ((0.25, 0.06), (1.0, 0.04))
            ],
            "naive_by_prompt": [0.3, 0.0, 0.15],
            "shrunken_by_prompt": [0.25, 0.05, 0.2],
        }

    return {
        "dataset": "sums",
        "model": model,
        "prompts": 3,
        "samples": 12,
        "budgets": [budget(8, 0.0), budget(16, 0.01)],
    }


def test_heterogeneity_of_each_prompt_and_on_average() -> None:
    with styled():
        figure = heterogeneity.draw({"groups": [_group(), _group("other")]})
    first = figure.axes[0]
    assert len(figure.axes) == 2
    lines = first.get_lines()
    naive_steps, steps, interval, mean, naive = (xy(line)[0] for line in lines[:5])
    np.testing.assert_allclose(naive_steps, [0.0, 0.15, 0.3])
    np.testing.assert_allclose(steps, [0.05, 0.2, 0.25])
    np.testing.assert_allclose(xy(lines[1])[1], [1 / 3, 2 / 3, 1.0])
    np.testing.assert_allclose(interval, [0.1, 0.4])
    np.testing.assert_allclose([mean, naive], [[0.2], [0.15]])
    assert "3 prompts with 4 samples each (GPT-4 IO on sums)" in heterogeneity.caption(
        {"groups": [_group()]}
    )


def test_coverage_has_its_intervals_and_the_ceiling() -> None:
    with styled():
        figure = coverage.draw({"groups": [_group()]})
    (axis,) = figure.axes
    ceiling = xy(axis.get_lines()[0])[1]
    np.testing.assert_allclose(ceiling[[0, -1]], [0.8, 0.5])
    small, large = (bars(container) for container in axis.containers)
    np.testing.assert_allclose(small[0][1], [0.06, 0.04])
    np.testing.assert_allclose(large[0][1], [0.07, 0.05])
    # The interval is the bootstrap's own, not symmetric about the estimate.
    np.testing.assert_allclose(small[1], [[0.03, 0.12], [0.02, 0.08]])
    assert "H = 16" in coverage.caption({"groups": [_group()]})
