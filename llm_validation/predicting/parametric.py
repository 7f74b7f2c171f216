"""What large-sample theory predicts for a log-linear policy and a logistic reward model.

Both learners are penalised M-estimators: with n traces the parameter is nearly normal about the
minimiser of the expected loss, with the sandwich covariance A^-1 B A^-1 / n of Huber 1967 (A the
Hessian of the expected loss, B the covariance of one trace's score), whether or not the class holds
the expert. The predicted value is the mean value over that normal law. For a smooth value it is
J(theta*) + tr(Hess J A^-1 B A^-1) / (2n) + o(1/n): a floor of misspecification, and a part that
falls like p/n (p features). Averaging over the law instead of expanding it keeps values in range
at small n and serves best-of-N, whose value has no derivatives.

The bias of the estimator, which is of order 1/n too, is left out; `correction.py` reads it off a
measured slice. The expectation is over the prompts of one half, the value over those of the other,
as learners meet new prompts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from verigap.llm_validation.intervals import Resampler
from verigap.llm_validation.pools.features import features, hashed_words
from verigap.llm_validation.pools.leashes import Leash, best_policy
from verigap.llm_validation.pools.newton import RIDGE, minimise
from verigap.llm_validation.pools.policy_values import halves, learner_values
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.pools.reward_model import INTERCEPT_RIDGE
from verigap.llm_validation.pools.selectors import win_table
from verigap.llm_validation.predicting.calibration import MEASURED_AS
from verigap.llm_validation.predicting.draws import LEARNERS, Draws, resampled_means
from verigap.theory.precision import to_resolution

SPLITS = 4
"""Halvings of the prompts, in pairs that swap the halves."""

DRAWS = 16
"""Draws of the parameter from its normal law, in antithetic pairs."""


class Estimator(NamedTuple):
    """The normal law of a penalised M-estimator.

    Attributes:
      centre: minimiser of the expected loss plus the penalty's share of one trace.
      root: a square root of the covariance.
      converged: whether Newton's method found the minimiser.
    """

    centre: Float[Array, " D"]
    root: Float[Array, "D D"]
    converged: Bool[Array, ""]


def estimator(
    loss: Callable[[Float[Array, " D"]], Float[Array, " outcomes"]],
    weight: Float[Array, " outcomes"],
    ridge: Float[Array, " D"],
    data: Float[Array, ""],
) -> Estimator:
    """Law of argmin of the summed loss of n independent outcomes plus ridge theta^2 / 2.

    Args:
      loss: of every possible outcome, convex in theta.
      weight: probability of each outcome.
      ridge: penalty of each coefficient, > 0.
      data: n.
    """

    def expected(theta: Float[Array, " D"]) -> Float[Array, ""]:
        return weight @ loss(theta) + ridge @ theta**2 / (2 * data)

    centre, converged, _ = minimise(expected, ridge.shape[0])
    scores = jax.jacfwd(loss)(centre)
    scores = scores - (weight @ scores)[None]
    # No fewer rows than columns: of fewer outcomes than coefficients R would not be square.
    missing = max(0, scores.shape[1] - scores.shape[0])
    rows = jnp.pad(jnp.sqrt(weight)[:, None] * scores, ((0, missing), (0, 0)))
    spread = jnp.linalg.qr(rows, mode="r")
    # A symmetric root is not needed: any R with R R' = A^-1 B A^-1 / n draws the same law.
    root = jnp.linalg.solve(jax.hessian(expected)(centre), spread.T) / jnp.sqrt(data)
    return Estimator(centre, root, converged)


def parametric_values(
    pools: SamplePools,
    horizon: int,
    data_budgets: Sequence[int],
    num_candidates: int,
    leash: Leash,
    seed: int = 0,
) -> dict[str, Float[np.ndarray, "data splits P"]]:
    """Predicted values of the learners on prompts they did not train on (tokens).

    Args:
      pools: samples of at least two prompts.
      horizon: H, tokens.
      data_budgets: n.
      num_candidates: N of best-of-N.
      leash: of the expert and of the leashed policies.
      seed: seed of the prompt splits and of the drawn parameters.

    Returns:
      "clone", "clone_leashed", "verify" and "verify_leashed"; NaN for the half that trains.
    """
    returns, mask = pools.returns(horizon), pools.mask
    phi = features(pools, horizon, hashed_words(pools))
    train = halves(pools.prompts, seeds=SPLITS, seed=seed + 1)
    expert = best_policy(returns, mask, leash)
    shown = train & (returns > 0).any(axis=1)
    rng = np.random.default_rng([seed, 2])
    normal = rng.standard_normal((DRAWS // 2, phi.values.shape[2] + 1))
    normal = jnp.asarray(np.concatenate([normal, -normal]))
    wins = win_table(pools.sizes, num_candidates)
    values, padded = jnp.asarray(phi.values), jnp.asarray(mask)
    samples = (values, padded, jnp.asarray(returns / horizon), jnp.asarray(expert))
    teaching = (jnp.asarray(shown, float), jnp.asarray(train, float))
    names = ("clone", "clone_leashed", "verify", "verify_leashed")
    means: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for n in data_budgets:
        policies, predicted, converged = _played(*samples, *teaching, normal, jnp.asarray(float(n)))
        _warn_unconverged(converged, horizon, n)
        drawn = np.asarray(policies), np.asarray(predicted)
        learned = learner_values(*drawn, returns, mask, wins, leash)
        for name, value in zip(names, learned, strict=True):
            means[name].append(value.mean(axis=1))
    return {name: np.where(train, np.nan, np.stack(value)) for name, value in means.items()}


def parametric_draws(
    pools: SamplePools,
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    num_candidates: int,
    leash: Leash,
    resampler: Resampler,
    seed: int = 0,
) -> Draws:
    """Replicates of the parametric prediction over the prompts that test and those that train.

    Test prompts are drawn anew. Training is not repeated: what another set of training prompts
    would do is told by the halvings, as a half of the prompts differs from all of them by as much
    as they differ from the population (McCarthy 1969, half-samples). A replicate adds a normal
    multiple of the deviation of each halving, the same for all learners, budgets and n.

    Args:
      pools: samples of at least two prompts.
      horizons: H, tokens.
      data_budgets: n.
      num_candidates: N of best-of-N.
      leash: of the expert and of the leashed policies.
      resampler: of the prompts.
      seed: seed of the prompt splits and of the drawn parameters.
    """
    base, expert, subs = [], [], {name: [] for name in LEARNERS}
    normal = np.random.default_rng([seed, 3]).standard_normal((len(resampler.weights), SPLITS))
    for horizon in horizons:
        values = parametric_values(pools, horizon, data_budgets, num_candidates, leash, seed)
        each = {name: np.nanmean(value, axis=1) for name, value in values.items()}
        mean, best = pool_values(pools, horizon, leash)
        drawn_mean, drawn_best = resampled_means(np.stack([mean, best], axis=1), resampler).T
        base.append(drawn_mean)
        expert.append(drawn_best)
        for name, learner in MEASURED_AS.items():
            drawn = resampled_means((best[None] - each[learner]).T, resampler)
            off = np.nanmean(values[learner] - each[learner][:, None], axis=2)
            # Deviations are from the mean of the halvings that test a prompt, half of them.
            drawn[1:] -= normal @ off.T / (SPLITS - 2) ** 0.5
            subs[name].append(drawn)
        subs["vf-bayes"].append(np.full_like(subs["vf-mle"][-1], np.nan))
    return Draws(
        np.stack(base, axis=1),
        np.stack(expert, axis=1),
        {name: np.stack(rows, axis=1) for name, rows in subs.items()},
    )


def pool_values(
    pools: SamplePools, horizon: int, leash: Leash
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """J_base and J_expert of every pool (tokens)."""
    returns = pools.returns(horizon)
    best = best_policy(returns, pools.mask, leash)
    return returns.sum(axis=1) / pools.sizes, (best * returns).sum(axis=1)


@jax.jit
def _played(
    phi: Float[Array, "P K D"],
    mask: Bool[Array, "P K"],
    labels: Float[Array, "P K"],
    expert: Float[Array, "P K"],
    shown: Float[Array, "splits P"],
    train: Float[Array, "splits P"],
    normal: Float[Array, "draws D+1"],
    data: Float[Array, ""],
) -> tuple[
    Float[Array, "splits draws P K"], Float[Array, "splits draws P K"], Bool[Array, "splits 2"]
]:
    """Policies of drawn clones, returns predicted by drawn reward models, and what converged."""
    dimensions = phi.shape[2]
    # Not -1: a group whose samples do not differ has no features.
    flat = phi.reshape(mask.size, dimensions)
    present = mask.astype(phi.dtype)
    uniform = present / jnp.sum(present, axis=1, keepdims=True)

    def scores(theta: Float[Array, " D"]) -> Float[Array, "P K"]:
        return jnp.where(mask, phi @ theta, -jnp.inf)

    def clone_loss(theta: Float[Array, " D"]) -> Float[Array, " outcomes"]:
        chosen = jnp.where(mask, phi @ theta, 0.0)
        normaliser = jax.nn.logsumexp(scores(theta), axis=1, keepdims=True)
        return (normaliser - chosen).ravel()

    def label_loss(theta: Float[Array, " D+1"]) -> Float[Array, " outcomes"]:
        odds = flat @ theta[:-1] + theta[-1]
        return jax.nn.softplus(odds) - labels.ravel() * odds

    def spread(share: Float[Array, " P"], policy: Float[Array, "P K"]) -> Float[Array, " PK"]:
        total = jnp.sum(share)
        return (share[:, None] / jnp.where(total > 0, total, 1.0) * policy).ravel()

    penalty = jnp.full(dimensions, RIDGE)
    both = jnp.append(penalty, INTERCEPT_RIDGE)

    def one(split: tuple[Array, Array]):
        demonstrated, labelled = split
        cloned = estimator(clone_loss, spread(demonstrated, expert), penalty, data)
        judged = estimator(label_loss, spread(labelled, uniform), both, data)
        theta = cloned.centre[None] + normal[:, :-1] @ cloned.root.T
        policies = jax.nn.softmax(jax.vmap(scores)(theta), axis=-1)
        theta = judged.centre[None] + normal @ judged.root.T
        odds = jnp.einsum("pkd,sd->spk", phi, theta[:, :-1]) + theta[:, -1, None, None]
        # Samples with the same features must tie, as they do in the measurement.
        converged = jnp.stack([cloned.converged, judged.converged])
        return policies, to_resolution(jax.nn.sigmoid(odds), 1.0), converged

    return jax.lax.map(one, (shown, train))


def _warn_unconverged(converged: Bool[Array, "splits 2"], horizon: int, data: int) -> None:
    failed = converged.size - int(jnp.sum(converged))
    if failed:
        warnings.warn(
            f"H = {horizon}, n = {data}: {failed} of {converged.size} fits behind the parametric "
            "prediction did not converge; its values there are rough",
            RuntimeWarning,
            stacklevel=3,
        )


class ErrorRates(NamedTuple):
    """How often a check is wrong: f_p of incorrect traces accepted, f_n of correct ones rejected.

    NaN where the pools hold no incorrect, or no correct, sample.
    """

    false_positive: float
    false_negative: float


def learned_error_rates(
    pools: SamplePools, horizon: int, data_budget: int, seed: int = 0
) -> ErrorRates:
    """Error rates of the learned reward model as a 0/1 check, on prompts it did not train on.

    The model of n labels is the centre of its normal law. It accepts as large a share of its
    training samples as are correct, those with the largest predicted return; every prompt weighs
    the same.

    Args:
      pools: samples of at least two prompts.
      horizon: H, tokens.
      data_budget: n.
      seed: seed of the prompt splits.
    """
    returns, mask = pools.returns(horizon), pools.mask
    phi = jnp.asarray(features(pools, horizon, hashed_words(pools)).values)
    train = halves(pools.prompts, seeds=SPLITS, seed=seed + 1)
    normal = jnp.zeros((1, phi.shape[2] + 1))
    expert = jnp.asarray(mask / pools.sizes[:, None])
    _, predicted, converged = _played(
        phi, jnp.asarray(mask), jnp.asarray(returns / horizon), expert,
        jnp.asarray(train, float), jnp.asarray(train, float), normal,
        jnp.asarray(float(data_budget)),
    )  # fmt: skip
    _warn_unconverged(converged, horizon, data_budget)
    right = (returns > 0) & mask
    weight = mask / pools.sizes[:, None]
    wrongly, missed = np.zeros(2), np.zeros(2)
    for scores, taught in zip(np.asarray(predicted)[:, 0], train, strict=True):
        own = taught[:, None] & mask
        share = (weight * right)[taught].sum() / max(int(taught.sum()), 1)
        accepted = scores >= np.quantile(scores[own], 1.0 - share) if share > 0 else scores > 2.0
        tested = weight * ~taught[:, None]
        wrongly += [(tested * accepted * ~right).sum(), (tested * ~right).sum()]
        missed += [(tested * ~accepted * right).sum(), (tested * right).sum()]
    return ErrorRates(*(float(a / b) if b > 0 else float("nan") for a, b in (wrongly, missed)))
