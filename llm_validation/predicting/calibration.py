"""What a small slice of a measurement can fix: the effective class size, and which predictor fits.

The slice holds the smaller half of the budgets and of the n, rounded up; everything larger stays
unseen until the prediction is scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.predicting.group_laws import GroupLaws
from verigap.llm_validation.predicting.prediction import PredictedCell, Predictor
from verigap.llm_validation.predicting.relabelling import cloning_shares

SIZES = tuple(float(size) for size in np.geomspace(0.25, 200.0, 24))
"""Effective log2 class sizes that are tried, bits."""


def smaller_half(values: Sequence[int]) -> tuple[int, ...]:
    """The smaller half of ascending numbers, rounded up."""
    return tuple(values[: (len(values) + 1) // 2])


def calibration_slice(measured: GroupMeasurement) -> GroupMeasurement:
    """The measurement without its larger budgets and n."""
    horizons, data = smaller_half(measured.horizons), smaller_half(measured.data)
    return replace(
        measured,
        horizons=horizons,
        data=data,
        extrapolated=measured.extrapolated[: len(horizons)],
        values={
            name: values[: len(horizons), : len(data)] for name, values in measured.values.items()
        },
    )


def effective_class_size(
    group: GroupLaws, measured: GroupMeasurement, seed: int = 0
) -> tuple[float, str]:
    """The d (bits) whose cloning falls short of the expert as the measured clone does.

    Least squares over the cells of `measured`, a slice, of the suboptimality within the leash as a
    share of H.

    Returns:
      d, and a warning where the slice does not fix it ("" where it does).
    """
    means = measured.means()
    misfit, informative = np.zeros(len(SIZES)), False
    for row, horizon in enumerate(measured.horizons):
        if horizon not in group.laws:
            continue
        for column, n in enumerate(measured.data):
            base, expert, clone = (
                means[name][row, column] / horizon for name in ("base", "expert", "clone_leashed")
            )
            if not expert - base > 1e-9:
                continue
            shares = cloning_shares(group.laws[horizon], measured.radius, n, SIZES, seed)
            if np.isfinite(clone):
                misfit += ((1.0 - shares) * (expert - base) - (expert - clone)) ** 2
                informative = True
    if not informative:
        return 20.0, "nothing to calibrate the class size on: d = 20 bits is a guess"
    # Of sizes that fit alike the smallest: what is larger predicts the same there.
    size = SIZES[int(np.argmin(np.round(misfit / max(misfit.min(), 1e-12), 3)))]
    if size in (SIZES[0], SIZES[-1]):
        return size, (
            f"no class size makes the game's clone as the measured one: d = {size:g} bits is the "
            "end of the range"
        )
    return size, ""


def misfit(cells: Sequence[PredictedCell], measured: GroupMeasurement) -> float:
    """Root mean square error of leashed suboptimality, cloning and verifying, as a share of H."""
    means = measured.means()
    errors = []
    for cell in cells:
        if cell.horizon not in measured.horizons or cell.data not in measured.data:
            continue
        at = measured.horizons.index(cell.horizon), measured.data.index(cell.data)
        for name, predicted in (
            ("clone_leashed", cell.vf_mle),
            ("verify_leashed", cell.vb_version_space),
        ):
            truth = means["expert"][at] - means[name][at]
            errors.append((predicted.estimate - truth) / cell.horizon)
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else float("nan")


def better_predictor(
    cells: Mapping[Predictor, Sequence[PredictedCell]], measured: GroupMeasurement
) -> Predictor:
    """The predictor of the smaller misfit on a slice; the first where neither can be told."""
    names = list(cells)
    errors = [misfit(cells[name], measured) for name in names]
    known = [error if np.isfinite(error) else np.inf for error in errors]
    return names[int(np.argmin(known))]
