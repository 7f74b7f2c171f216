"""VF-UPPER-MISSPECIFIED: classes without the expert, every data set, in fractions."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import asinh, comb, exp, log, log2, prod, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory.bounds import BOUNDS
from verigap.theory.bounds.example import example_setting
from verigap.theory.bounds.vf_misspecified import misspecified_budget, vf_upper_misspecified
from verigap.theory.bounds.vf_upper import hellinger_budget, vf_upper

TRACES = 3
Policy = list[Fraction]
policies = st.lists(st.integers(1, 7), min_size=TRACES, max_size=TRACES).map(
    lambda weights: [Fraction(w, sum(weights)) for w in weights]
)
payoffs = st.lists(st.integers(0, 8), min_size=TRACES, max_size=TRACES)


def chi2(expert: Policy, policy: Policy) -> Fraction:
    return sum((p * p / q for p, q in zip(expert, policy, strict=True)), Fraction(0)) - 1


def value(policy: Policy, returns: list[int]) -> Fraction:
    return sum((p * r for p, r in zip(policy, returns, strict=True)), Fraction(0))


def types(traces: int) -> list[tuple[int, ...]]:
    return [c for c in product(range(traces + 1), repeat=TRACES) if sum(c) == traces]


def chance(expert: Policy, counts: tuple[int, ...]) -> Fraction:
    ways, left = 1, sum(counts)
    for count in counts:
        ways *= comb(left, count)
        left -= count
    return ways * prod((p**c for p, c in zip(expert, counts, strict=True)), start=Fraction(1))


def likeliest(members: list[Policy], counts: tuple[int, ...]) -> list[Policy]:
    found = [
        prod((q**c for q, c in zip(m, counts, strict=True)), start=Fraction(1)) for m in members
    ]
    return [m for m, likelihood in zip(members, found, strict=True) if likelihood == max(found)]


def setting_of(
    expert: Policy, members: list[Policy], returns: list[int], traces: int, delta: float
):
    mean = value(expert, returns)
    spread = sum((p * (r - mean) ** 2 for p, r in zip(expert, returns, strict=True)), Fraction(0))
    made = example_setting(
        horizon=8.0,
        data_budget=float(traces),
        log2_class_size=log2(len(members)),
        failure_probability=delta,
        misspecification=float(min(chi2(expert, m) for m in members)),
    )
    moments = {"expert_sd": sqrt(spread), "expert_mean_max": float(mean)}
    return replace(made, **{name: np.asarray(v, float) for name, v in moments.items()})


@given(
    policies,
    st.lists(policies, min_size=1, max_size=4),
    payoffs,
    st.integers(1, 6),
    st.sampled_from([0.02, 0.2, 0.6]),
)
def test_no_class_exceeds_the_bound(
    expert: Policy, members: list[Policy], returns: list[int], traces: int, delta: float
) -> None:
    setting = setting_of(expert, members, returns, traces, delta)
    limit, budget = float(vf_upper_misspecified(setting)), float(misspecified_budget(setting))
    over, far = Fraction(0), Fraction(0)
    for counts in types(traces):
        tied = likeliest(members, counts)
        worst = max(value(expert, returns) - value(m, returns) for m in tied)
        angle = min(sum(sqrt(p * q) for p, q in zip(expert, m, strict=True)) for m in tied)
        over += chance(expert, counts) if float(worst) > limit + 1e-9 else 0
        far += chance(expert, counts) if 1 - angle**2 > budget + 1e-9 else 0
    assert float(over) <= delta + 1e-12
    assert float(far) <= delta + 1e-12


@given(policies, policies, st.integers(1, 8), st.floats(1.0001, 1e6))
def test_how_far_the_likelihood_ratio_of_the_best_member_strays(
    expert: Policy, member: Policy, traces: int, level: float
) -> None:
    """P(prod p/q >= y) <= ((1 + chi^2)^n - 1)/(y + 1/y - 2)."""
    beyond = Fraction(0)
    for counts in types(traces):
        ratio = prod(
            ((p / q) ** c for p, q, c in zip(expert, member, counts, strict=True)),
            start=Fraction(1),
        )
        beyond += chance(expert, counts) if ratio >= level else 0
    most = ((1 + chi2(expert, member)) ** traces - 1) / (Fraction(level) + 1 / Fraction(level) - 2)
    assert beyond <= most


@settings(max_examples=15)
@given(st.floats(-9.0, 1.0), st.integers(1, 2000), st.integers(1, 20), st.floats(1e-6, 0.9))
def test_the_split_of_delta_is_the_best_of_a_grid(
    log10_miss: float, traces: int, size: int, delta: float
) -> None:
    miss = 10.0**log10_miss
    setting = example_setting(
        data_budget=float(traces),
        log2_class_size=float(size),
        failure_probability=delta,
        misspecification=miss,
    )
    budget = float(misspecified_budget(setting))
    rivals = log(2**size - 1)
    growth = min(traces * np.log1p(miss), 600.0)
    excess = np.expm1(growth)

    def total(share: float) -> float:
        own = asinh(sqrt(excess / (share * delta)) / 2)
        return max(rivals - log(delta * (1 - share)), 0.0) + own

    best = min(total(share) for share in np.geomspace(1e-9, 0.5, 500))
    if traces * np.log1p(miss) < 600:
        assert budget == pytest.approx(1 - exp(-2 * best / traces), rel=2e-3)
        assert budget <= (1 - exp(-2 * best / traces)) * (1 + 1e-9)


@settings(max_examples=15)
@given(st.integers(1, 2000), st.integers(1, 20), st.floats(1e-6, 0.9))
def test_it_tends_to_vf_upper_as_the_class_closes_in(traces: int, size: int, delta: float) -> None:
    def made(miss: float):
        return example_setting(
            data_budget=float(traces),
            log2_class_size=float(size),
            failure_probability=delta,
            misspecification=miss,
        )

    assert float(vf_upper_misspecified(made(0.0))) == pytest.approx(float(vf_upper(made(0.0))))
    assert float(misspecified_budget(made(1e-14))) == pytest.approx(
        float(hellinger_budget(made(0.0))), rel=5e-3
    )
    values = [float(misspecified_budget(made(miss))) for miss in (0.0, 1e-9, 1e-3, 0.1, 1.0)]
    assert values == sorted(values)


def test_more_data_leave_the_approximation_error() -> None:
    setting = example_setting(data_budget=1e9, misspecification=0.25)
    assert float(misspecified_budget(setting)) == pytest.approx(1 - 1 / 1.25, rel=1e-5)


def test_vf_upper_itself_is_false_there() -> None:
    # The only member never learns what the expert does: its loss stays, VF-UPPER falls with n.
    expert, member = ([Fraction(p, 4), 1 - Fraction(p, 4)] for p in (2, 3))
    assert chi2(expert, member) == Fraction(1, 3)
    lost = float(value(expert, [0, 8]) - value(member, [0, 8]))
    moments = {"expert_sd": np.asarray(4.0), "expert_mean_max": np.asarray(4.0)}
    setting = replace(
        example_setting(
            horizon=8.0, data_budget=1000.0, log2_class_size=1.0, misspecification=1 / 3
        ),
        **moments,
    )
    assert float(vf_upper(setting)) < lost < float(vf_upper_misspecified(setting))
    assert not BOUNDS["VF-UPPER"].assumptions_hold(setting)


def test_a_hand_computed_point() -> None:
    # n = 2, chi^2 = 1, |Pi| = 2, delta = 1/2: L = min of -ln(delta_2) + asinh(sqrt(3/delta_1)/2).
    setting = example_setting(
        data_budget=2.0, log2_class_size=1.0, failure_probability=0.5, misspecification=1.0
    )
    share = np.linspace(1e-4, 0.5, 100_001)
    best = (-np.log(0.5 * (1 - share)) + np.arcsinh(np.sqrt(3 / (0.5 * share)) / 2)).min()
    assert float(misspecified_budget(setting)) == pytest.approx(1 - exp(-best), rel=1e-8)
