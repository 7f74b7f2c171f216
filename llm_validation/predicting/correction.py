"""What large-sample theory leaves out, read off a measured slice.

A learner's mean value differs from that over the normal law of its parameter by c/n + o(1/n): the
parameter has a bias of order 1/n, which the law leaves out. The constant c of a learner is a share
of what an expert gains, the same at every budget, and fits the slice by least squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verigap.llm_validation.predicting.calibration import MEASURED_AS, Slice
from verigap.llm_validation.predicting.relabelling import Draws


def corrected(
    predicted: Draws, horizons: Sequence[int], data: Sequence[int], measured: Slice
) -> Draws:
    """The prediction plus c/n, in every replicate with the c of this replicate of the slice.

    Values stay in [0, H]. A budget that hardly lets the expert gain anything says little of c.

    Args:
      predicted: replicates of the same prompts as those of the slice.
      horizons: H of the prediction.
      data: n of the prediction.
      measured: the slice; a learner of which it holds no cell that was predicted is left as it is.
    """
    gain = predicted.expert - predicted.base
    rows = len(gain)
    by_n = 1.0 / np.asarray(data, float)
    most = predicted.expert[:, :, None]
    found = dict(predicted.suboptimality)
    for name, policy in MEASURED_AS.items():
        off, scale = np.zeros(rows), np.zeros(rows)
        short = measured.means["expert"] - measured.means[policy]
        for at, horizon in enumerate(measured.horizons):
            for column, n in enumerate(measured.data):
                if horizon not in horizons or n not in data:
                    continue
                row = horizons.index(horizon)
                error = short[:rows, at, column] - found[name][:, row, data.index(n)]
                per_unit = gain[:, row] / n
                known = np.isfinite(error)
                off += np.where(known, error * per_unit, 0.0) / horizon**2
                scale += np.where(known, per_unit**2, 0.0) / horizon**2
        constant = np.divide(off, scale, out=np.zeros(rows), where=scale > 0)
        moved = found[name] + constant[:, None, None] * gain[:, :, None] * by_n
        found[name] = np.clip(moved, most - np.asarray(horizons, float)[:, None], most)
    return replace(predicted, suboptimality=found)
