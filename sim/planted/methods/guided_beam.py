"""Beam search guided by the verifier's word on each prefix (Xie et al., arXiv 2305.00633).

Each of k beams is extended by a step of tokens in m ways; a candidate is scored by the product over
its steps of P^trust C^(1 - trust), P the base's probability of the step and C the verifier's of the
prefix that it ends; k of them are kept. At the last step the one of the largest score is answered.
k m = N traces are extended at each step, so that N H tokens are drawn for an answer. Without a
verifier it is a beam search for likely traces, which learns nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from verigap.sim.models.sampling import sample_many
from verigap.sim.models.transformer import Params
from verigap.sim.planted.instance import PlantedInstance
from verigap.sim.planted.learners.data import prompt_ids
from verigap.sim.planted.methods.parameters import BeamSpec
from verigap.sim.planted.methods.selecting import Selected
from verigap.sim.planted.methods.verifiers import Verifier
from verigap.sim.planted.task import returns


def kept_beams(
    scores: Float[np.ndarray, "searches candidates"],
    width: int,
    temperature: float,
    rng: np.random.Generator,
) -> Int[np.ndarray, "searches width"]:
    """Which candidates go on: the best, or a draw with weights S^(1/temperature).

    Args:
      scores: ln S of each candidate.
      width: number of those kept.
      temperature: of the draw without replacement; 0 keeps the best.
      rng: of the draw.
    """
    if temperature > 0:
        # The largest of perturbed logarithms are a draw without replacement (Gumbel top-k).
        scores = scores / temperature + rng.gumbel(size=scores.shape)
    return np.argsort(-scores, axis=1, kind="stable")[:, :width]


def guided_beam(
    key: PRNGKeyArray,
    instance: PlantedInstance,
    base: Params,
    verifier: Verifier | None,
    beam: BeamSpec,
    num_candidates: int,
    searches: int,
) -> Selected:
    """Search every held-out prompt, some times each.

    Args:
      key: random stream.
      instance: the task and its prompts.
      base: parameters of the policy that is searched.
      verifier: judges prefixes. None: the base's probability alone is trusted.
      beam: how the search goes.
      num_candidates: N, a multiple of the beam's width.
      searches: independent searches a prompt.
    """
    p = instance.parameters
    prompts = np.repeat(np.asarray(instance.prompts[1]), searches, axis=0)
    ids = np.asarray(prompt_ids(instance.task, jnp.asarray(prompts)))
    rng = np.random.default_rng(int(jax.random.bits(key, dtype=jnp.uint32)))
    # At first all candidates extend the empty trace.
    traces = np.zeros((len(ids), 1, 0), np.int32)
    scores = np.zeros((len(ids), 1))
    for number in range(p.horizon // beam.step):
        each = num_candidates // traces.shape[1]
        grown, parts = _extended(
            jax.random.fold_in(key, number), instance, base, ids, traces, each, beam.step
        )
        if verifier is not None:
            sure = _sure(verifier, ids, grown)
            parts = beam.trust * parts + (1 - beam.trust) * np.log(np.maximum(sure, 1e-12))
        scores = np.repeat(scores, each, axis=1) + parts
        kept = kept_beams(scores, beam.width, beam.temperature, rng)
        traces = np.take_along_axis(grown, kept[..., None], axis=1)
        scores = np.take_along_axis(scores, kept, axis=1)
    best = np.take_along_axis(traces, scores.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    earned = np.asarray(returns(instance.task, jnp.asarray(prompts), jnp.asarray(best)), float)
    earned = earned.reshape(-1, searches)
    return Selected(earned.mean(axis=1), (earned > 0).mean(axis=1), float(num_candidates))


def _sure(
    verifier: Verifier,
    ids: Int[np.ndarray, "searches k"],
    traces: Int[np.ndarray, "searches candidates h"],
) -> Float[np.ndarray, "searches candidates"]:
    """The verifier's probability of the reward of each prefix."""
    searches, candidates, length = traces.shape
    repeated = jnp.asarray(np.repeat(ids, candidates, axis=0))
    read = verifier.read(repeated, jnp.asarray(traces.reshape(-1, length)))
    return read[:, -1].reshape(searches, candidates)


def _extended(
    key: PRNGKeyArray,
    instance: PlantedInstance,
    base: Params,
    ids: Int[np.ndarray, "searches k"],
    traces: Int[np.ndarray, "searches beams h"],
    each: int,
    step: int,
) -> tuple[Int[np.ndarray, "searches candidates longer"], Float[np.ndarray, "searches candidates"]]:
    """Every beam extended in so many ways, and the logarithm of each extension's probability."""
    searches, beams, _ = traces.shape
    grown = np.repeat(traces, each, axis=1)
    read = np.concatenate(
        [np.broadcast_to(ids[:, None], (searches, beams * each, ids.shape[1])), grown], axis=-1
    )
    tokens, logarithms = sample_many(
        key, base, instance.config, read.reshape(-1, read.shape[-1]), step, chunk=512
    )
    shape = (searches, beams * each)
    longer = np.concatenate([grown, np.asarray(tokens).reshape(*shape, step)], axis=-1)
    return longer.astype(np.int32), logarithms.sum(axis=1).astype(float).reshape(shape)
