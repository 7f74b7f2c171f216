"""The noise of labels at which cloning overtakes verifying: the lead there is what it should be."""

import numpy as np
import pytest

from verigap.theory.frontier import exact_noise_frontier, noise_rate_frontier
from verigap.theory.risks import (
    all_or_nothing,
    label_information,
    leashed_shares,
    noisy_label_information,
    noisy_label_share,
)


def test_the_lead_on_the_frontier_is_the_level() -> None:
    budgets = np.array([16, 48])
    for level in (-0.01, 0.0, 0.01):
        found = exact_noise_frontier(0.25, 0.5, budgets, 10.0, level=level)
        assert found.converged.all()
        for n, noise in zip(budgets.tolist(), found.at.tolist(), strict=True):
            cloning = leashed_shares(*all_or_nothing(0.25, 0.5), n, 10.0).cloning
            assert noisy_label_share(0.25, noise, n, 10.0) - cloning == pytest.approx(
                level, abs=1e-6
            )


def test_with_even_odds_it_is_what_the_expert_fails() -> None:
    for n, bits in ((3, 2.0), (40, 20.0)):
        found = exact_noise_frontier(0.5, 0.7, np.array([n]), bits)
        assert found.at[0] == pytest.approx(0.3, abs=1e-6)


def test_where_cloning_leads_without_noise_there_is_none() -> None:
    found = exact_noise_frontier(0.125, 1.0, np.array([8]), 10.0)
    assert np.isnan(found.at[0])
    assert found.first[0] < 0
    assert found.last[0] < 0


def test_at_the_rates_both_say_the_same() -> None:
    for success, expert in ((0.25, 0.5), (0.5, 0.9), (0.1, 0.2)):
        noise = noise_rate_frontier(success, expert)
        # An expert's trace of the true codeword, less the entropy of the trace itself.
        law, ratio = all_or_nothing(success, expert)
        own = -sum(q * np.log(q) for q in (expert, 1 - expert))
        divergence = label_information(law, ratio).on_policy - own
        assert noisy_label_information(success, noise) == pytest.approx(divergence, abs=1e-8)
    assert np.isnan(noise_rate_frontier(0.125, 1.0))


@pytest.mark.long
def test_the_frontier_goes_to_that_of_the_rates() -> None:
    limit = noise_rate_frontier(0.25, 0.5)
    apart = []
    for bits in (5.0, 20.0, 80.0):
        # As many traces as make cloning right half of the time, within a few.
        n = int(bits * np.log(2) / 0.1438)
        apart.append(abs(exact_noise_frontier(0.25, 0.5, np.array([n]), bits).at[0] - limit))
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.01
