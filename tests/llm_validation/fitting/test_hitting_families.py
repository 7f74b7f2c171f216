"""Laws of the first-correct index: closed forms found again, and what their fit is judged by."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from verigap.llm_validation.fitting.hitting_families import HittingFamily, fit_families
from verigap.llm_validation.intervals import Resampler

HORIZON = 30


def families(*laws: np.ndarray) -> tuple[HittingFamily, ...]:
    """The families of prompts whose first-correct index has these probabilities at 1 to H."""
    prompt = np.repeat(np.arange(len(laws)), HORIZON)
    points = np.tile(np.arange(1, HORIZON + 1), len(laws))
    share = np.concatenate(laws)
    return fit_families(prompt[share > 0], points[share > 0], share[share > 0], HORIZON,
                        Resampler(len(laws), 0, 100))  # fmt: skip


def entropy(law: np.ndarray) -> float:
    """Of the law and of what lies beyond the budget, in nats."""
    return float(special.entr(law).sum() + special.entr(1.0 - law.sum()))


def beta_geometric(first: float, second: float) -> np.ndarray:
    """P(T = t) = B(α + 1, β + t - 1) / B(α, β)."""
    times = np.arange(1.0, HORIZON + 1.0)
    return np.exp(special.betaln(first + 1.0, second + times - 1.0) - special.betaln(first, second))


@pytest.mark.parametrize(("first", "second"), [(1.0, 4.0), (2.5, 12.0), (0.3, 0.6)])
def test_a_beta_geometric_law_is_found_again(first: float, second: float) -> None:
    law = beta_geometric(first, second)
    found = families(law, law)[0]
    assert (found.name, found.free) == ("beta-geometric", 2)
    assert found.parameters["alpha"] == pytest.approx(first, rel=1e-2)
    assert found.parameters["beta"] == pytest.approx(second, rel=1e-2)
    assert found.log_loss == pytest.approx(entropy(law), abs=1e-6)
    assert found.distance < 1e-3


@pytest.mark.parametrize(("shape", "never"), [(1, 0.25), (4, 0.0), (4, 0.6)])
def test_a_mixture_holds_negative_binomial_times(shape: int, never: float) -> None:
    # Of mean 12, most of them within the budget.
    law = (1.0 - never) * stats.nbinom.pmf(np.arange(1, HORIZON + 1) - shape, shape, shape / 12)
    found = families(law, law)[1]
    assert found.name == "mixture"
    assert entropy(law) - 1e-9 <= found.log_loss < entropy(law) + 2e-3
    assert found.distance < 1e-2
    shapes, means = found.parameters["shapes"], found.parameters["means"]
    weights = found.parameters["weights"]
    assert isinstance(shapes, list)
    assert isinstance(means, list)
    assert isinstance(weights, list)
    assert found.free == 3 * len(shapes) == 3 * len(means) == 3 * len(weights)
    assert sum(weights) + float(str(found.parameters["never"])) == pytest.approx(1.0, abs=0.03)
    # What the parameters say is the law that was judged.
    cdf = sum(
        weight * stats.nbinom.cdf(HORIZON - form, form, form / mean)
        for form, mean, weight in zip(shapes, means, weights, strict=True)
    )
    assert cdf == pytest.approx(law.sum(), abs=0.02)


def test_the_distance_is_the_largest_between_two_distribution_functions() -> None:
    """Just before and at each index, by hand, of a law that is not beta-geometric."""
    law = np.zeros(HORIZON)
    law[[0, 4, 19]] = 0.3, 0.2, 0.2
    found = families(law, law)[0]
    alpha, beta = (float(str(found.parameters[name])) for name in ("alpha", "beta"))
    fitted, empirical = np.cumsum(beta_geometric(alpha, beta)), np.cumsum(law)
    assert found.distance == pytest.approx(np.abs(fitted - empirical).max(), rel=1e-9)
    likelihood = np.log(beta_geometric(alpha, beta)[[0, 4, 19]]) @ law[[0, 4, 19]]
    assert found.log_loss == pytest.approx(-likelihood - 0.3 * np.log(1.0 - fitted[-1]), rel=1e-9)
    # Prompts that are all alike leave no room for a distance.
    assert found.p_value == 0.0


def test_no_other_beta_geometric_law_is_likelier() -> None:
    law = np.zeros(HORIZON)
    law[[0, 2, 9, 28]] = 0.2, 0.1, 0.15, 0.05
    best = families(law, law)[0]
    for first, second in np.random.default_rng(0).uniform(0.05, 20.0, (200, 2)):
        other = beta_geometric(first, second)
        loss = -law @ np.log(other) - 0.5 * np.log(1.0 - other.sum())
        assert best.log_loss <= loss + 1e-7


def test_the_empirical_law_is_at_no_distance() -> None:
    law = np.zeros(HORIZON)
    law[[1, 7, 11]] = 0.25, 0.25, 0.125
    other = np.roll(law, 1)
    found = families(law, other)[2]
    assert (found.name, found.free, found.parameters) == ("empirical", 6, {"points": 6})
    assert found.log_loss == pytest.approx(entropy((law + other) / 2), abs=1e-12)
    assert found.distance == pytest.approx(0.0, abs=1e-12)
    assert found.p_value == 1.0


def test_the_p_value_is_the_share_of_replicates_further_away() -> None:
    """Two prompts, one that is always correct at once: a replicate holds it 0, 1 or 2 times."""
    always, never = np.zeros(HORIZON), np.zeros(HORIZON)
    always[0] = 1.0
    found = families(always, never)
    weights = Resampler(2, 0, 100).weights[:, 0]
    moved = float(np.mean(weights != 0.5))
    for family in found[:2]:
        assert 0.0 < family.distance < 0.5
        assert family.p_value == pytest.approx(moved)


def test_one_prompt_has_no_p_value() -> None:
    law = beta_geometric(1.0, 4.0)
    assert np.isnan([family.p_value for family in families(law)]).all()
