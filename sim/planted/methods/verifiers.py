"""Verifier networks that err in known ways: few labels, wrong labels, small, or half blind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.accounting import forward_flops, sampling_flops, training_flops
from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.losses import predict_prefixes, prefix_loss
from verigap.sim.models.transformer import Params, init
from verigap.sim.planted.instance import PlantedInstance, training_plan
from verigap.sim.planted.learners.data import LabelledTraces
from verigap.sim.planted.learners.fitting import HELD_BACK, fit
from verigap.sim.planted.learners.scoring import by_chunk
from verigap.sim.planted.learners.verifier import verifier_config, verifier_loss
from verigap.sim.planted.methods.parameters import MethodsParameters, VerifierSpec
from verigap.sim.planted.methods.spending import Spending
from verigap.sim.planted.parameters import PlanSpec
from verigap.sim.planted.sources import labelled_traces


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """A trained verifier.

    Attributes:
      spec: what it learned from.
      params: its parameters.
      config: its shape.
      hidden: id of the symbol that it is shown in place of those withheld.
      correct_return: mean return of a correct trace among its labels (tokens).
      error: root mean square error of its scores on the traces held back (tokens), by the labels
        that it was given.
      spent: on its training.
    """

    spec: VerifierSpec
    params: Params
    config: TransformerConfig
    hidden: int
    correct_return: float
    error: float
    spent: Spending

    def read(self, ids: Int[Array, "n k"], traces: Int[Array, "n h"]) -> Float[np.ndarray, "n h"]:
        """Probability of the reward of every prefix."""
        shown = _shown(self.spec, self.hidden, ids)
        return by_chunk(
            lambda i, t: predict_prefixes(self.params, self.config, i, t), shown, traces
        )

    def scores(self, judged: Float[np.ndarray, "*batch H"]) -> Float[np.ndarray, "*batch"]:
        """Estimated returns (tokens), from what it says of every prefix.

        The sum over prefixes; of a verifier that knows outcomes alone, the chance that the trace is
        correct times the mean return of a correct one.
        """
        return _scores(self.spec, judged, self.correct_return)

    def reading_flops(self, symbols: int, tokens: int) -> float:
        """Operations of reading one trace of so many tokens."""
        return float(forward_flops(self.config, symbols + tokens))


def _shown(spec: VerifierSpec, hidden: int, ids: Int[Array, "n k"]) -> Int[Array, "n k"]:
    """Prompts as the verifier sees them."""
    if not spec.withheld:
        return ids
    return ids.at[:, ids.shape[1] - spec.withheld :].set(hidden)


def _scores(spec: VerifierSpec, judged: np.ndarray, correct_return: float) -> np.ndarray:
    return judged.sum(axis=-1) if spec.level == "process" else judged[..., -1] * correct_return


@lru_cache(maxsize=16)
def outcome_loss(config: TransformerConfig) -> Callable[[Params, LabelledTraces], Float[Array, ""]]:
    """Mean cross-entropy of the rewards of whole traces, for verifiers of one shape (nats)."""

    def loss(params: Params, batch: LabelledTraces) -> Float[Array, ""]:
        last = jnp.zeros_like(batch.labels).at[:, -1].set(1.0)
        return prefix_loss(params, config, batch.prompts, batch.traces, batch.labels, last)

    return loss


def learned_verifier(
    key: PRNGKeyArray,
    spec: VerifierSpec,
    instance: PlantedInstance,
    base: Params,
    *,
    labels: int | None = None,
    plan: PlanSpec | None = None,
) -> Verifier:
    """Draw and label traces of the base, and train a verifier on them.

    Args:
      key: random stream.
      spec: what to train it on.
      instance: the task; its parameters are `MethodsParameters`.
      base: parameters of the base.
      labels: labelled traces, of which the verifier gets its share. Default: n.
      plan: how to train. Default: as the configuration says.
    """
    p = instance.parameters
    assert isinstance(p, MethodsParameters)
    trace_key, flip_key, init_key, fit_key = jax.random.split(key, 4)
    count = max(8, round(spec.labels * (p.data_budget if labels is None else labels)))
    drawn = labelled_traces(trace_key, instance, base, count, unchecked=spec.unchecked)
    hidden = p.vocabulary
    flips = jax.random.bernoulli(flip_key, spec.flipped, drawn.labels.shape)
    data = LabelledTraces(
        _shown(spec, hidden, drawn.prompts),
        drawn.traces,
        jnp.where(flips, 1.0 - drawn.labels, drawn.labels),
    )
    chosen = p.verifier if plan is None else plan
    config = verifier_config(instance.config)
    if spec.width is not None:
        config = replace(config, width=spec.width)
    fresh = init(init_key, config)
    initial = fresh if spec.width is not None else {**base, "head": fresh["head"]}
    loss = (verifier_loss if spec.level == "process" else outcome_loss)(config)
    fitted = fit(loss, initial, data, training_plan(chosen), fit_key)
    held = slice(count - round(count * HELD_BACK), count)
    judged = predict_prefixes(fitted.params, config, data.prompts[held], data.traces[held])
    labelled = np.asarray(data.labels, float)
    correct = labelled[:, -1] > 0
    correct_return = float(labelled[correct].sum(axis=1).mean()) if correct.any() else 0.0
    missed = _scores(spec, np.asarray(judged, float), correct_return) - labelled[held].sum(axis=1)
    read = p.symbols + p.horizon
    sequences = chosen.steps * chosen.batch
    return Verifier(
        spec=spec,
        params=fitted.params,
        config=config,
        hidden=hidden,
        correct_return=correct_return,
        error=float(np.sqrt(np.mean(missed**2))),
        spent=Spending(
            labels=count,
            training_tokens=float((sequences + count) * p.horizon),
            training_flops=float(training_flops(config, read, sequences))
            + count * sampling_flops(instance.config, p.symbols, p.horizon),
        ),
    )
