"""Figure `information-rates`: the data that cloning and verification need, against kappa.

Needs closed forms and a run of configs/figures-rates.yaml. Shows that the traces needed for each
bit of the class approach one over the information that a trace carries: KL(expert || base) for a
demonstration, which shrinks to 0 with kappa, and the entropy of the return for a label, which does
not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Content, Run
from verigap.figures.style import COLUMN, GUIDE, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from verigap.theory import RewardLaw

_LAWS = {
    "two-level": ("two levels, equally likely", (0.0, 1.0), (0.01, 1.0)),
    "success": ("success in 1 of 16 traces", (0.0,) * 15 + (1.0,), (0.03, 15.0)),
}
"""By block of the run: title, equally likely returns as shares of H, range of kappa."""

_BITS = (20, 80)
_BITS_FULL = (10, 20, 40, 80, 160)
_MOST = 1 << 20


def budgets(paths: Sequence[Path], full: bool) -> dict[str, Any]:
    """Rates, and the fewest traces that single out the codeword with probability 1/2.

    Args:
      paths: none.
      full: more radii and class sizes.
    """
    import jax
    import jax.numpy as jnp

    from verigap.theory import RewardLaw, chi2_ball_expert
    from verigap.theory.lattices import label_lattice, likelihood_lattice
    from verigap.theory.risks.version_space import survivor_share
    from verigap.theory.risks.vf_mle import probability_correct
    from verigap.theory.scaling import crossover

    @jax.jit
    def cloned(law: RewardLaw, kappa: Any, n: Any, bits: Any) -> jax.Array:
        ratio = chi2_ball_expert(law, kappa).density_ratio
        return probability_correct(likelihood_lattice(law, ratio, jnp.reshape(n, (1,))), bits)

    @jax.jit
    def verified(law: RewardLaw, n: Any, bits: Any) -> jax.Array:
        return survivor_share(label_lattice(law, n), bits)

    def needed(chance: Callable[[float, float], jax.Array]) -> list[int | None]:
        return [
            crossover(lambda n, d=float(d): float(chance(float(n), d)) - 0.5, high=_MOST)
            for d in sizes
        ]

    sizes = _BITS_FULL if full else _BITS
    by_block: dict[str, Any] = {}
    for block, (_, returns, (least, most)) in _LAWS.items():
        law = RewardLaw.equiprobable(jnp.asarray([returns], float))
        rows = [
            {
                "chi2_radius": float(kappa),
                "limit": limits(law, kappa)[0],
                "needed": needed(partial(cloned, law, float(kappa))),
            }
            for kappa in np.geomspace(least, most, 25 if full else 11)
        ]
        by_block[block] = {
            "bits": list(sizes),
            "cloning": rows,
            "verification": {
                "limit": limits(law, most)[1],
                "needed": needed(partial(verified, law)),
            },
        }
    return by_block


def limits(law: RewardLaw, kappa: float) -> tuple[float, float]:
    """Traces a bit of the class at the information rates of cloning and of verification."""
    import jax.numpy as jnp
    from scipy.stats import entropy

    from verigap.theory import chi2_ball_expert
    from verigap.theory.divergences import kl_divergence
    from verigap.theory.scaling import cloning_data_budget, verification_data_budget

    ratio = chi2_ball_expert(law, jnp.asarray(float(kappa))).density_ratio
    divergence = float(kl_divergence(ratio[0] * law.probabilities[0], law.probabilities[0]))
    _, counts = np.unique(np.asarray(law.atoms), return_counts=True)
    return cloning_data_budget(1.0, divergence), verification_data_budget(
        1.0, float(entropy(counts))
    )


NEEDS = {
    "budgets": Content("information-rates", budgets),
    "run": Run("configs/figures-rates.yaml", full="configs/figures-rates-full.yaml"),
}

SHOWS = (
    "A label tells the same whatever the expert; a demonstration tells KL(expert || base), so "
    "cloning needs more data the closer the expert is to the base."
)


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the budgets and the cells of a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.05 * COLUMN, 4.2))
    axes = figure.subplots(2, len(_LAWS))
    for column, (block, (title, _, _)) in enumerate(_LAWS.items()):
        own = data["budgets"][block]
        _needed(axes[0, column], own)
        axes[0, column].set_title(title)
        rows = sorted(
            (row for row in data["run"] if row["block"] == block),
            key=lambda row: row["data_budget"],
        )
        if not rows:
            raise ValueError(f"the run has no block {block!r}; sweep {NEEDS['run'].config} first")
        _risks(axes[1, column], rows)
    axes[0, 0].set_ylabel("traces needed a bit, $n^*/d$")
    axes[1, 0].set_ylabel("risk / $(J_e-J_b)$\non the same leash")
    lines, names = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].legend(lines[:2], names[:2], loc="upper right")
    axes[0, 1].legend(lines[2:], names[2:], loc="upper right")
    axes[1, 0].legend(loc="lower left", bbox_to_anchor=(0.34, 0.2))
    figure.tight_layout(w_pad=1.0, h_pad=1.0)
    return figure


def _needed(axis: Axes, own: Mapping[str, Any]) -> None:
    """Exact budgets and their limits against kappa."""
    rows = own["cloning"]
    kappa = [row["chi2_radius"] for row in rows]
    axis.plot(
        kappa,
        [row["limit"] for row in rows],
        color=VF,
        label=r"VF: $\ln2/\mathrm{KL}(\pi_e\|\pi_b)$",
    )
    limit = own["verification"]["limit"]
    axis.plot([kappa[0], kappa[-1]], [limit] * 2, color=VB, label=r"VB: $\ln2/\mathcal{H}(P)$")
    for place, bits in enumerate(own["bits"]):
        look = {"marker": "os^vD"[place], "ls": "none", "mfc": "white", "ms": 3}
        each = [np.nan if row["needed"][place] is None else row["needed"][place] for row in rows]
        axis.plot(kappa, np.asarray(each) / bits, color=VF, **look)
        verified = own["verification"]["needed"][place] / bits
        axis.plot(kappa, [verified] * len(kappa), color=VB, **look)
        axis.plot([], [], color=GUIDE, label=f"exact, $d={bits}$", **look)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(r"radius $\kappa$ of the expert")


def _risks(axis: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Simulated risks against the data, as shares of what the expert adds."""
    data = np.asarray([row["data_budget"] for row in rows], float)
    for name, marker, color, face, label in (
        ("vf-mle", "s", VF, "white", "VF-MLE"),
        ("vf-bayes", "o", VF, VF, "VF-Bayes"),
        ("vb-plug-in", "s", VB, "white", "VB plug-in"),
        ("vb-pessimism", "o", VB, VB, "VB pessimism"),
    ):
        mean, half = [], []
        for row in rows:
            (entry,) = [entry for entry in row["learners"] if entry["learner"] == name]
            mean.append(entry["leashed_mean"] / row["expert_gain"])
            error = (entry["leashed_variance"] / row["replicates"]) ** 0.5
            half.append(1.96 * error / row["expert_gain"])
        axis.errorbar(
            data, mean, half, color=color, marker=marker, mfc=face, ms=3, lw=0.8, capsize=1.2,
            label=label,
        )  # fmt: skip
    for limit, color in zip(_limits_of(rows[0]), (VF, VB), strict=True):
        axis.axvline(rows[0]["log2_class_size"] * limit, color=color, ls=":", lw=1.0)
    axis.axhline(0.0, color=GUIDE, lw=0.6)
    axis.set_xscale("log", base=2)
    axis.set_xlabel(
        f"data $n$ (traces), $d={rows[0]['log2_class_size']:g}$, "
        f"$\\kappa={rows[0]['chi2_radius']:g}$"
    )


def _limits_of(row: Mapping[str, Any]) -> tuple[float, float]:
    import jax.numpy as jnp

    from verigap.theory import RewardLaw

    return limits(RewardLaw.equiprobable(jnp.asarray(row["atoms"], float)), row["chi2_radius"])


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    row = data["run"][0]
    sizes = ", ".join(str(bits) for bits in data["budgets"][row["block"]]["bits"])
    return (
        "Above: the fewest traces n* for which VF-MLE, or a random survivor of the version space "
        "(VB), is the true codeword with probability 1/2, so that half of what the expert adds is "
        f"lost, over the bits d of the class (d = {sizes}); computed exactly, not simulated. "
        "Lines: the limit of large d, ln 2 over the nats that a trace tells: KL(expert || base) "
        "for a demonstration, the entropy of the return for a label. Below: simulated risks "
        f"against the best expert of the ball, every policy on its leash ({row['replicates']} "
        "replicates, 95 % intervals); dotted: n at the rates. Left: a base that earns 0 or H with "
        "even odds; right: one that earns H in 1 of 16 traces."
    )
