"""Play the relabelling game by sufficient statistics and reduce the replicates on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Key, PRNGKeyArray, PyTree, UInt

from verigap.sim.relabelling.evidence import Demonstrations, Labels
from verigap.sim.relabelling.game import RelabellingGame, averaged_columns, relabel
from verigap.sim.relabelling.learners import (
    LEARNERS,
    AveragingLearner,
    CommittingLearner,
    Learner,
)
from verigap.sim.relabelling.learners.learner import Player, confidence_ends
from verigap.sim.relabelling.plans import Plan
from verigap.sim.relabelling.sampling import DemonstrationSampler, LabelSampler
from verigap.storage.digests import name_stream
from verigap.theory import RewardLaw
from verigap.theory.arrays import Array, xp
from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.lattice_ends import LabelEnds, LikelihoodEnds, label_ends, likelihood_ends
from verigap.theory.lattices import (
    LikelihoodLattice,
    as_likelihood,
    expert_steps,
    label_lattice,
    step_transforms,
    sum_of_terms,
)

SURVIVOR_BINS = 64
"""Version-space sizes told apart in the outcome tallies; the last bin holds all larger ones."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Summary:
    """Risk of one learner in one cell (or several), over replicates, in tokens.

    Attributes:
      mean, variance: of the suboptimality per replicate (given data and fresh prompt, averaged
        over the codeword by Rao-Blackwell); variance / replicates is that of the mean.
      total_variance: of all replicates around `mean`, so with the differences between prompts.
      leashed_mean, leashed_variance: the same with the policy on the leash.
      exact: mean risk without simulation; NaN where there is none, as for cloning a population.
      exact_error: how far it may be from the mean risk; 0 where no score was put on a lattice.
      outcome_risk: distinct values of the risk given the data alone, where there are finitely many.
      outcome_count: how many replicates had each.
    """

    mean: Float[Array | np.ndarray, "*cells"]
    variance: Float[Array | np.ndarray, "*cells"]
    total_variance: Float[Array | np.ndarray, "*cells"]
    leashed_mean: Float[Array | np.ndarray, "*cells"]
    leashed_variance: Float[Array | np.ndarray, "*cells"]
    exact: Float[Array | np.ndarray, "*cells"]
    exact_error: Float[Array | np.ndarray, "*cells"]
    outcome_risk: Float[Array | np.ndarray, "*cells outcomes"]
    outcome_count: Float[Array | np.ndarray, "*cells outcomes"]


def _shared_likelihood(game: RelabellingGame, cells: int) -> LikelihoodEnds | None:
    """The law of the scores if it is the same for every data set: on a single prompt."""
    if game.law.probabilities.shape == (1, 2):
        tilt = xp.minimum(game.ball.expert(game.law, game.expert_radius).ratio_excess[0, -1], 1.0)
        law = two_level_lattice(game.data_budget, tilt, game.log2_class_size, cells)
        return LikelihoodEnds(law, law, tilt >= 0.0)
    if game.law.probabilities.shape[0] > 1:
        return None
    ratio = game.ball.expert(game.law, game.expert_radius).density_ratio
    return likelihood_ends(game.law, ratio, game.data_budget, game.log2_class_size, cells)


def _demonstrations(
    game: RelabellingGame, shared: LikelihoodLattice | None, plan: Plan
) -> Callable[[PRNGKeyArray], Demonstrations]:
    """Draws data sets. In a population each has prompts, and so a law of the scores, of its own."""
    size, listed = game.log2_class_size, plan.listed
    if shared is not None:
        return DemonstrationSampler(shared, size, listed)
    prompts = game.law.probabilities.shape[0]
    ratio = game.ball.expert(game.law, game.expert_radius).density_ratio
    values, probabilities = expert_steps(game.law, ratio)
    transforms = step_transforms(values, probabilities, game.data_budget, plan.cells)
    share = jnp.full(prompts, 1.0 / prompts, values.dtype)

    def draw(key: PRNGKeyArray) -> Demonstrations:
        prompt_key, trace_key = jax.random.split(key)
        counts = jax.random.multinomial(prompt_key, game.data_budget, share, dtype=values.dtype)
        lattice = as_likelihood(sum_of_terms(transforms, counts))
        return DemonstrationSampler(lattice, size, listed)(trace_key)

    return draw


def policy_gain(learner: Player, game: RelabellingGame, leashed: bool) -> Float[Array, ""]:
    """What a committing learner's policy gains over the base if its codeword is right (tokens)."""
    ratio = learner.policy(game.law, game, leashed)
    return xp.mean(game.law.expectation(ratio) - game.law.mean)


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
    expert = game.ball.expert(game.law, game.expert_radius).value[prompt]
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


@dataclass(frozen=True)
class _Evidence:
    """What the learners of a game may see: how it is drawn, and its law where that is known.

    Attributes:
      draw: by the side of a learner, from a key to one data set; sides that nobody plays are left
        out.
      law: by the side of a learner, both ends; None where every data set has a law of its own.
    """

    draw: dict[str, Callable[[PRNGKeyArray], Demonstrations | Labels]]
    law: dict[str, LikelihoodEnds | LabelEnds | None]


def evidence_laws(
    game: RelabellingGame, plan: Plan
) -> dict[str, LikelihoodEnds | LabelEnds | None]:
    """Both ends of the law of what is decisive in the evidence, by the sides that play.

    That of the log-likelihood ratio for verifier-free learners, of the labels' log-probability for
    verifier-based ones; None where every data set has a law of its own.
    """
    sides = {LEARNERS[name].side for name in plan.learners}
    laws: dict[str, LikelihoodEnds | LabelEnds | None] = {}
    if "verifier-free" in sides:
        laws["verifier-free"] = _shared_likelihood(game, plan.cells)
    if "verifier-based" in sides:
        laws["verifier-based"] = label_ends(game.law, game.data_budget)
    return laws


def _evidence(game: RelabellingGame, plan: Plan) -> _Evidence:
    evidence = _Evidence({}, evidence_laws(game, plan))
    for side, law in evidence.law.items():
        evidence.draw[side] = (
            LabelSampler(
                label_lattice(game.law, game.data_budget), game.log2_class_size, plan.listed
            )
            if side == "verifier-based"
            # Maximum likelihood on it has the risk that is called `exact` less its error.
            else _demonstrations(game, law.high if isinstance(law, LikelihoodEnds) else None, plan)
        )
    return evidence


def _replicate(
    key: PRNGKeyArray,
    prompt: UInt[Array, ""],
    *,
    game: RelabellingGame,
    learners: Sequence[Learner | AveragingLearner],
    evidence: _Evidence,
) -> tuple[dict[str, tuple[Array, Array]], Float[Array, ""]]:
    """One data set seen by every learner.

    Returns:
      By learner: the risks on the prompt, unleashed and leashed, of one that averages; the chance
      that the codeword is right and whether it is, of one that commits to a codeword. And the size
      of the version space, 0 where nobody sees labels.
    """
    sides = ("verifier-free", "verifier-based")
    # A learner reads the evidence of its own side.
    seen: dict[str, Any] = {
        side: evidence.draw[side](jax.random.fold_in(key, stream))
        for stream, side in enumerate(sides)
        if side in evidence.draw
    }
    played = {}
    for learner in learners:
        # By name, so that a learner's numbers do not depend on which others play.
        own_key = jax.random.fold_in(key, name_stream(learner.name))
        if isinstance(learner, AveragingLearner):
            played[learner.name] = _averaging_risk(
                own_key, learner, seen[learner.side], game, prompt
            )
        else:
            confidence = jnp.clip(learner.confidence(seen[learner.side]), 0.0, 1.0)
            played[learner.name] = (confidence, jax.random.uniform(own_key) < confidence)
    labels = seen.get("verifier-based")
    return played, labels.survivors if isinstance(labels, Labels) else jnp.zeros(())


def _in_chunks(
    function: Callable[[UInt[Array, ""]], Any], replicates: int, chunk: int
) -> PyTree[Array]:
    """The function of 0, 1, ... along a leading axis, vectorised over so many at a time."""
    # Whole chunks only, as a remainder would be compiled as a second program.
    chunks = -(-replicates // chunk)
    size = -(-replicates // chunks)
    indices = jnp.arange(chunks * size, dtype=jnp.uint32).reshape(chunks, size)
    results = lax.map(jax.vmap(function), indices)
    return jax.tree.map(lambda x: x.reshape(-1)[:replicates], results)


def _committing_risks(
    learner: CommittingLearner[Any],
    game: RelabellingGame,
    law: LikelihoodEnds | LabelEnds | None,
    confidence: Float[Array, " R"],
) -> tuple[Float[Array, " R"], Float[Array, " R"], Float[Array, " 2"], Float[Array, ""]]:
    """Risks of every replicate, unleashed and leashed; the mean and its error; being right's gain.

    The gain is that over the base where the codeword is the true one.
    """
    gain = policy_gain(learner, game, leashed=False)
    risk = game.expert_gain - confidence * gain
    leashed = game.expert_gain - confidence * policy_gain(learner, game, leashed=True)
    if law is None:
        return risk, leashed, jnp.full(2, jnp.nan, risk.dtype), gain
    low, high = confidence_ends(learner, law, game.log2_class_size)
    exact = game.expert_gain - (low + 0.5 * (high - low)) * gain
    error = 0.5 * (high - low) * xp.abs(gain)
    return risk, leashed, jnp.stack([exact, error]), gain


def _prompt_order(
    key: PRNGKeyArray, replicates: int, prompts: int
) -> Callable[[UInt[Array, "*batch"]], UInt[Array, "*batch"]]:
    """The fresh prompt of each replicate: the population in turn, to average over it evenly.

    Where the replicates end in the midst of it, the turn is in random order, so that those of the
    last round are drawn without replacement, which tests of the mean rest on.
    """
    if replicates % prompts:
        order = jax.random.permutation(key, prompts).astype(jnp.uint32)
        return lambda index: order[index % prompts]
    offset = jax.random.randint(key, (), 0, prompts)
    return lambda index: (index + offset.astype(index.dtype)) % prompts


def simulate_cell(key: PRNGKeyArray, game: RelabellingGame, plan: Plan) -> dict[str, Summary]:
    """Simulate every learner of the plan in one cell. Pure; jit with `plan` static, then vmap."""
    learners = [LEARNERS[name] for name in plan.learners]
    evidence = _evidence(game, plan)
    prompts = game.law.probabilities.shape[0]
    prompt_of = _prompt_order(jax.random.fold_in(key, plan.replicates), plan.replicates, prompts)

    def replicate(index: UInt[Array, ""]):
        own = jax.random.fold_in(key, index)
        return _replicate(own, prompt_of(index), game=game, learners=learners, evidence=evidence)

    played, survivors = _in_chunks(replicate, plan.replicates, plan.chunk)
    strata = prompt_of(jnp.arange(plan.replicates, dtype=jnp.uint32))
    summaries = {}
    for learner in learners:
        if isinstance(learner, AveragingLearner):
            risk, leashed = played[learner.name]
            exact = jnp.full(2, jnp.nan, risk.dtype)
            none = jnp.zeros(0, risk.dtype)
            labelled = learner.side == "verifier-based"
            outcomes = _tally(risk, survivors) if labelled else (none, none)
        else:
            confidence, right = played[learner.name]
            committing: Any = learner  # It reads the law of its own side alone.
            risk, leashed, exact, gain = _committing_risks(
                committing, game, evidence.law[learner.side], confidence
            )
            hits = jnp.sum(right.astype(risk.dtype))
            outcomes = (
                jnp.stack([game.expert_gain - gain, game.expert_gain]),
                jnp.stack([hits, plan.replicates - hits]),
            )
        summaries[learner.name] = Summary(
            mean=jnp.mean(risk),
            variance=_variance_within(risk, strata, prompts),
            total_variance=jnp.var(risk, ddof=1),
            leashed_mean=jnp.mean(leashed),
            leashed_variance=_variance_within(leashed, strata, prompts),
            exact=exact[0],
            exact_error=exact[1],
            outcome_risk=outcomes[0],
            outcome_count=outcomes[1],
        )
    return summaries


@partial(jax.jit, static_argnames="plan")
def simulate_cells(
    keys: Key[Array, " cells"], games: RelabellingGame, plan: Plan
) -> dict[str, Summary]:
    """`simulate_cell` over a leading axis of cells of one shape."""
    return jax.vmap(lambda key, game: simulate_cell(key, game, plan))(keys, games)
