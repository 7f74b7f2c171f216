"""Both decisions of one group: how to select among N samples, and what to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.deciding import selection as selecting
from verigap.llm_validation.deciding import training
from verigap.llm_validation.deciding.erring_check import Tolerance, tolerance
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.outcomes import Currency, Outcomes, outcomes_at
from verigap.llm_validation.deciding.rule import Decision, Margin, best_arm, decide, margin_of
from verigap.llm_validation.deciding.selection import Selection, select
from verigap.llm_validation.deciding.training import Training, train
from verigap.llm_validation.pools.leashes import Leash
from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.stages import RunStage, run_stage

Verifier = Literal["exact", "learned", "score"]
VERIFIERS: tuple[Verifier, ...] = ("exact", "learned", "score")
BudgetSource = Literal["given", "the sampling limit", "the longest trace", "no lengths"]
_DIGITS = 9
_ARMS_OF: dict[Verifier, tuple[str, ...]] = {
    "exact": selecting.EXACT,
    "learned": selecting.BY_LEARNED,
    "score": selecting.BY_SCORE,
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks of both decisions.

    Attributes:
      num_candidates: N that the decisions are about, at least 1.
      data_budgets: n, ascending; the decisions are about the largest.
      leash: of trained policies.
      worth: least gain that counts, as a share of the largest reward in (0, 1); None for one point
        or a tenth of the headroom.
      seed: of all randomness.
    """

    num_candidates: int
    data_budgets: tuple[int, ...]
    leash: Leash
    worth: float | None
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class InCurrency:
    """Both decisions in one currency.

    Attributes:
      at: joint means of the arms of selection, by N.
      margin: least gain that counts, in both decisions.
      select: decision among the arms that need no exact check.
      by_verifier: decision among the arms without a verifier and those with one kind of it, for
        the kinds that the table allows.
      trained: joint means of the arms of training, and of the "expert", at the first leash and the
        largest n; None where nothing can be trained.
      train: decision among the base and the trained policies; None likewise.
    """

    at: dict[int, JointMeans]
    margin: Margin
    select: Decision
    by_verifier: dict[Verifier, Decision]
    trained: JointMeans | None
    train: Decision | None


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupDecisions:
    """Both decisions of one (dataset, model).

    Attributes:
      horizon: the budget H; None where no lengths are known, and nothing is cut.
      horizon_source: where H comes from.
      num_candidates: N that the decisions are about.
      data_budget: n that they are about.
      outcomes: worth of every sample at H.
      selection, training: every arm on every prompt; no training with a single prompt.
      by_currency: the decisions; "return" only where there are lengths.
      seed: of all randomness.
    """

    horizon: int | None
    horizon_source: BudgetSource
    num_candidates: int
    data_budget: int
    outcomes: Outcomes
    selection: Selection
    training: Training | None
    by_currency: dict[Currency, InCurrency]
    seed: int

    def best_without_check(self, currency: Currency, verifier: Verifier | None) -> str:
        """The best arm at N that needs no exact check: the first within half the margin.

        Args:
          currency: that it is best in.
          verifier: the one that there is; its arms alone take part, beside those without any. None
            for every kind.
        """
        here = self.by_currency[currency]
        joint = here.at[self.num_candidates]
        at_hand = [arm for arm in sum(arms_of(joint, verifier), ()) if arm not in selecting.EXACT]
        return best_arm(joint, at_hand, here.margin)

    def tolerance(self, verifier: Verifier | None) -> Tolerance:
        """How much an exact check may err before it adds nothing to `best_without_check`.

        Args:
          verifier: the one that there is, of that arm; None for every kind.
        """
        n, selected = self.num_candidates, self.selection
        means = self.by_currency["accuracy"].at[n].means
        without = means[self.best_without_check("accuracy", verifier)]
        return tolerance(selected.correct, selected.sizes, n, without)


def budget_of(pools: SamplePools) -> tuple[int | None, BudgetSource]:
    """The budget H of a group by default, and where it comes from."""
    if pools.limit is not None:
        return pools.limit, "the sampling limit"
    if np.isfinite(pools.longest):
        return max(1, int(pools.longest)), "the longest trace"
    return None, "no lengths"


def decide_group(
    pools: SamplePools,
    horizon: int | None,
    request: Request,
    advance: Callable[[float], None] | None = None,
    run: RunStage = run_stage,
) -> GroupDecisions:
    """Both decisions for the pools of one group.

    Args:
      pools: samples of at least one prompt; lengths are not needed.
      horizon: H; None for the default of `budget_of`.
      request: what is asked.
      advance: called with the share of the selecting that is done.
      run: runs the stages "selecting" and "training".

    Example:
      >>> from verigap.llm_validation.deciding.leashes import USUAL
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.decisions import Request, decide_group
      >>> from verigap.llm_validation.pools.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> request = Request(
      ...     num_candidates=8, data_budgets=(16, 64), leash=USUAL, worth=None, seed=0
      ... )
      >>> found = decide_group(pools, None, request)
      >>> found.horizon, found.horizon_source, found.by_currency["accuracy"].select.best_plain
      (64, 'the sampling limit', 'vote')
    """
    budget, source = budget_of(pools) if horizon is None else (horizon, "given")
    found = outcomes_at(pools, budget)
    n = max(request.data_budgets)
    selected = run(
        "selecting",
        lambda: select(
            found,
            labels=n,
            num_candidates=request.num_candidates,
            seed=request.seed,
            advance=advance,
        ),
    )
    at_n = selected.counts[selected.position(request.num_candidates)]
    trained = None
    if pools.prompts > 1:
        trained = run("training", lambda: _trained(found, at_n, request))
    by_currency: dict[Currency, InCurrency] = {
        currency: _in_currency(found, selected, trained, currency, at_n, request)
        for currency in found.rewards
    }
    return GroupDecisions(
        horizon=budget,
        horizon_source=source,
        num_candidates=at_n,
        data_budget=n,
        outcomes=found,
        selection=selected,
        training=trained,
        by_currency=by_currency,
        seed=request.seed,
    )


def _trained(found: Outcomes, n: int, request: Request) -> Training:
    return train(
        found,
        data_budgets=request.data_budgets,
        leash=request.leash,
        num_candidates=n,
        seed=request.seed,
    )


def _in_currency(
    found: Outcomes,
    selected: Selection,
    trained: Training | None,
    currency: Currency,
    n: int,
    request: Request,
) -> InCurrency:
    most, seed = found.scale(currency), request.seed
    worth = None if request.worth is None else request.worth * most
    values = selected.values[currency]
    at = {
        count: JointMeans.of(
            {arm: v[place] for arm, v in values.items()},
            shifts={arm: v[place] for arm, v in selected.shifts.get(currency, {}).items()},
            most=most,
            seed=seed,
            highest="exact",
        )
        for place, count in enumerate(selected.counts)
    }
    here = at[n]
    margin = margin_of(here, worth, ceiling="exact", floor="single")
    reward = found.rewards[currency]
    # With one sample a prompt nothing shows that others would be like it, unless it is the best.
    full = here.means["single"] >= most
    seen = selected.counts[-1] > 1 or full
    # One sample is all there is at N = 1: no arm can differ from another.
    mixed = _mixed(found, reward)[selected.prompts].sum() if n > 1 else 0

    def among(kind: Verifier | None) -> Decision:
        return decide(
            here,
            *arms_of(here, kind),
            margin,
            int(mixed),
            ceiling="exact",
            highest="exact" if n > 1 or full else None,
        )

    joint, choice = None, None
    if trained is not None:
        joint = _joint_of_training(trained, currency, most, seed)
        choice = decide(
            joint,
            training.UNTRAINED,
            training.TRAINED,
            margin,
            int(_mixed(found, reward).sum()),
            highest="expert" if seen else None,
        )
    return InCurrency(
        at=at,
        margin=margin,
        select=among(None),
        by_verifier={kind: among(kind) for kind in VERIFIERS if arms_of(here, kind)[1]},
        trained=joint,
        train=choice,
    )


def _joint_of_training(trained: Training, currency: Currency, most: float, seed: int) -> JointMeans:
    """Of the policies at the first leash and the largest n, and of the expert."""
    return JointMeans.of(
        {arm: v[-1] for arm, v in trained.values[currency][0].items()}
        | {"expert": trained.expert[currency]},
        shifts={arm: v[-1] for arm, v in trained.shifts[currency][0].items()},
        most=most,
        seed=seed,
    )


def _mixed(found: Outcomes, reward: Float[np.ndarray, "P K"]) -> Bool[np.ndarray, " P"]:
    """On which prompts samples differ in reward."""
    most = np.where(found.mask, reward, -np.inf).max(axis=1)
    return most > np.where(found.mask, reward, np.inf).min(axis=1)


def allowed(arm: str, verifier: Verifier) -> bool:
    """Whether an arm of selection needs no verifier, or one of this kind.

    Args:
      arm: an arm of selection.
      verifier: the kind that there is.

    Example:
      >>> from verigap.llm_validation.deciding.decisions import allowed
      >>> [allowed(arm, "learned") for arm in ("vote", "best_learned", "best_score", "exact")]
      [True, True, False, False]
    """
    return arm in selecting.WITHOUT_VERIFIER or arm in _ARMS_OF[verifier]


def arms_of(
    joint: JointMeans, verifier: Verifier | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arms without a verifier, and those with one kind of it, that the table allows.

    Args:
      joint: of all arms of selection.
      verifier: the kind; None for every kind but the exact check.
    """
    kinds = ("score", "learned") if verifier is None else (verifier,)
    others = (arm for kind in kinds for arm in _ARMS_OF[kind])
    return (
        tuple(arm for arm in selecting.WITHOUT_VERIFIER if arm in joint.means),
        tuple(arm for arm in others if arm in joint.means),
    )


def shortness_share(group: GroupDecisions, arm: str, other: str) -> float:
    """Share of the gain in return of an arm over another that shortness explains; NaN if none.

    With accuracy A and mean return of a right answer c = J/A, the gain is
    (A1 - A2)(c1 + c2)/2 + (c1 - c2)(A1 + A2)/2; the second term is shortness.

    Args:
      group: with returns.
      arm: an arm of selection, at N.
      other: the arm that it is compared with.
    """
    place = group.selection.position(group.num_candidates)
    returns = group.by_currency["return"].at[group.num_candidates].means

    def accuracy(name: str) -> float:
        table = group.selection.accuracy_for_return
        values = table.get(name, group.selection.values["accuracy"].get(name))
        return float("nan") if values is None else float(values[place].mean())

    rates = [(accuracy(name), returns[name]) for name in (arm, other)]
    if not all(rate > 0 for rate, _ in rates) or rates[0][1] == rates[1][1]:
        return float("nan")
    (first, earned), (second, earned_other) = rates
    shortness = (earned / first - earned_other / second) * (first + second) / 2
    # Of two terms, one may vanish: shares of as many right answers differ by rounding.
    return round(shortness / (earned - earned_other), _DIGITS)
