"""What large-sample theory leaves out, read off a measured slice.

The parameter of a learner has a bias of order 1/n, which its normal law does not know, so that the
mean value differs from that over the law by c/n + o(1/n). The c of a learner is taken to be one
share of what an expert gains, the same at every budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verigap.llm_validation.predicting.calibration import MEASURED_AS, Slice, prediction_errors
from verigap.llm_validation.predicting.draws import Draws


def corrected(
    predicted: Draws, horizons: Sequence[int], data_budgets: Sequence[int], measured: Slice
) -> Draws:
    """The prediction plus c/n, in every replicate with the c of this replicate of the slice.

    Least squares over the cells that the slice shares with the prediction, of errors as shares of
    H. Values are kept in [0, H] tokens: a budget that hardly lets the expert gain anything says
    little of what c/n is at another.

    Args:
      predicted: replicates of the same prompts as those of the slice.
      horizons: H of the prediction.
      data_budgets: n of the prediction.
      measured: the slice; a learner of which it knows no cell that was predicted is left as it is.
    """
    budgets = np.asarray(horizons, float)[:, None]
    # Where c is 1, shape (B + 1, horizons, data_budgets).
    unit = (predicted.expert - predicted.base)[:, :, None] / np.asarray(data_budgets, float)
    most = predicted.expert[:, :, None]
    found = dict(predicted.suboptimality)
    for learner in MEASURED_AS:
        product, square = np.zeros((2, len(unit)))
        for row, column, error in prediction_errors(
            predicted, horizons, data_budgets, measured, learner
        ):
            share = unit[:, row, column] / horizons[row]
            known = np.isfinite(error)
            product += np.where(known, share * error / horizons[row], 0.0)
            square += np.where(known, share**2, 0.0)
        constant = np.divide(product, square, out=np.zeros_like(product), where=square > 0)
        moved = found[learner] + constant[:, None, None] * unit
        found[learner] = np.clip(moved, most - budgets, most)
    return replace(predicted, suboptimality=found)
