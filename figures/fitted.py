"""What `verigap fit` finds in the traces of real models: the content of three figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.figures.needs import Content
from verigap.figures.panels import dataset_name, group_name, model_name

TABLES = ("examples/game24_gpt4.parquet", "examples/smollm2_products.parquet")
BUDGETS = ((64, 128), (32, 64))
"""Two budgets for each table, in tokens. About its 90 % quantile of lengths, and twice that."""

MARGINS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
RADIUS = 1.0
"""kappa of the expert whose place in the phase diagram is asked for."""


def fitted(paths: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    """Heterogeneity and anti-concentration of every group of the tables, by budget.

    Args:
      paths: of `TABLES`.
      full: 4,000 bootstrap replicates instead of the default.
    """
    from verigap.llm_validation.fitting.content import as_content
    from verigap.llm_validation.fitting.fit import fit
    from verigap.llm_validation.fitting.population import Grids
    from verigap.llm_validation.reporting.phase import phase
    from verigap.llm_validation.traces import load_traces

    summaries = []
    for path, budgets in zip(paths, BUDGETS, strict=True):
        traces = load_traces(path)
        grids = Grids(margins=MARGINS, chi2_radii=(RADIUS,))
        result = fit(traces, budgets, grids=grids, replicates=4000 if full else None)
        for group in as_content(result, per_prompt=True)["groups"]:
            kept = _kept(group)
            for budget, own in zip(kept["budgets"], group["horizons"], strict=True):
                (reached,) = own["reachable_coverage"]
                # The place depends on neither n nor d; only the frontier does.
                place = phase(
                    traces, (group["dataset"], group["model"]), budget["horizon"], 1,
                    chi2_radius=RADIUS, log2_class_size=1.0,
                    coverage={float(level): c for level, c in reached["quantiles"].items()},
                )  # fmt: skip
                budget["place"] = place and place["here"]
            summaries.append(kept)
    return summaries


def _kept(group: Mapping[str, Any]) -> dict[str, Any]:
    """What is drawn."""
    budgets = [
        {
            "horizon": budget["horizon"],
            "sigma": {
                key: budget["sigma_over_h"][key] for key in ("estimate", "low", "high", "naive")
            },
            "anticoncentration": [
                {key: row[key] for key in ("epsilon", "c", "low", "high", "quantiles")}
                for row in budget["anticoncentration"]
            ],
            "naive_by_prompt": [
                prompt["horizons"][place]["sigma_over_h_naive"] for prompt in group["per_prompt"]
            ],
            "shrunken_by_prompt": [
                prompt["horizons"][place]["sigma_over_h"] for prompt in group["per_prompt"]
            ],
        }
        for place, budget in enumerate(group["horizons"])
    ]
    kept = ("dataset", "model", "prompts", "samples")
    return {**{key: group[key] for key in kept}, "budgets": budgets}


NEEDS = {"groups": Content("fitted", fitted, TABLES)}


def title(group: Mapping[str, Any]) -> str:
    """Model and data, in two lines."""
    return f"{model_name(group)}\n({dataset_name(group)})"


def sizes(groups: Sequence[Mapping[str, Any]]) -> str:
    """How much was sampled of each group."""
    each = [
        f"{group['prompts']} prompts with {group['samples'] // group['prompts']} samples each "
        f"({group_name(group)})"
        for group in groups
    ]
    return "; ".join(each)
