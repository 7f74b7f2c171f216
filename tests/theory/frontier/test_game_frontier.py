"""The verdict of the exact risks: closed forms on two returns, brute force, and frontiers."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory import RewardLaw, Setting, geometric_hitting_time
from verigap.theory.arrays import host_array
from verigap.theory.bounds.example import example_setting
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.frontier import (
    MARGIN,
    exact_coverage_frontier,
    exact_horizon_frontier,
    exact_radius_frontier,
    game_parameters,
    nearest_move,
    side_of,
    standing,
    success_of,
    two_return_shares,
)
from verigap.theory.risks import all_or_nothing, expert_shares, leashed_shares
from verigap.theory.risks.version_space import two_level_pessimistic_gain

# Many small formulas in NumPy, whose annotations take longer to check than they do.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")

TWO_LEVEL = RewardLaw.equiprobable(host_array([[0.0, 1.0]]))


def _share(chance: Fraction, size: int) -> Fraction:
    """E[1/(S + 1)], S ~ Binomial(size - 1, chance)."""
    return (1 - (1 - chance) ** size) / (size * chance)


def _by_counting(p: Fraction, q: Fraction, n: int, size: int) -> tuple[Fraction, Fraction]:
    """Both shares by counting hits, in fractions."""
    picked = survived = Fraction(0)
    base = [math.comb(n, a) * p**a * (1 - p) ** (n - a) for a in range(n + 1)]
    for hits in range(n + 1):
        own = math.comb(n, hits) * q**hits * (1 - q) ** (n - hits)
        # More hits are a larger score, as q >= p; a tie is shared.
        below, upto = sum(base[:hits], Fraction(0)), sum(base[: hits + 1], Fraction(0))
        if own:
            picked += own * (upto**size - below**size) / (size * base[hits])
        survived += base[hits] * _share(p**hits * (1 - p) ** (n - hits), size)
    return picked, survived


@pytest.mark.smoke
@settings(max_examples=20)
@given(st.integers(1, 15), st.integers(1, 16), st.integers(1, 8), st.integers(1, 4))
def test_both_shares_are_those_of_fractions(base: int, expert: int, n: int, d: int) -> None:
    p, q = Fraction(base, 16), Fraction(max(base + 1, expert), 16)
    shares = leashed_shares(*all_or_nothing(float(p), float(q)), n, float(d))
    picked, survived = _by_counting(p, q, n, 1 << d)
    assert shares.exact
    assert shares.cloning == pytest.approx(float(picked), rel=1e-9)
    assert shares.verifying == pytest.approx(float(survived), rel=1e-9)
    assert shares.lead == pytest.approx(float(survived - picked), abs=1e-9)


@settings(max_examples=20)
@given(st.integers(1, 400), st.floats(1.0, 60.0))
def test_a_certain_expert_of_two_levels_tells_as_much_as_labels(n: int, d: float) -> None:
    # Each trace of either side refutes a wrong codeword with probability one half.
    assert expert_shares(TWO_LEVEL, 1.0, n, d).lead == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(1, 400), st.floats(1.0, 60.0), st.floats(0.01, 0.99))
def test_on_two_levels_verifying_is_never_behind(n: int, d: float, kappa: float) -> None:
    shares = expert_shares(TWO_LEVEL, kappa, n, d)
    assert shares.lead >= -1e-9
    # Pessimism knows no less than one random consistent reward.
    gain = two_level_pessimistic_gain(
        *map(host_array, (float(n), d, 0.5, 1 / (1 + kappa**0.5)))
    ) / (0.5 * kappa**0.5)
    assert float(gain) >= shares.verifying - 1e-6


@settings(max_examples=20)
@given(st.integers(1, 100), st.floats(1.0, 40.0), st.floats(0.05, 0.95))
def test_a_saturated_expert_has_the_closed_form(n: int, d: float, p: float) -> None:
    shares = leashed_shares(*all_or_nothing(p, 1.0), n, d)
    size, chance = 2.0**d, p**n
    if size * chance > 1e-6:
        expected = -math.expm1(size * math.log1p(-chance)) / (size * chance)
        assert shares.cloning == pytest.approx(expected, rel=1e-6)
    # A demonstration refutes with probability 1 - p, a label at best with the larger of p, 1 - p.
    assert shares.lead <= 1e-9 or p > 0.5


@settings(max_examples=20)
@given(st.integers(1, 40), st.floats(1.0, 40.0), st.floats(0.05, 0.9), st.floats(0.05, 0.95))
def test_shares_rise_with_traces_and_fall_with_the_class(
    n: int, d: float, p: float, way: float
) -> None:
    law, ratio = all_or_nothing(p, p + way * (1 - p))
    here, more, larger = (
        leashed_shares(law, ratio, *at) for at in ((n, d), (2 * n, d), (n, 1.5 * d))
    )
    assert more.cloning >= here.cloning - 1e-9
    assert more.verifying >= here.verifying - 1e-9
    assert larger.cloning <= here.cloning + 1e-9
    assert larger.verifying <= here.verifying + 1e-9


def test_units_and_zero_of_a_law_do_not_matter() -> None:
    for low, high in ((0.0, 1.0), (3.0, 7.0), (0.0, 4096.0)):
        law = RewardLaw(host_array([low, high]), host_array([[0.75, 0.25]]))
        lead = expert_shares(law, 0.8, 24, 12.0).lead
        assert lead == pytest.approx(
            expert_shares(all_or_nothing(0.25, 0.3)[0], 0.8, 24, 12.0).lead
        )


def test_many_returns_have_ends_and_not_the_word_exact() -> None:
    law = RewardLaw.equiprobable(host_array([[0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]]))
    shares = expert_shares(law, 0.2, 16, 10.0)
    assert not shares.exact
    assert 0 < shares.error < 1e-3
    with pytest.raises(ValueError, match="law: must be of one prompt"):
        expert_shares(RewardLaw.equiprobable(host_array([[0.0, 1.0]] * 2)), 0.2, 16, 10.0)


@pytest.mark.parametrize(("n", "d"), [(16, 10.0), (64, 40.0)])
@pytest.mark.parametrize("level", [-MARGIN, 0.0, MARGIN])
def test_the_coverage_frontier_divides_a_brute_force_grid(n: int, d: float, level: float) -> None:
    sd = np.asarray([0.1, 0.5])
    found = exact_coverage_frontier(sd, n, d, level=level)
    assert found.crosses.all()
    assert found.converged.all()
    for spread, c0 in zip(sd, found.at, strict=True):
        assert two_return_shares(spread, c0, n, d).lead == pytest.approx(level, abs=1e-5)
        for grid in np.geomspace(1e-2, 0.9, 12):
            lead = two_return_shares(spread, grid, n, d).lead
            if grid < c0 * 0.999:
                assert lead <= level + 1e-9
            # Labels of a base that nearly always succeeds tell little: verifying leads up to there.
            elif c0 * 1.001 < grid < 0.8:
                assert lead >= min(level, 0.0) - 1e-9


def test_at_half_coverage_and_the_largest_spread_the_base_succeeds_a_quarter_of_the_time() -> None:
    shares = two_return_shares(0.5, 0.5, 16, 10.0)
    law, ratio = all_or_nothing(0.25, 0.5)
    assert shares == leashed_shares(law, ratio, 16, 10.0)
    assert success_of(0.3) == pytest.approx(0.9)
    assert success_of(0.3, likely=False) == pytest.approx(0.1)
    with pytest.raises(ValueError, match=r"sd: must be in \[0, 1/2\]"):
        success_of(0.6)
    with pytest.raises(ValueError, match="success: needs"):
        all_or_nothing(0.5, 0.4)


def test_the_leash_frontier_of_two_levels_is_where_the_expert_is_certain() -> None:
    # Verifying leads on all of (0, 1), by less than any level only next to 1.
    found = exact_radius_frontier(TWO_LEVEL, 32, np.asarray([20.0]), level=1e-4)
    assert 0.5 < found.at[0] < 1.0
    assert not exact_radius_frontier(TWO_LEVEL, 32, np.asarray([20.0])).crosses[0]


def test_the_leash_frontier_divides_a_brute_force_grid() -> None:
    law = all_or_nothing(0.25, 0.25)[0]
    sizes = np.asarray([12.0, 20.0, 32.0])
    found = exact_radius_frontier(law, 32, sizes)
    assert found.crosses.all()
    assert found.converged.all()
    for d, kappa in zip(sizes, found.at, strict=True):
        for grid in np.geomspace(0.01, 3.0, 15):
            lead = expert_shares(law, grid, 32, d).lead
            assert lead >= -1e-9 if grid < kappa * 0.999 else lead <= 1e-9


@pytest.mark.long
def test_the_budget_frontier_agrees_with_brute_force() -> None:
    def law_at(horizon: int) -> RewardLaw:
        return geometric_hitting_time(host_array([0.01]), horizon)

    counts = np.asarray([8, 16])
    found = exact_horizon_frontier(law_at, 1.0, counts, 10.0, lowest=2, highest=24)
    for n, horizon in zip(counts, found, strict=True):
        leads = [expert_shares(law_at(h), 1.0, int(n), 10.0).lead for h in range(2, 25)]
        assert horizon == 2 + next(i for i, lead in enumerate(leads) if lead * leads[0] < 0)
    nothing = exact_horizon_frontier(law_at, 1.0, counts[:1], 10.0, lowest=2, highest=4)
    assert nothing == [None]


def _setting(p: float, kappa: float, n: int, d: float) -> Setting:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[1 - p, p]]))
    return Setting.from_law(
        law, horizon=8.0, data_budget=float(n), log2_class_size=d, chi2_radius=kappa
    )


@pytest.mark.long
@settings(max_examples=3)
@given(st.integers(2, 40), st.floats(2.0, 30.0), st.floats(0.1, 0.4), st.floats(0.1, 1.0))
def test_moves_of_the_game_end_where_they_say(n: int, d: float, p: float, way: float) -> None:
    setting = _setting(p, way * (1 / p - 1), n, d)
    for parameter in game_parameters(setting):
        move = nearest_move(parameter, MARGIN)
        here = side_of(parameter.lead(parameter.value), MARGIN)
        if move.at is None:
            ends = {side_of(parameter.lead(end), MARGIN) for end in move.searched}
            assert ends == {here}
            continue
        assert move.converged
        if parameter.whole:
            assert side_of(parameter.lead(move.at), MARGIN) == move.becomes
        else:
            level = {"verifying": MARGIN, "cloning": -MARGIN}.get(move.becomes or "")
            lead = parameter.lead(move.at)
            assert abs(lead - level if level else abs(lead) - MARGIN) < 1e-4


def test_traces_of_the_game_agree_with_brute_force() -> None:
    setting = _setting(0.2, 1.5, 6, 6.0)
    (traces,) = [each for each in game_parameters(setting) if each.name == "data_budget"]
    move = nearest_move(traces, MARGIN)
    here = side_of(traces.lead(6.0), MARGIN)
    sides = {n: side_of(traces.lead(float(n)), MARGIN) for n in range(1, 64 * 6 + 1)}
    other = {"cloning": "verifying", "verifying": "cloning"}[here]
    wanted = [n for n, side in sides.items() if side == other]
    wanted = wanted or [n for n, side in sides.items() if side == "neither"]
    assert move.at == min(wanted, key=lambda n: abs(math.log(n / 6)))


# The expert is right with probability 0.56 and 0.31.
@pytest.mark.parametrize("p", [0.25, 0.1])
def test_places_of_a_two_return_law_are_its_expert_s(p: float) -> None:
    setting = _setting(p, 0.5, 16, 10.0)
    by_name = {each.name: each for each in game_parameters(setting)}
    expert = chi2_ball_expert(setting.law, 0.5)
    assert by_name["expert_sd"].value == pytest.approx(float(expert.sd[0]))
    assert by_name["coverage"].value == pytest.approx(float(setting.coverage))
    leads = {name: each.lead(each.value) for name, each in by_name.items()}
    assert list(leads.values()) == pytest.approx([leads["data_budget"]] * len(leads), abs=1e-9)


@pytest.mark.long
def test_the_game_is_played_on_the_leash_of_the_setting() -> None:
    setting = Setting.from_law(
        RewardLaw.equiprobable(host_array([[0.0, 0.0, 2.0, 8.0]])),
        horizon=8.0, data_budget=16.0, log2_class_size=8.0, kl_radius=0.5,
    )  # fmt: skip
    expected = leashed_shares(setting.law, setting.expert.density_ratio, 16, 8.0)
    found = standing(setting)
    assert found.game is not None
    assert found.shares == expected
    radius = next(move for move in found.game.moves if move.parameter == "class_radius")
    farther = setting.with_expert(host_array(1.0)).expert.density_ratio
    assert radius.doubled == pytest.approx(leashed_shares(setting.law, farther, 16, 8.0).lead)


def test_standing_of_the_example_setting() -> None:
    found = standing(example_setting())
    assert found.game is not None
    assert found.shares is not None
    assert found.shares.exact
    assert (found.bounds.side, found.game.side) == ("verifying", "verifying")
    # Twice the budget does nothing at a fixed shape; a hundredth of the traces would.
    assert found.game.move("horizon").at is None
    assert found.game.move("data_budget").factor == pytest.approx(5 / 64)
    assert found.game.move("data_budget").becomes == "neither"


def test_every_parameter_of_the_game_has_its_range() -> None:
    setting = example_setting()
    inf = math.inf
    ranges = {each.name: (each.low, each.high, each.whole) for each in game_parameters(setting)}
    assert ranges.pop("coverage")[2] is False
    assert list(ranges.items()) == [
        ("data_budget", (1.0, inf, True)),
        ("horizon", (1.0, inf, True)),
        ("expert_sd", (0.0, 32.0, False)),
        ("class_radius", (0.0, inf, False)),
        ("log2_class_size", (1.0, inf, False)),
    ]
    small = replace(setting, log2_class_size=host_array(0.5))
    assert game_parameters(small)[-1].low == 0.5
