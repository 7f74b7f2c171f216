"""Figure `anticoncentration`: two reward laws of equal mean, one sharp and one spread.

Exact, from the theory's functions: nothing is sampled. Shows where the chi-square expert's level
lies in each law and how much of the base reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Content
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = (
    "Of two reward laws with one mean the spread one has the expert farther above it, and more of "
    "the base still reaches the expert."
)

_HORIZON = 256
_RADIUS = 1.0
_MARGINS = np.geomspace(0.05, 8.0, 200)
_STEPS, _ALPHA, _BETA = 24.0, 0.5, 20.0
_BIN = 8


def _compute(tables: Sequence[Path], full: bool) -> dict[str, Any]:
    import jax.numpy as jnp
    from scipy.optimize import root_scalar

    from verigap.theory import (
        RewardLaw,
        anti_concentration,
        chi2_ball_expert,
        level_coverage,
        top_share_coverage,
    )
    from verigap.theory.families import beta_geometric_hitting_time, negative_binomial_hitting_time

    spread = beta_geometric_hitting_time(jnp.asarray(_ALPHA), jnp.asarray(_BETA), _HORIZON)

    def sharp_law(rate: float) -> RewardLaw:
        return negative_binomial_hitting_time(jnp.asarray(_STEPS), jnp.asarray(rate), _HORIZON)

    rate = root_scalar(
        lambda rate: float(sharp_law(rate).mean - spread.mean), bracket=(0.02, 0.9), xtol=1e-12
    ).root
    laws = []
    for name, law in (("sharp", sharp_law(float(rate))), ("spread", spread)):
        expert = chi2_ball_expert(law, _RADIUS)
        laws.append(
            {
                "name": name,
                "probabilities": np.asarray(law.probabilities).round(9).tolist(),
                "mean": float(law.mean),
                "sd": float(law.sd),
                "expert": float(expert.value),
                "above": float(level_coverage(law, expert.value)),
                "top_share": float(top_share_coverage(law, expert.value)),
                "margins": _MARGINS.tolist(),
                "coverage": [float(anti_concentration(law, float(m))) for m in _MARGINS],
            }
        )
    return {
        "horizon": _HORIZON,
        "chi2_radius": _RADIUS,
        "steps": _STEPS,
        "rate": float(rate),
        "alpha": _ALPHA,
        "beta": _BETA,
        "laws": laws,
    }


NEEDS = {"laws": Content("anticoncentration", _compute)}


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from both laws."""
    from matplotlib.figure import Figure

    content = data["laws"]
    figure = Figure(figsize=(2.05 * COLUMN, 2.3))
    axes = figure.subplots(1, 3)
    axes[1].sharey(axes[0])
    for axis, law in zip(axes[:2], content["laws"], strict=True):
        _law(axis, law, content["horizon"])
    top = max(axis.dataLim.ymax for axis in axes[:2])
    for axis, law in zip(axes[:2], content["laws"], strict=True):
        _levels(axis, law, top)
    axes[0].set_ylabel(f"base probability (bins of {_BIN} tokens)")
    _coverage(axes[2], content["laws"])
    figure.tight_layout(w_pad=1.0)
    return figure


def _law(axis: Axes, law: Mapping[str, Any], horizon: int) -> None:
    """The law in bins, the part at or above the expert's level in blue."""
    mass = np.asarray(law["probabilities"])
    returns = np.arange(mass.size)
    # Returns 1 to H fill the bins; 0, a trace that is never correct, has one of its own.
    place = (returns + _BIN - 1) // _BIN
    reached = returns >= law["expert"]
    for chosen, color in ((~reached, GUIDE), (reached, VB)):
        heights = np.bincount(place, weights=mass * chosen, minlength=place.max() + 1)
        bottoms = 0.0 if color == GUIDE else np.bincount(place, weights=mass * ~reached)
        axis.bar(
            np.arange(heights.size) * _BIN - _BIN / 2, heights, 0.9 * _BIN, bottoms, color=color
        )
    axis.set_xlabel("return $R$ (tokens of correct trace)")
    axis.set_xlim(-_BIN - 2, horizon + 2)
    axis.set_xticks(np.linspace(0, horizon, 5))
    axis.set_title(rf"{law['name']}: $\sigma/H={law['sd'] / horizon:.2f}$")


def _levels(axis: Axes, law: Mapping[str, Any], top: float) -> None:
    """Mean of the base and value of the expert."""
    axis.set_ylim(0, 1.25 * top)
    for level, name, color, style, side in (
        ("mean", r"$\mu$", BOUND, ":", "right"),
        ("expert", r"$J^\ast$", "black", "-", "left"),
    ):
        axis.plot([law[level]] * 2, [0, 1.06 * top], style, color=color)
        axis.text(law[level], 1.12 * top, name, ha=side, color=color)


def _coverage(axis: Axes, laws: Sequence[Mapping[str, Any]]) -> None:
    margins = np.asarray(laws[0]["margins"])
    axis.plot(margins, 1 / (1 + margins), ":", color=BOUND)
    axis.text(1.2, 0.5, "ceiling", color=BOUND)
    for law, style, above in zip(laws, ("--", "-"), (-0.16, 0.03), strict=True):
        axis.step(margins, law["coverage"], style, color=VB, where="post")
        axis.text(margins[0], law["coverage"][0] + above, law["name"], color=VB)
    axis.set_xscale("log")
    axis.set_ylim(0, 1)
    axis.set_xlabel(r"margin $\epsilon$")
    axis.set_ylabel(r"$c(\epsilon)=P(R\geq\mu+\sigma\sqrt{\epsilon})$")


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the laws' parameters."""
    content = data["laws"]
    each = "; ".join(
        f"{law['name']}: expert at {law['expert']:.1f} = mean + "
        f"{law['expert'] - law['mean']:.1f} tokens, base mass at or above it {law['above']:.3f}, "
        f"largest share that averages it {law['top_share']:.3f}"
        for law in content["laws"]
    )
    return (
        f"Two exact reward laws of mean {content['laws'][0]['mean']:.1f} tokens at H = "
        f"{content['horizon']}: correct after {content['steps']:g} successes of rate "
        f"{content['rate']:.3f} a token (sharp), and after one success whose rate is "
        f"Beta({content['alpha']:g}, {content['beta']:g}) from trace to trace (spread). J*: value "
        f"of the best policy within chi-square {content['chi2_radius']:g} of the base. Blue: the "
        f"mass at or above it. {each}. Right: base mass at or above mean + sd sqrt(epsilon), and "
        "the ceiling 1/(1 + epsilon) that no law exceeds; the spread law's ends where its largest "
        "return does. Computed, not sampled."
    )
