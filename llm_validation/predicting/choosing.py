"""Which predictor fits a small measured slice, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from verigap.llm_validation.predicting.calibration import Slice, prediction_errors
from verigap.llm_validation.predicting.draws import Draws
from verigap.llm_validation.predicting.prediction import Predictor


@dataclass(frozen=True, eq=False)
class Choice:
    """The predictor that fits a slice better, and the prediction that follows.

    Attributes:
      predictor: of the smaller misfit on the slice; the first where neither can be told.
      probability: share of the replicates in which it is that, NaN without a choice.
      draws: of that predictor in row 0, then in each replicate those of the predictor that fits
        this replicate of the slice.
    """

    predictor: Predictor
    probability: float
    draws: Draws


def misfit(
    predicted: Draws, horizons: Sequence[int], data_budgets: Sequence[int], measured: Slice
) -> Float[np.ndarray, " rows"]:
    """Root mean square error of leashed suboptimality, cloning and verifying, as a share of H.

    Args:
      predicted: replicates of the same prompts as those of the slice.
      horizons: H of the prediction.
      data_budgets: n of the prediction.
      measured: the slice; cells that were not predicted are left out.

    Returns:
      One number a row of the draws; NaN where nothing was measured that was predicted.
    """
    errors = [np.full(len(predicted.base), np.nan)]
    for learner in ("vf-mle", "vb-version-space"):
        for row, _, error in prediction_errors(
            predicted, horizons, data_budgets, measured, learner
        ):
            errors.append(error / horizons[row])
    if len(errors) == 1:
        return errors[0]
    return np.sqrt(np.mean(np.square(errors[1:]), axis=0))


def choose(
    draws: Mapping[Predictor, Draws],
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    measured: Slice | None,
) -> Choice:
    """The predictor that fits a slice, and the mixture of all by how often each fits.

    Args:
      draws: of every predictor, of the same prompts.
      horizons: H of the prediction.
      data_budgets: n of the prediction.
      measured: the slice; without one the first predictor is taken.
    """
    names = list(draws)
    if measured is None or len(names) == 1:
        return Choice(names[0], float("nan"), draws[names[0]])
    errors = np.stack([misfit(each, horizons, data_budgets, measured) for each in draws.values()])
    best = np.argmin(np.where(np.isfinite(errors), errors, np.inf), axis=0)
    if not np.isfinite(errors[:, 0]).any():
        return Choice(names[0], float("nan"), draws[names[0]])
    share = float(np.mean(best[1:] == best[0])) if best.size > 1 else float("nan")
    return Choice(names[best[0]], share, _mixed(list(draws.values()), best))


def _mixed(draws: Sequence[Draws], best: Int[np.ndarray, " rows"]) -> Draws:
    own = draws[best[0]]

    def pick(values: Sequence[Float[np.ndarray, "*any"]]) -> Float[np.ndarray, "*any"]:
        found = np.stack(values)[best, np.arange(best.size)]
        # A learner that another predictor says nothing about keeps its own replicates.
        return np.where(np.isnan(found), values[best[0]], found)

    return Draws(
        pick([each.base for each in draws]),
        pick([each.expert for each in draws]),
        {name: pick([each.suboptimality[name] for each in draws]) for name in own.suboptimality},
    )
