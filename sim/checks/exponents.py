"""Scaling exponents of a run: how bounds and simulated gaps grow with the horizon."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from verigap.sim.checks.values import Row, bound_values

_BASELINE = "vb-pessimism"


@dataclass(frozen=True)
class Exponent:
    """A fitted power of the horizon along one series of cells.

    Attributes:
      series: block and grid point of the cells.
      quantity: a bound's name, "risk LEARNER" against the demonstrating expert, or "gap LEARNER"
        for J_VB - J_VF, with both policies on the same leash or "unleashed"; VB is version space +
        pessimism.
      points: horizons used.
      slope: d ln quantity / d ln H.
      low, high: 95 % interval; a point for bounds, which carry no noise.
    """

    series: str
    quantity: str
    points: int
    slope: float
    low: float
    high: float


def fit_exponent(
    horizons: Float[np.ndarray, " points"],
    values: Float[np.ndarray, " points"],
    errors: Float[np.ndarray, " points"],
) -> tuple[float, float, float]:
    """Log-log least squares: slope and 95 % interval.

    The interval adds the scatter around the line (t distribution) and the Monte Carlo error of the
    values (delta method), so it covers curvature as well as noise.

    Example:
      >>> import numpy as np
      >>> from verigap.sim.checks import fit_exponent
      >>> horizons = np.asarray([4.0, 16.0, 64.0])
      >>> slope, low, high = fit_exponent(horizons, np.sqrt(horizons), np.zeros(3))
      >>> round(slope, 3)
      0.5
    """
    x = np.log(horizons)
    centred = x - x.mean()
    y = np.log(values)
    slope = np.sum(centred * y) / np.sum(centred**2)
    residual = y - y.mean() - slope * centred
    noise = np.sqrt(np.sum((centred * errors / values) ** 2)) / np.sum(centred**2)
    freedom = len(x) - 2
    spread = np.sqrt(np.sum(residual**2) / max(freedom, 1) / np.sum(centred**2))
    scatter = spread * special.stdtrit(freedom, 0.975) if freedom > 0 else 0.0
    half = np.hypot(scatter, special.ndtri(0.975) * noise)
    return float(slope), float(slope - half), float(slope + half)


def exponents(
    rows: Sequence[Row],
    bounds: Sequence[str] = ("VF-LOWER", "VF-LOWER-PROPER", "SEPARATION", "SEPARATION-LINEAR"),
) -> list[Exponent]:
    """Exponents of every series whose block asks for one, on the horizons where it is positive.

    Example:
      >>> from verigap.sim.checks import exponents
      >>> from verigap.sim.sweeps import read_rows
      >>> found = exponents(read_rows("docs/runs/quickstart"), ["VF-LOWER"])
      >>> sorted({row.quantity for row in found if row.quantity.startswith("risk")})
      ['risk vf-bayes', 'risk vf-mle', 'risk vf-posterior-sampling']
    """
    chosen = [row for row in rows if row["exponent"]]
    values = bound_values(chosen, bounds)
    series: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(chosen):
        series.setdefault((row["block"], row["series"]), []).append(index)
    found = []
    for (block, name), found_members in sorted(series.items()):
        members = sorted(found_members, key=lambda i: chosen[i]["horizon"])
        horizons = np.asarray([chosen[i]["horizon"] for i in members], float)
        tracks = {bound: (values[bound][0][members], np.zeros(len(members))) for bound in bounds}
        tracks |= _gaps([chosen[i] for i in members])
        for quantity, (track, errors) in tracks.items():
            usable = np.isfinite(track) & (track > 3 * errors) & (track > 0)
            if np.unique(horizons[usable]).size < 3:
                continue
            slope, low, high = fit_exponent(horizons[usable], track[usable], errors[usable])
            point = " ".join(f"{key}={value}" for key, value in json.loads(name).items())
            label = f"{block} {point}".strip()
            found.append(Exponent(label, quantity, int(usable.sum()), slope, low, high))
    return found


def _gaps(rows: Sequence[Row]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Simulated risk and J_VB - J_VF, with standard errors, of every verifier-free learner."""
    learners = [{entry["learner"]: entry for entry in row["learners"]} for row in rows]
    names = [name for name in learners[0] if name.startswith("vf-")]
    tracks = {}
    for name in names:
        risk = np.asarray([cell[name]["mean"] for cell in learners])
        spread = [
            cell[name]["variance"] / row["replicates"]
            for cell, row in zip(learners, rows, strict=True)
        ]
        tracks[f"risk {name}"] = (risk, np.sqrt(np.asarray(spread)))
    for prefix, label in (("leashed_", ""), ("", ", unleashed")):
        for name in names:
            if not all(name in cell and _BASELINE in cell for cell in learners):
                continue
            gap = [
                cell[name][f"{prefix}mean"] - cell[_BASELINE][f"{prefix}mean"] for cell in learners
            ]
            spread = [
                (cell[name][f"{prefix}variance"] + cell[_BASELINE][f"{prefix}variance"])
                / row["replicates"]
                for cell, row in zip(learners, rows, strict=True)
            ]
            tracks[f"gap {name}{label}"] = (np.asarray(gap), np.sqrt(np.asarray(spread)))
    return tracks
