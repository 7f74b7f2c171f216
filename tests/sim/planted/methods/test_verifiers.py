"""Verifiers that err: what they are shown, and what the errors of their labels are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from tests.sim.planted.methods.small_methods import small_instance, small_parameters
from verigap.sim.planted.learners.data import LabelledTraces, prompt_ids
from verigap.sim.planted.methods import verifiers
from verigap.sim.planted.methods.parameters import VerifierSpec
from verigap.sim.planted.methods.verifiers import learned_verifier, outcome_loss
from verigap.sim.planted.sources import labelled_traces
from verigap.sim.planted.task import prefix_rewards


def test_a_lenient_check_rewards_from_the_first_part_of_the_block_on() -> None:
    instance, base = small_instance()
    key = jax.random.key(3)
    right = labelled_traces(key, instance, base, 200)
    lenient = labelled_traces(key, instance, base, 200, unchecked=1)
    np.testing.assert_array_equal(right.traces, lenient.traces)
    assert (lenient.labels >= right.labels).all()
    code = np.asarray(instance.task.code)
    for ids, trace, labels in zip(
        *map(np.asarray, (right.prompts, right.traces, lenient.labels)), strict=True
    ):
        first = code[ids[0] - 4]
        seen = np.cumsum(trace == first) > 0
        np.testing.assert_array_equal(labels > 0, seen)


def test_right_labels_are_the_rewards() -> None:
    instance, base = small_instance()
    drawn = labelled_traces(jax.random.key(3), instance, base, 50)
    expected = prefix_rewards(instance.task, drawn.prompts - 4, drawn.traces)
    np.testing.assert_array_equal(drawn.labels, expected)


def test_withheld_symbols_change_nothing() -> None:
    instance, base = small_instance()
    spec = VerifierSpec(name="blind", withheld=1)
    verifier = learned_verifier(jax.random.key(4), spec, instance, base)
    traces = jax.random.randint(jax.random.key(5), (4, 6), 0, 4, jnp.int32)
    ids = prompt_ids(instance.task, jnp.asarray([[0, 1]] * 4, jnp.int32))
    other = ids.at[:, 1].set(6)
    np.testing.assert_array_equal(verifier.read(ids, traces), verifier.read(other, traces))
    first = ids.at[:, 0].set(6)
    assert not np.array_equal(verifier.read(ids, traces), verifier.read(first, traces))


def test_a_share_of_the_labels_is_what_is_paid_for() -> None:
    instance, base = small_instance()
    spec = VerifierSpec(name="few", labels=0.25, width=4)
    verifier = learned_verifier(jax.random.key(4), spec, instance, base)
    # A quarter of 40 traces of 6 tokens, and 4 steps of 8 traces.
    assert verifier.spent.labels == 10
    assert verifier.spent.training_tokens == (10 + 4 * 8) * 6
    assert verifier.config.width == 4


@pytest.mark.parametrize("flipped", [0.0, 0.25])
def test_labels_are_flipped_by_chance(monkeypatch: pytest.MonkeyPatch, flipped: float) -> None:
    instance, base = small_instance()
    seen: list[LabelledTraces] = []

    def watched(loss, params, data, plan, key):
        seen.append(data)
        return fit(loss, params, data, plan, key)

    fit = verifiers.fit
    monkeypatch.setattr(verifiers, "fit", watched)
    spec = VerifierSpec(name="noisy", flipped=flipped)
    learned_verifier(jax.random.key(4), spec, instance, base, labels=2000)
    (data,) = seen
    right = prefix_rewards(instance.task, data.prompts - 4, data.traces)
    # 12,000 labels; five standard deviations.
    wrong = np.asarray(data.labels) != np.asarray(right)
    assert wrong.mean() == pytest.approx(flipped, abs=0.02)


def test_outcome_labels_leave_other_prefixes_out() -> None:
    instance, base = small_instance()
    verifier = learned_verifier(
        jax.random.key(4), VerifierSpec(name="outcome", level="outcome"), instance, base
    )
    drawn = labelled_traces(jax.random.key(3), instance, base, 20)
    changed = LabelledTraces(
        drawn.prompts, drawn.traces, drawn.labels.at[:, :-1].set(1.0 - drawn.labels[:, :-1])
    )
    loss = outcome_loss(verifier.config)
    assert float(loss(verifier.params, drawn)) == float(loss(verifier.params, changed))
    judged = np.asarray([[0.2, 0.9, 0.5]])
    assert verifier.scores(judged)[0] == pytest.approx(0.5 * verifier.correct_return)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"verifiers": [{"name": "a"}, {"name": "a"}]}, "name of its own"),
        ({"verifiers": [{"name": "exact"}]}, "name of its own"),
        ({"verifiers": [{"name": "a", "unchecked": 2}]}, "one at least must be"),
        ({"verifiers": [{"name": "a", "withheld": 2}]}, "one at least must be"),
        ({"trained": ["exploration"]}, "reinforcement is missing"),
        ({"trained": ["rejection"], "rounds": [2, 2]}, "must be different numbers"),
        ({"trained": ["rejection"], "rounds": []}, "must be different numbers"),
        ({"trained": ["rejection"], "rounds": [1, 5]}, "5 rounds .* at most 4 here"),
        ({"beam": {"step": 4}}, "step 4 does not divide H = 6"),
        ({"num_candidates": 3, "beam": {"step": 3}}, "width 2 does not divide"),
        ({"beam": {"step": 2, "width": 3}}, "width 3 does not divide num_candidates, 4"),
        (
            {
                "verifiers": [{"name": "a", "withheld": 1}],
                "reinforcement": {"steps": 2},
            },
            "climbed by reinforcement",
        ),
        ({"policy_gradient": {"steps": 2}}, "belongs to the game planted"),
    ],
)
def test_what_cannot_be_played_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        small_parameters(**changed)
