"""VB-UPPER in all its forms on arbitrary small reward classes, by the exact law of the survivors.

The comparison policy is the best of density ratio at most 1/c0, which by Lemma 4 is no worse than
any expert that c0 covers; so the loss here is at least the loss against the expert.
"""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product
from math import log2

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array, Float
from scipy import optimize

from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.families import two_level
from verigap.theory.laws import RewardLaw

Number = Float[Array, ""]
HORIZON, PROMPTS, TRACES, REWARDS = 8, 2, 3, 3
FORMS = [
    name
    for name, bound in BOUNDS.items()
    if (bound.side, bound.direction) == ("verifier-based", "upper") and name != "VB-UPPER-PLUG-IN"
]
# A reward function, a policy's density ratio, the base: one entry for each prompt and trace.
PAIRS = list(product(range(PROMPTS), range(TRACES)))
Reward = list[int]
Ratio = list[Fraction]

places = range(len(PAIRS))
pays = st.one_of(st.sampled_from([0, HORIZON]), st.integers(0, HORIZON))
truths = st.lists(pays, min_size=len(PAIRS), max_size=len(PAIRS))
# Wrong in one or two places, as others are soon found out.
slips = st.dictionaries(st.sampled_from(places), pays, min_size=1, max_size=2)
mistakes = st.lists(slips, min_size=REWARDS - 1, max_size=REWARDS - 1)
# Sixtieths: two traces that may be rare, and the rest.
rows = st.lists(st.integers(1, 29), min_size=2, max_size=2).map(lambda w: [*w, 60 - sum(w)])
bases = st.lists(rows, min_size=PROMPTS, max_size=PROMPTS).map(
    lambda both: [Fraction(w, 60) for row in both for w in row]
)
coverages = st.fractions(Fraction(1, 60), 1, max_denominator=60)
budgets = st.sampled_from([1, 3, 10, 30, 100, 1000])


def earned(base: Ratio, ratio: Ratio, reward: Reward) -> Fraction:
    total = sum((p * w * r for p, w, r in zip(base, ratio, reward, strict=True)), Fraction(0))
    return total / PROMPTS


def top_share(base: Ratio, reward: Reward, coverage: Fraction) -> Ratio:
    """The best c0-share of every prompt."""
    ratio = [Fraction(0)] * len(PAIRS)
    for x in range(PROMPTS):
        left = coverage
        mine = [i for i, pair in enumerate(PAIRS) if pair[0] == x]
        for i in sorted(mine, key=lambda i: -reward[i]):
            taken = min(left, base[i])
            ratio[i], left = taken / base[i] / coverage, left - taken
    return ratio


def best_of(base: Ratio, judge: Reward, truth: Reward, samples: int) -> Ratio:
    """Best of `samples` traces by `judge`, of equals the truly worst."""
    ratio = [Fraction(0)] * len(PAIRS)
    for x in range(PROMPTS):
        mine = [i for i, pair in enumerate(PAIRS) if pair[0] == x]
        below = Fraction(0)
        for i in sorted(mine, key=lambda i: (judge[i], -truth[i])):
            upto = below + base[i]
            ratio[i], below = (upto**samples - below**samples) / base[i], upto
    return ratio


def pessimistic(base: Ratio, kept: list[Reward], coverage: Fraction) -> np.ndarray:
    """argmax over ratios at most 1/c0 of the least value under the kept rewards, by an LP."""
    count = len(PAIRS)
    pays = np.array([[float(p * r) for p, r in zip(base, reward, strict=True)] for reward in kept])
    normal = np.zeros((PROMPTS, count + 1))
    for i, (x, _) in enumerate(PAIRS):
        normal[x, i] = float(base[i])
    solved = optimize.linprog(
        c=[*np.zeros(count), -1.0],
        A_ub=np.hstack([-pays / PROMPTS, np.ones((len(kept), 1))]),
        b_ub=np.zeros(len(kept)),
        A_eq=normal,
        b_eq=np.ones(PROMPTS),
        bounds=[(0, float(1 / coverage))] * count + [(None, None)],
    )
    return solved.x[:count]


def law_of_survivors(base: Ratio, members: list[Reward], traces: int) -> dict[tuple, Fraction]:
    """Which rewards agree with the first on n base traces: chances by inclusion-exclusion."""
    # Where a reward would be found out.
    differ = [[i for i, r in enumerate(m) if r != members[0][i]] for m in members[1:]]

    def unseen(places: set[int]) -> Fraction:
        hidden = sum((base[i] for i in places), Fraction(0)) / PROMPTS
        return (1 - hidden) ** traces

    law: dict[tuple, Fraction] = {}
    others = range(len(differ))
    for size in range(len(differ) + 1):
        for kept in combinations(others, size):
            rest = [k for k in others if k not in kept]
            # P(kept survive and no other does).
            chance = Fraction(0)
            for more in range(len(rest) + 1):
                for also in combinations(rest, more):
                    places = {i for k in (*kept, *also) for i in differ[k]}
                    chance += (-1) ** more * unseen(places)
            if chance:
                law[(0, *(k + 1 for k in kept))] = chance
    assert sum(law.values()) == 1
    return law


@jax.jit
def bounds_of(
    traces: Number, size: Number, delta: Number, coverage: Number, samples: Number, error: Number
) -> dict[str, Number]:
    setting = Setting.from_law(
        two_level(jnp.ones(1), jnp.ones(1)),
        horizon=float(HORIZON),
        data_budget=traces,
        log2_class_size=size,
        chi2_radius=1.0,
        failure_probability=delta,
        num_candidates=samples,
        label_error=error,
    )
    setting = replace(setting, coverage=coverage)
    return {name: BOUNDS[name].value(setting) for name in FORMS}


def evaluated(
    traces: int, delta: float, coverage: Fraction, samples: int, error: Fraction | int = 0
) -> dict[str, float]:
    parts = (traces, log2(REWARDS), delta, coverage, samples, error)
    found = bounds_of(*(jnp.asarray(float(part)) for part in parts))
    return {name: float(value) for name, value in found.items()}


@given(truths, mistakes, bases, coverages, budgets, st.sampled_from([1, 2, 5, 20]))
def test_version_spaces(
    truth: Reward,
    wrong: list[dict[int, int]],
    base: Ratio,
    coverage: Fraction,
    traces: int,
    samples: int,
) -> None:
    members = [truth, *([slip.get(i, truth[i]) for i in places] for slip in wrong)]
    goal = earned(base, top_share(base, truth, coverage), truth)
    kept = law_of_survivors(base, members, traces)
    plug_in, best, pessimism = {}, {}, {}
    for survivors in kept:
        judges = [members[k] for k in survivors]
        plug_in[survivors] = goal - min(
            earned(base, top_share(base, judge, coverage), truth) for judge in judges
        )
        best[survivors] = goal - min(
            earned(base, best_of(base, judge, truth, samples), truth) for judge in judges
        )
        ratio = pessimistic(base, judges, coverage)
        paid = [float(p * r) for p, r in zip(base, truth, strict=True)]
        pessimism[survivors] = float(goal) - float(ratio @ paid) / PROMPTS
    values = evaluated(traces, 0.5, coverage, samples)
    for loss, form in (
        (plug_in, "VB-UPPER-EXPECTATION"),
        (pessimism, "VB-UPPER-EXPECTATION"),
        (best, "VB-UPPER-BEST-OF-N"),
    ):
        mean = sum(float(p) * float(loss[survivors]) for survivors, p in kept.items())
        assert mean <= values[form] + 1e-9
    for loss, forms in ((plug_in, ["VB-UPPER"]), (pessimism, ["VB-UPPER", "VB-UPPER-SQUARED"])):
        for worst in loss.values():
            if worst > 1e-6:
                # A bound below this loss fails this often, so at any smaller delta it may not be.
                often = float(sum(p for s, p in kept.items() if loss[s] >= worst))
                values = evaluated(traces, max(often * (1 - 1e-9), 1e-300), coverage, samples)
                assert all(values[form] >= float(worst) - 1e-9 for form in forms)


@given(truths, mistakes, slips, bases, coverages, budgets, st.sampled_from([1, 2, 5, 20]))
def test_version_spaces_of_an_erring_check(
    labels: Reward,
    wrong: list[dict[int, int]],
    errors: dict[int, int],
    base: Ratio,
    coverage: Fraction,
    traces: int,
    samples: int,
) -> None:
    # The check is in the class, the truth need not be.
    truth = [errors.get(i, labels[i]) for i in places]
    members = [labels, *([slip.get(i, labels[i]) for i in places] for slip in wrong)]
    eta = sum((base[i] for i in places if truth[i] != labels[i]), Fraction(0)) / PROMPTS
    goal = earned(base, top_share(base, truth, coverage), truth)
    values = evaluated(traces, 0.5, coverage, samples, eta)
    plug_in, best, pessimism = 0.0, 0.0, 0.0
    for survivors, chance in law_of_survivors(base, members, traces).items():
        judges = [members[k] for k in survivors]
        shares = [earned(base, top_share(base, judge, coverage), truth) for judge in judges]
        picks = [earned(base, best_of(base, judge, truth, samples), truth) for judge in judges]
        plug_in += float(chance * (goal - min(shares)))
        best += float(chance * (goal - min(picks)))
        paid = np.array([float(p * r) for p, r in zip(base, truth, strict=True)])
        kept = float(pessimistic(base, judges, coverage) @ paid) / PROMPTS
        pessimism += float(chance) * (float(goal) - kept)
    assert plug_in <= values["VB-UPPER-ERRORS"] + 1e-9
    assert pessimism <= values["VB-UPPER-ERRORS"] + 1e-9
    assert best <= values["VB-UPPER-ERRORS-BEST-OF-N"] + 1e-9


def test_an_erring_check_costs_what_the_bound_says() -> None:
    # It swaps two traces of mass c0: all is lost, and H eta / c0 = 2H; N draws show it as often.
    base = [Fraction(1, 20), Fraction(1, 20), Fraction(9, 10)] * 2
    truth, labels = [8, 0, 0] * 2, [0, 8, 0] * 2
    coverage, eta = Fraction(1, 20), Fraction(1, 10)
    assert earned(base, top_share(base, truth, coverage), truth) == 8
    assert earned(base, top_share(base, labels, coverage), truth) == 0
    found = evaluated(10**9, 0.5, coverage, 1, eta)
    assert found["VB-UPPER-ERRORS"] == pytest.approx(16, rel=1e-6)
    assert found["VB-UPPER-EXPECTATION"] < 1e-6


@pytest.mark.parametrize("traces", [3, 10, 100])
def test_one_hard_prompt_attains_the_bound(traces: int) -> None:
    # The first prompt, of mass 1/2 = 1/(c (n + 1)), pays on its last trace; the other reward never.
    coverage = Fraction(2, traces + 1)
    rest = (1 - coverage) / 2
    base = [rest, rest, coverage] * 2
    truth, other = [0, 0, 8, 0, 0, 0], [0] * len(PAIRS)
    kept = law_of_survivors(base, [truth, other], traces)
    # All policies are as good under the other reward; the worst of them avoids the trace.
    lost = earned(base, top_share(base, truth, coverage), truth)
    lost -= earned(base, top_share(base, other, coverage), truth)
    assert lost == 4
    parts = (jnp.asarray(float(part)) for part in (traces, 1, 0.5, coverage, 1, 0))
    allowed = float(bounds_of(*parts)["VB-UPPER-EXPECTATION"])
    assert float(lost * kept[(0, 1)]) == pytest.approx(allowed, rel=1e-12)
    # With probability 1 - delta: at delta just below the chance of survival the bound is H / (c n)
    # or so, and must not fall below what is then lost.
    parts = (traces, 1, float(kept[(0, 1)]) * (1 - 1e-12), coverage, 1, 0)
    found = bounds_of(*(jnp.asarray(float(part)) for part in parts))
    assert float(found["VB-UPPER"]) == pytest.approx(float(lost), rel=1e-6)


def test_without_coverage_version_spaces_lose_more() -> None:
    # A reward that differs on a rare trace, on which a ratio of 10 is spent.
    base = [Fraction(1, 20), Fraction(1, 20), Fraction(9, 10)] * 2
    truth, other = [8, 0, 0] * 2, [0, 8, 0] * 2
    kept = law_of_survivors(base, [truth, other, other], 10)
    assert kept == {(0, 1, 2): Fraction(9, 10) ** 10, (0,): 1 - Fraction(9, 10) ** 10}
    coverage = Fraction(1, 20)
    goal = earned(base, top_share(base, truth, coverage), truth)
    assert goal == 8
    assert earned(base, top_share(base, other, coverage), truth) == 0
    mean = 8 * float(kept[(0, 1, 2)])
    found = evaluated(10, float(kept[(0, 1, 2)]) * 0.999, coverage, 1)
    assert found["VB-UPPER-EXPECTATION"] / 20 < mean < found["VB-UPPER-EXPECTATION"]
    assert found["VB-UPPER"] / 20 < 8 < found["VB-UPPER"]
    # Best of 20: a wrong judge loses all, and no judge sees what 20 traces leave out.
    missed = 8 * float(1 - coverage) ** 20
    right, misled = (earned(base, best_of(base, j, truth, 20), truth) for j in (truth, other))
    assert float(goal - right) == pytest.approx(missed)
    assert misled < Fraction(1, 10**20)
    mean += missed * float(kept[(0,)])
    allowed = evaluated(10, 0.5, coverage, 20)["VB-UPPER-BEST-OF-N"]
    assert (allowed - missed) / 20 < mean - missed < allowed - missed


@jax.jit
def conditional_case(
    support: Float[Array, "prompts K"], traces: Number, size: Number, radius: Number
) -> tuple[Number, Array]:
    law = RewardLaw.equiprobable(support)
    setting = Setting.from_law(
        law,
        horizon=float(HORIZON),
        data_budget=traces,
        log2_class_size=size,
        chi2_radius=radius,
    )
    return BOUNDS["VB-UPPER-PLUG-IN"].value(setting), chi2_ball_expert(law, radius).value


@given(
    st.lists(st.integers(0, HORIZON), min_size=len(PAIRS), max_size=len(PAIRS)),
    st.lists(st.permutations(range(TRACES)), min_size=4, max_size=4),
    st.floats(0.01, 3.0),
    st.integers(1, 40),
)
def test_conditional_plug_in(
    paid: Reward, orders: list[list[int]], radius: float, traces: int
) -> None:
    # Every reward permutes the returns of a prompt, so that J* is the same for all.
    base = [Fraction(1, TRACES)] * len(PAIRS)
    halves = [paid[:TRACES], paid[TRACES:]]
    members = [paid]
    for first, second in (orders[:2], orders[2:]):
        members.append([halves[0][i] for i in first] + [halves[1][i] for i in second])
    parts = (jnp.asarray(float(part)) for part in (traces, log2(len(members)), radius))
    bound, values = conditional_case(jnp.asarray(halves, float), *parts)
    levels = [float(value) - 1e-5 for value in values for _ in range(TRACES)]

    def loss(judge: Reward) -> float:
        reached = [r >= level for r, level in zip(judge, levels, strict=True)]
        shares = [sum(reached[x * TRACES : (x + 1) * TRACES]) for x, _ in PAIRS]
        ratio = [Fraction(TRACES * hit, share) for hit, share in zip(reached, shares, strict=True)]
        return float(jnp.mean(values)) - float(earned(base, ratio, paid))

    kept = law_of_survivors(base, members, traces)
    mean = sum(float(p) * max(loss(members[k]) for k in ids) for ids, p in kept.items())
    assert mean <= float(bound) + 1e-9
