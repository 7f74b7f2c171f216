"""The relabelling game in a KL ball: exact risks in fractions, sweeps, and their check."""

from fractions import Fraction
from itertools import product
from math import comb, log

import numpy as np
import pytest

import verigap as vg
from tests.theory.test_exact_verifier_free import Game, enumerate_game, gibbs_ratio
from verigap.sim.calculator import Question, calculate
from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array

HORIZON = 12


def nats(tilt: float) -> float:
    """Divergence of the ratios 1 + tilt and 1 - tilt from a fair coin."""
    return 0.5 * ((1 + tilt) * log(1 + tilt) + (1 - tilt) * log(1 - tilt))


def risks_of(game: Game, log2_size: int, traces: int) -> dict:
    question = Question(
        horizon=HORIZON, data_budget=traces, log2_class_size=float(log2_size), chi2_radius=None,
        kl_radius=game.nats, expert_radius=game.nats, failure_probability=0.05, coverage=None,
        num_candidates=2, seed=0, replicates=2000,
    )  # fmt: skip
    law = RewardLaw.equiprobable(host_array(game.returns))
    found = calculate(law, question)
    assert found.risks is not None
    assert found.risks.expert_value == pytest.approx(float(game.gain) + np.mean(game.returns))
    return found.risks.by_learner


def survivor_share(returns: list[int], size: int, traces: int) -> Fraction:
    """E[1/(S + 1)], over labels and over which of the wrong codewords agree with all of them."""
    share = Fraction(0)
    for labels in product(returns, repeat=traces):
        agree = Fraction(1)
        for label in labels:
            agree *= Fraction(returns.count(label), len(returns))
        share += sum(
            Fraction(comb(size - 1, s), s + 1) * agree**s * (1 - agree) ** (size - 1 - s)
            for s in range(size)
        )
    return share / len(returns) ** traces


@pytest.mark.long
@pytest.mark.parametrize("returns", [[0, 3], [0, 1, 3], [0, 0, 2], [1, 3, 3]])
@pytest.mark.parametrize(("log2_size", "traces"), [(1, 2), (2, 2), (2, 1)])
def test_closed_forms_are_what_enumeration_says(
    returns: list[int], log2_size: int, traces: int
) -> None:
    game = Game([returns], [gibbs_ratio(returns, Fraction(2))])
    found = risks_of(game, log2_size, traces)
    exact = enumerate_game(game, 2**log2_size, traces)
    assert found["vf-mle"].method == "closed form"
    assert found["vf-mle"].value == pytest.approx(float(exact.cloning), abs=1e-9)
    assert found["vf-bayes"].value == pytest.approx(
        float(exact.bayes), abs=6 * (found["vf-bayes"].standard_error or 0.0) + 1e-9
    )
    # The plug-in plays the base given a return of at least J*; it is right if its survivor is.
    level = float(game.gain) + np.mean(returns)
    best = [r for r in returns if r >= level]
    mean = Fraction(sum(returns), len(returns))
    right = survivor_share(returns, 2**log2_size, traces)
    plugged = game.gain - right * (Fraction(sum(best), len(best)) - mean)
    assert found["vb-plug-in"].value == pytest.approx(float(plugged), abs=1e-9)


SWEEP = {
    "replicates": 400,
    "sweeps": [
        {"name": "kl", "horizon": 16, "data_budget": 32, "log2_class_size": 8,
         "kl_radius": nats(0.6), "expert": nats(0.3), "leash": nats(0.2)},
        {"name": "chi2", "horizon": 16, "data_budget": 32, "log2_class_size": 8,
         "chi2_radius": 0.36, "expert": 0.09, "leash": 0.04},
    ],
}  # fmt: skip


@pytest.mark.long
def test_on_two_returns_both_balls_are_one() -> None:
    frame = vg.sweep(SWEEP).frame
    kl, chi2 = (frame.filter(frame["block"] == name).sort("learner") for name in ("kl", "chi2"))
    assert kl["kl_radius"].to_list() == [nats(0.6)] * kl.height
    assert kl["chi2_radius"].null_count() == kl.height
    assert chi2["kl_radius"].null_count() == chi2.height
    for column in ("expert_gain", "coverage"):
        np.testing.assert_allclose(kl[column], chi2[column], rtol=1e-9)
    np.testing.assert_allclose(kl["exact_risk"], chi2["exact_risk"], rtol=1e-9)
    # Simulated, from streams of their own: on the leash, too.
    for column in ("risk", "leashed_risk"):
        error = np.sqrt((kl[f"{column}_variance"] + chi2[f"{column}_variance"]) / 400)
        assert (np.abs(kl[column] - chi2[column]) <= 6 * error + 1e-9).all()


@pytest.mark.long
def test_a_sweep_of_gibbs_experts_breaks_no_bound(tmp_path) -> None:
    run = vg.sweep(
        {
            "replicates": 200,
            "sweeps": [
                {
                    "name": "kl", "horizon": 16, "data_budget": 16, "log2_class_size": 10,
                    "law": {"family": "geometric", "rate": 0.05}, "atoms": 4, "kl_radius": 0.4,
                    "grid": {"expert": ["best", 0.05]},
                },
            ],
        },
        tmp_path / "run",
    )  # fmt: skip
    assert not run.failures
    found = vg.check(tmp_path / "run")
    assert found.ok
    again = vg.rerun(tmp_path / "run")
    assert again.ok


def test_names_of_chi_square_cells_have_not_moved() -> None:
    """Their random streams are taken from the names."""
    from verigap.sim.sweeps import sweep_from

    (cell,) = sweep_from(
        {
            "replicates": 50,
            "learners": ["vf-mle"],
            "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
        }
    ).cells
    assert cell.name == "e82203a9f3653dfb"
