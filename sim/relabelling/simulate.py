"""Play the relabelling game by sufficient statistics and reduce the replicates on the device."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key, PRNGKeyArray, UInt

from verigap.sim.relabelling.evidence import Demonstrations, Labels
from verigap.sim.relabelling.game import RelabellingGame, averaged_columns, relabel
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner, Learner
from verigap.sim.relabelling.sampling import DemonstrationSampler, LabelSampler
from verigap.theory import RewardLaw, chi2_ball_expert
from verigap.theory.lattices import (
    LikelihoodLattice,
    as_likelihood,
    expert_steps,
    label_lattice,
    likelihood_lattice,
    step_transforms,
    sum_of_terms,
    two_level_lattice,
)

SURVIVOR_BINS = 64
"""Version-space sizes told apart in the outcome tallies; the last bin holds all larger ones."""


@dataclass(frozen=True)
class Plan:
    """What is static about a simulation, and so decides which cells share one compiled program.

    Attributes:
      learners: registry names.
      replicates: independent data sets a cell.
      cells: lattice cells of the log-likelihood (a power of two).
      listed: wrong codewords simulated one by one.
      chunk: replicates vectorised together, to fit the cache.
    """

    learners: tuple[str, ...]
    replicates: int
    cells: int
    listed: int
    chunk: int = 250


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Summary:
    """Risk of one learner in one cell (or several), over replicates, in tokens.

    Attributes:
      mean, variance: of the suboptimality per replicate (given data and fresh prompt, averaged
        over the codeword by Rao-Blackwell); variance / replicates is that of the mean.
      leashed_mean, leashed_variance: the same with the policy on the leash.
      exact: mean risk in closed form; NaN where there is none, as for cloning a population.
      outcome_risk: distinct values of the risk given the data alone, where there are finitely many.
      outcome_count: how many replicates had each.
    """

    mean: Float[Array | np.ndarray, "*cells"]
    variance: Float[Array | np.ndarray, "*cells"]
    leashed_mean: Float[Array | np.ndarray, "*cells"]
    leashed_variance: Float[Array | np.ndarray, "*cells"]
    exact: Float[Array | np.ndarray, "*cells"]
    outcome_risk: Float[Array | np.ndarray, "*cells outcomes"]
    outcome_count: Float[Array | np.ndarray, "*cells outcomes"]


def _shared_likelihood(game: RelabellingGame, cells: int) -> LikelihoodLattice | None:
    """The law of the scores if it is the same for every data set: on a single prompt."""
    if game.law.probabilities.shape == (1, 2):
        tilt = jnp.sqrt(jnp.minimum(game.expert_radius, 1.0))
        return two_level_lattice(game.data_budget, tilt, game.log2_class_size, cells)
    if game.law.probabilities.shape[0] > 1:
        return None
    ratio = chi2_ball_expert(game.law, game.expert_radius).density_ratio
    return likelihood_lattice(game.law, ratio, game.data_budget[None], cells)


def _demonstrations(
    game: RelabellingGame, shared: LikelihoodLattice | None, plan: Plan
) -> Callable[[PRNGKeyArray], Demonstrations]:
    """Draws data sets. In a population each has prompts, and so a law of the scores, of its own."""
    size, listed = game.log2_class_size, plan.listed
    if shared is not None:
        return DemonstrationSampler(shared, size, listed)
    prompts = game.law.probabilities.shape[0]
    ratio = chi2_ball_expert(game.law, game.expert_radius).density_ratio
    values, probabilities = expert_steps(game.law, ratio)
    transforms = step_transforms(values, probabilities, game.data_budget, plan.cells)
    share = jnp.full(prompts, 1.0 / prompts, values.dtype)

    def draw(key: PRNGKeyArray) -> Demonstrations:
        prompt_key, trace_key = jax.random.split(key)
        counts = jax.random.multinomial(prompt_key, game.data_budget, share, dtype=values.dtype)
        lattice = as_likelihood(sum_of_terms(transforms, counts))
        return DemonstrationSampler(lattice, size, listed)(trace_key)

    return draw


def policy_gain(learner: Learner, game: RelabellingGame, leashed: bool) -> Float[Array, ""]:
    """What a committing learner's policy gains over the base if its codeword is right (tokens)."""
    ratio = learner.policy(game.law, game, leashed)
    return jnp.mean(game.law.expectation(ratio) - game.law.mean)


def _averaging_risk(
    key: PRNGKeyArray,
    learner: AveragingLearner,
    evidence: Demonstrations | Labels,
    game: RelabellingGame,
    prompt: UInt[Array, ""],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Risk on a fresh prompt of a given law, unleashed and leashed, averaged over the posterior."""
    column_key, crowd_key = jax.random.split(key)
    atoms = game.law.atoms[prompt]
    belief = learner.belief(evidence)
    columns = relabel(column_key, atoms, belief.weights.shape[0])
    believed = RewardLaw.equiprobable(averaged_columns(crowd_key, columns, belief))
    expert = chi2_ball_expert(game.law, game.expert_radius).value[prompt]
    free = believed.expectation(learner.policy(believed, game, leashed=False))
    leashed = believed.expectation(learner.policy(believed, game, leashed=True))
    return expert - free, expert - leashed


def _tally(risk: Float[Array, " R"], survivors: Float[Array, " R"]):
    """Mean risk and count of the replicates with each version-space size."""
    bins = jnp.clip(survivors - 1.0, 0, SURVIVOR_BINS - 1).astype(jnp.int32)
    count = jnp.zeros(SURVIVOR_BINS, risk.dtype).at[bins].add(1.0)
    total = jnp.zeros(SURVIVOR_BINS, risk.dtype).at[bins].add(risk)
    return total / jnp.maximum(count, 1.0), count


def _variance_within(
    risk: Float[Array, " R"], stratum: UInt[Array, " R"], strata: int
) -> Float[Array, ""]:
    """Unbiased variance of replicates around the mean of their prompt.

    Prompts are drawn in turn, so differences between them do not move the mean. With too few
    replicates to tell, those differences are counted in.
    """
    replicates = risk.shape[0]
    if strata == 1 or replicates < 2 * strata:
        return jnp.var(risk, ddof=1)
    count = jnp.zeros(strata, risk.dtype).at[stratum].add(1.0)
    mean = jnp.zeros(strata, risk.dtype).at[stratum].add(risk) / count
    return jnp.sum((risk - mean[stratum]) ** 2) / (replicates - strata)


def simulate_cell(key: PRNGKeyArray, game: RelabellingGame, plan: Plan) -> dict[str, Summary]:
    """Simulate every learner of the plan in one cell. Pure; jit with `plan` static, then vmap."""
    learners = [LEARNERS[name] for name in plan.learners]
    cloning = any(learner.side == "verifier-free" for learner in learners)
    verifying = any(learner.side == "verifier-based" for learner in learners)
    likelihood = _shared_likelihood(game, plan.cells) if cloning else None
    labels = label_lattice(game.law, game.data_budget) if verifying else None
    draw_demonstrations = _demonstrations(game, likelihood, plan) if cloning else None
    draw_labels = labels and LabelSampler(labels, game.log2_class_size, plan.listed)

    prompts = game.law.probabilities.shape[0]
    # The fresh prompts go through the population in turn, so that it is averaged over evenly.
    offset = jax.random.randint(jax.random.fold_in(key, plan.replicates), (), 0, prompts)

    def prompt_of(index: UInt[Array, "*batch"]) -> UInt[Array, "*batch"]:
        return (index + offset.astype(index.dtype)) % prompts

    def replicate(index: UInt[Array, ""]):
        own = jax.random.fold_in(key, index)
        evidence: dict[str, Any] = {}
        if draw_demonstrations is not None:
            evidence["verifier-free"] = draw_demonstrations(jax.random.fold_in(own, 0))
        if draw_labels is not None:
            evidence["verifier-based"] = draw_labels(jax.random.fold_in(own, 1))
        draws = {}
        for learner in learners:
            seen = evidence[learner.side]
            # By name, so that a learner's numbers do not depend on which others play.
            own_key = jax.random.fold_in(own, zlib.crc32(learner.name.encode()))
            if isinstance(learner, AveragingLearner):
                draws[learner.name] = _averaging_risk(
                    own_key, learner, seen, game, prompt_of(index)
                )
            else:
                confidence = jnp.clip(learner.confidence(seen), 0.0, 1.0)
                draws[learner.name] = (confidence, jax.random.uniform(own_key) < confidence)
        labelled = evidence.get("verifier-based")
        survivors = labelled.survivors if isinstance(labelled, Labels) else jnp.zeros(())
        return draws, survivors

    # Whole chunks only, as a remainder would be compiled as a second program.
    chunks = -(-plan.replicates // plan.chunk)
    size = -(-plan.replicates // chunks)
    indices = jnp.arange(chunks * size, dtype=jnp.uint32).reshape(chunks, size)
    played = lax.map(jax.vmap(replicate), indices)
    draws, survivors = jax.tree.map(lambda x: x.reshape(-1)[: plan.replicates], played)
    expert_gain = game.expert_gain
    strata = prompt_of(jnp.arange(plan.replicates, dtype=jnp.uint32))
    summaries = {}
    for learner in learners:
        exact = jnp.full((), jnp.nan, expert_gain.dtype)
        if isinstance(learner, AveragingLearner):
            risk, leashed_risk = draws[learner.name]
            outcomes = (
                _tally(risk, survivors)
                if learner.side == "verifier-based"
                else (jnp.zeros(0, risk.dtype), jnp.zeros(0, risk.dtype))
            )
        else:
            confidence, right = draws[learner.name]
            gain = policy_gain(learner, game, leashed=False)
            risk = expert_gain - confidence * gain
            leashed_risk = expert_gain - confidence * policy_gain(learner, game, leashed=True)
            seen: Any = likelihood if learner.side == "verifier-free" else labels
            if seen is not None:
                exact = expert_gain - learner.exact_confidence(seen, game.log2_class_size) * gain
            hits = jnp.sum(right.astype(risk.dtype))
            outcomes = (
                jnp.stack([expert_gain - gain, expert_gain]),
                jnp.stack([hits, plan.replicates - hits]),
            )
        summaries[learner.name] = Summary(
            jnp.mean(risk),
            _variance_within(risk, strata, prompts),
            jnp.mean(leashed_risk),
            _variance_within(leashed_risk, strata, prompts),
            exact,
            *outcomes,
        )
    return summaries


@partial(jax.jit, static_argnames="plan")
def simulate_cells(
    keys: Key[Array, " cells"], games: RelabellingGame, plan: Plan
) -> dict[str, Summary]:
    """`simulate_cell` over a leading axis of cells of one shape."""
    return jax.vmap(lambda key, game: simulate_cell(key, game, plan))(keys, games)
