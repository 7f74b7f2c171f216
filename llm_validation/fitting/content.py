"""A fit as plain dictionaries and lists, ready for JSON."""

from __future__ import annotations

from typing import Any

from verigap.llm_validation.fitting.fit import Fit, GroupFit, PassAtK
from verigap.llm_validation.fitting.horizons import Heterogeneity, HorizonFit
from verigap.llm_validation.fitting.population import Coverage
from verigap.llm_validation.fitting.ungraded import UngradedBounds
from verigap.llm_validation.intervals import LEVEL, Statistic
from verigap.storage.units import shared_unit


def as_content(fit: Fit, *, per_prompt: bool = False) -> dict[str, Any]:
    """Everything in a fit; numbers that are not known are NaN.

    Every group has its `unit`; that of the whole is theirs, or None where they differ.

    Args:
      fit: the fit.
      per_prompt: whether each group lists its prompts.
    """
    return {
        "unit": shared_unit(group.counts.unit for group in fit.groups),
        "level": LEVEL,
        "seed": fit.seed,
        "c0": fit.grids.c0,
        "groups": [_group(group, per_prompt) for group in fit.groups],
        "left_out": [
            {"dataset": dataset, "model": model, "unverified": samples}
            for dataset, model, samples in fit.left_out
        ],
    }


def _statistic(statistic: Statistic) -> dict[str, Any]:
    return {key: float(value) for key, value in statistic._asdict().items()}


def _group(group: GroupFit, per_prompt: bool) -> dict[str, Any]:
    counts = group.counts
    content: dict[str, Any] = {
        "dataset": counts.dataset,
        "model": counts.model,
        "unit": counts.unit,
        "prompts": counts.prompts,
        "samples": int(counts.samples.sum()),
        "unverified": int(counts.unverified.sum()) + counts.left_out_samples,
        "prompts_left_out": counts.left_out,
        "ungraded_bounds": _ungraded(counts.ungraded),
        **counts.bi_level.content(),
        "correct_only_at_end": counts.correct_only_at_end,
        "warnings": list(group.warnings),
        "mean_correct": _statistic(group.mean_correct),
        "measured_k": group.measured_k,
        "pass_at_k": {str(k): _pass_at_k(value) for k, value in sorted(group.pass_at_k.items())},
        "success_laws": [{"name": law.name, "values": law.values} for law in group.success_laws],
        "mean_first_correct": _statistic(group.mean_first_correct),
        "horizons": [_horizon(fitted) for fitted in group.horizon_fits],
        "horizons_chosen": None if group.horizons_chosen is None else group.horizons_chosen.reason,
    }
    if per_prompt:
        content["per_prompt"] = _prompts(group)
    return content


def _ungraded(bounds: UngradedBounds | None) -> dict[str, Any] | None:
    if bounds is None:
        return None
    return {
        "ungraded": bounds.ungraded,
        "samples": bounds.samples,
        "mean_correct": list(bounds.mean_correct),
        "pass_at_k": {str(k): list(ends) for k, ends in bounds.pass_at_k.items()},
    }


def _pass_at_k(value: PassAtK) -> dict[str, Any]:
    content = {
        **_statistic(value.value),
        "prompts": value.prompts,
        "extrapolated": value.extrapolated,
    }
    if value.extrapolated:
        content["models"] = {name: _statistic(model) for name, model in value.models.items()}
    return content


def _horizon(fitted: HorizonFit) -> dict[str, Any]:
    return {
        "horizon": fitted.horizon,
        "success": _statistic(fitted.success),
        "mean_return": _statistic(fitted.mean_return),
        "sigma_over_h": _heterogeneity(fitted.sigma_over_h),
        "anticoncentration": [_coverage(row, "epsilon", "c") for row in fitted.anticoncentration],
        "reachable_coverage": [_coverage(row, "chi2_radius", "c_star") for row in fitted.reachable],
        "relative_horizon": _statistic(fitted.relative_horizon),
        "families": [
            {
                "name": family.name,
                "parameters": family.parameters,
                "free": family.free,
                "log_loss": family.log_loss,
                "distance": family.distance,
                "p_value": family.p_value,
            }
            for family in fitted.families
        ],
    }


def _heterogeneity(sigma: Heterogeneity) -> dict[str, Any]:
    return {
        **_statistic(sigma.mean),
        "naive": sigma.naive,
        "root_mean_square": _statistic(sigma.root_mean_square),
        "median": _statistic(sigma.quantiles[0.5]),
        "quantiles": {f"{level:g}": _statistic(row) for level, row in sigma.quantiles.items()},
        "naive_quantiles": {f"{level:g}": value for level, value in sigma.naive_quantiles.items()},
    }


def _coverage(row: Coverage, at: str, name: str) -> dict[str, Any]:
    return {
        at: row.at,
        name: row.mean.estimate,
        "low": row.mean.low,
        "high": row.mean.high,
        "naive": row.naive,
        "quantiles": {f"{level:g}": value for level, value in row.quantiles.items()},
        "share_at_least_c0": _statistic(row.share),
    }


def _prompts(group: GroupFit) -> list[dict[str, Any]]:
    counts = group.counts
    return [
        {
            "prompt_id": prompt,
            "samples": int(counts.samples[index]),
            "unverified": int(counts.unverified[index]),
            "correct": int(counts.correct[index]),
            "horizons": [
                {
                    "horizon": fitted.horizon,
                    "mean_return": float(fitted.mean_return_by_prompt[index]),
                    "sigma_over_h_naive": float(fitted.sigma_by_prompt[index]) / fitted.horizon,
                    "sigma_over_h": float(fitted.shrunken_sigma_by_prompt[index]) / fitted.horizon,
                }
                for fitted in group.horizon_fits
            ],
        }
        for index, prompt in enumerate(counts.prompt_ids)
    ]
