"""Lemma 1 in rational arithmetic on random token trees, and the definition by brute force."""

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.heterogeneity import heterogeneity, median_heterogeneity

HORIZON, TOKENS = 3, 2
# States are the prefixes that still have a token to come.
STATES = [s for h in range(HORIZON) for s in itertools.product(range(TOKENS), repeat=h)]
TRACES = list(itertools.product(range(TOKENS), repeat=HORIZON))
PREFIXES = [t for h in range(1, HORIZON + 1) for t in itertools.product(range(TOKENS), repeat=h)]

policies = st.lists(st.integers(0, 6), min_size=len(STATES), max_size=len(STATES)).map(
    lambda counts: {
        s: (Fraction(c, 6), 1 - Fraction(c, 6)) for s, c in zip(STATES, counts, strict=True)
    }
)
# A prefix on the list makes every continuation of it correct, so the reward is bi-level.
correct_prefixes = st.sets(st.sampled_from(PREFIXES))


def reward(prefix, correct):
    """1 once some prefix on the list has been completed."""
    return int(any(prefix[:h] in correct for h in range(1, len(prefix) + 1)))


def rewards_to_go(trace, start, correct):
    return sum(reward(trace[: h + 1], correct) for h in range(start, HORIZON))


def chance(policy, trace, start=0):
    product = Fraction(1)
    for h in range(start, HORIZON):
        product *= policy[trace[:h]][trace[h]]
    return product


def action_value(reference, state, token, correct):
    """Q^reference(state, token), by enumerating the continuations."""
    begun = (*state, token)
    rest = itertools.product(range(TOKENS), repeat=HORIZON - len(begun))
    return sum(
        (
            chance(reference, begun + tail, len(begun))
            * rewards_to_go(begun + tail, len(state), correct)
            for tail in rest
        ),
        Fraction(0),
    )


def brute_heterogeneity(policy, reference, correct):
    """sum_h E_{s_h ~ policy} Var_{a ~ policy} Q^reference(s_h, a), as an exact fraction."""
    q = {s: [action_value(reference, s, a, correct) for a in range(TOKENS)] for s in STATES}
    total = Fraction(0)
    for trace in TRACES:
        for h in range(HORIZON):
            state = trace[:h]
            centre = sum(p * v for p, v in zip(policy[state], q[state], strict=True))
            total += chance(policy, trace) * (q[state][trace[h]] - centre) ** 2
    return total


def arrays(policy, reference, correct):
    occupancy = []
    for state in STATES:
        visit = Fraction(1)
        for h, token in enumerate(state):
            visit *= policy[state[:h]][token]
        occupancy.append(float(visit))
    q = [[float(action_value(reference, s, a, correct)) for a in range(TOKENS)] for s in STATES]
    rows = [[float(p) for p in policy[s]] for s in STATES]
    return jnp.array(q), jnp.array(rows), jnp.array(occupancy)


compiled = jax.jit(heterogeneity)


@given(policies, correct_prefixes)
def test_lemma_1_heterogeneity_of_a_policy_is_the_variance_of_its_return(policy, correct):
    mass = {t: chance(policy, t) for t in TRACES}
    mean = sum(m * rewards_to_go(t, 0, correct) for t, m in mass.items())
    variance = sum(m * (rewards_to_go(t, 0, correct) - mean) ** 2 for t, m in mass.items())
    assert brute_heterogeneity(policy, policy, correct) == variance
    computed = compiled(*arrays(policy, policy, correct))
    np.testing.assert_allclose(computed, float(variance), rtol=1e-12, atol=1e-14)


@given(policies, policies, correct_prefixes)
def test_any_reference_agrees_with_the_definition(policy, reference, correct):
    computed = compiled(*arrays(policy, reference, correct))
    expected = float(brute_heterogeneity(policy, reference, correct))
    np.testing.assert_allclose(computed, expected, rtol=1e-12, atol=1e-14)


def test_the_reference_matters():
    fair = {s: (Fraction(1, 2), Fraction(1, 2)) for s in STATES}
    steady = {s: (Fraction(1), Fraction(0)) for s in STATES}
    correct = {(0, 0), (1, 1)}
    assert brute_heterogeneity(fair, fair, correct) == 1
    # A reference that always plays 0 makes the first token worth 2 or 0, the second as before.
    assert brute_heterogeneity(fair, steady, correct) == 2


def test_batched_over_prompts():
    fair = {s: (Fraction(1, 2), Fraction(1, 2)) for s in STATES}
    q, policy, occupancy = arrays(fair, fair, {(0, 0), (1, 1)})
    doubled = jnp.stack([q, 2 * q])
    batch = compiled(doubled, jnp.stack([policy] * 2), jnp.stack([occupancy] * 2))
    np.testing.assert_allclose(batch, [1.0, 4.0])


@given(st.lists(st.floats(0, 100), min_size=7, max_size=7))
def test_median_is_the_middle_and_at_most_twice_the_mean(sds):
    median = float(median_heterogeneity(jnp.array(sds)))
    assert median == sorted(sds)[3]
    assert median <= 2 * np.mean(sds) + 1e-9
