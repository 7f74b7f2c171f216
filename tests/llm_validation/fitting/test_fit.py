"""The fit as a whole: invariances, golden values of real data, degenerate tables, coverage."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from benchmarks.interval_coverage import HORIZON, coverage, truths
from tests.statistics import LEVEL as RISK
from verigap.llm_validation import fit
from verigap.llm_validation.fitting import deconvolution
from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.fitting.fit import Fit
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.traces import Traces, load_traces
from verigap.storage.tables import TableError

EXAMPLE = Path(__file__).parents[3] / "examples" / "game24_gpt4.parquet"
QUICK = 200
# Of gpt-4-cot at 128 tokens.
GOLDEN = {
    "mean correct": [0.0403, 0.0266662, 0.0772407],
    "mean first correct": [55.005, 54.3291, 56.0822],
    "pass@400, power law": [0.636471, 0.51548, 0.749433],
    "pass@400, mixture": [0.653105, 0.50839, 0.815377],
    "power law": [3.25219, 0.329437],
    "mean return": [2.982, 1.97191, 7.69948],
    "relative horizon": [2.32706, 2.28236, 2.35601],
    "sigma": [0.0729877, 0.0610091, 0.0926515],
    "rms": [0.104359, 0.0858107, 0.171081],
    "quantiles": [0.00744901, 0.040738, 0.191872],
    "median": [0.040738, 0.0216672, 0.087281],
    "naive": [0.0641625, 0.11492, 0.197827],
    "c(0.1)": [0.0406763, 0.0299806, 0.0640736, 0.5503],
    "c(2)": [0.0335544, 0.0249771, 0.0461209, 0.5449],
    "share of c(2)": [0.10749, 0.072581, 0.169653],
    "quantiles of c(2)": [0.000552779, 0.119203],
    "c*(0.5)": [0.0403061, 0.0294819, 0.0594665],
    "share of c*(1)": [0.120325, 0.0804074, 0.191605],
    "beta-geometric": [0.364208, 0.0201661, 0.01],
    "mixture": [0.306762, 0.0163498, 0.02],
    "never": [0.957536, 55.3873],
}


@pytest.fixture(scope="module")
def real() -> Traces:
    return load_traces(EXAMPLE)


@pytest.fixture(scope="module")
def fitted(real: Traces) -> Fit:
    return fit(real, [64, 128], replicates=QUICK)


def table(samples: list[list[int | None]], **columns: str) -> Traces:
    """Traces of some prompts, each given by its first-correct indices."""
    rows = [(prompt, first) for prompt, firsts in enumerate(samples) for first in firsts]
    frame = pl.DataFrame(
        {
            "prompt_id": [prompt for prompt, _ in rows],
            "correct": [first is not None for _, first in rows],
            "first_correct": pl.Series([first for _, first in rows], dtype=pl.Int64),
        }
    )
    return Traces(frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()}))


def test_known_figures_of_game24(fitted: Fit) -> None:
    cot, io = fitted.groups
    assert (cot.counts.model, io.counts.model) == ("gpt-4-cot", "gpt-4-io")
    for group, mean, solved in ((cot, 0.0403, 0.49), (io, 0.0734, 0.33)):
        assert group.mean_correct.estimate == pytest.approx(mean, abs=1e-12)
        assert group.pass_at_k[100].value.estimate == pytest.approx(solved, abs=1e-12)
        assert group.measured_k == 100
        assert not group.pass_at_k[100].extrapolated
        estimates = [row.value.estimate for _, row in sorted(group.pass_at_k.items())]
        assert (np.diff(estimates) >= 0).all()
        for budget in group.horizon_fits:
            sigma = budget.sigma_over_h
            # Bias correction goes up, and the mean stays below the root mean square.
            assert sigma.naive < sigma.mean.estimate < sigma.root_mean_square.estimate
            assert sigma.mean.low < sigma.mean.estimate < sigma.mean.high <= 0.5
    # The mean return and success within a budget, without any of our code.
    firsts = pl.read_parquet(EXAMPLE).filter(model="gpt-4-cot")["first_correct"]
    assert (firsts > 64).any()  # so that the smaller budget cuts some off
    for budget in cot.horizon_fits:
        mean = float((budget.horizon - firsts.drop_nulls() + 1).clip(0).sum()) / firsts.len()
        assert budget.mean_return.estimate == pytest.approx(mean, rel=1e-12)
        within = float((firsts <= budget.horizon).sum()) / firsts.len()
        assert budget.success.estimate == pytest.approx(within, rel=1e-12)


def test_golden_values_of_game24(fitted: Fit) -> None:
    """Estimates with their intervals, and laws: a change of the estimator has to be meant."""
    group = as_content(fitted)["groups"][0]
    budget = group["horizons"][1]
    sigma, coverage = budget["sigma_over_h"], budget["anticoncentration"]
    reachable, laws = budget["reachable_coverage"], group["success_laws"]
    pass_at_400 = group["pass_at_k"]["400"]["models"]
    beta_geometric, mixture, _ = budget["families"]
    ends = "estimate", "low", "high"
    found = {
        "mean correct": [group["mean_correct"][end] for end in ends],
        "mean first correct": [group["mean_first_correct"][end] for end in ends],
        "pass@400, power law": [pass_at_400["power law"][end] for end in ends],
        "pass@400, mixture": [pass_at_400["mixture"][end] for end in ends],
        "power law": [laws[0]["values"][name] for name in "ab"],
        "mean return": [budget["mean_return"][end] for end in ends],
        "relative horizon": [budget["relative_horizon"][end] for end in ends],
        "sigma": [sigma[end] for end in ends],
        "rms": [sigma["root_mean_square"][end] for end in ends],
        "quantiles": [sigma["quantiles"][level]["estimate"] for level in ("0.1", "0.5", "0.9")],
        "median": [sigma["median"][end] for end in ends],
        "naive": [sigma["naive"], *(sigma["naive_quantiles"][level] for level in ("0.75", "0.9"))],
        "c(0.1)": [coverage[0][key] for key in ("c", "low", "high", "naive")],
        "c(2)": [coverage[4][key] for key in ("c", "low", "high", "naive")],
        "share of c(2)": [coverage[4]["share_at_least_c0"][end] for end in ends],
        "quantiles of c(2)": [coverage[4]["quantiles"][level] for level in ("0.25", "0.9")],
        "c*(0.5)": [reachable[2][key] for key in ("c_star", "low", "high")],
        "share of c*(1)": [reachable[3]["share_at_least_c0"][end] for end in ends],
        "beta-geometric": [beta_geometric[key] for key in ("log_loss", "distance", "p_value")],
        "mixture": [mixture[key] for key in ("log_loss", "distance", "p_value")],
        "never": [mixture["parameters"]["never"], *mixture["parameters"]["means"]],
    }
    assert found == {name: pytest.approx(row, rel=5e-4) for name, row in GOLDEN.items()}


@pytest.mark.parametrize("first", [10, 25])
def test_pass_at_100_predicted_from_few_samples(real: Traces, first: int) -> None:
    part = fit(real, [64], samples=first, pass_at=[100], replicates=QUICK)
    for group, truth in zip(part.groups, (0.49, 0.33), strict=True):
        assert int(group.counts.samples.sum()) == 100 * first
        predicted = group.pass_at_k[100]
        assert predicted.extrapolated
        assert predicted.value.low < truth < predicted.value.high
        for model in predicted.models.values():
            assert predicted.value.low <= model.low <= model.high <= predicted.value.high


def test_order_and_other_groups_do_not_matter(real: Traces) -> None:
    frame = real.frame.filter(pl.col("model") == "gpt-4-cot")
    once = as_content(fit(Traces(frame), [96], replicates=QUICK))
    mixed = real.frame.sample(fraction=1.0, shuffle=True, seed=1)
    again = as_content(fit(Traces(mixed), [96], replicates=QUICK))
    assert json.dumps(again["groups"][0]) == json.dumps(once["groups"][0])


def test_seeds_move_intervals_only(fitted: Fit, real: Traces) -> None:
    other = fit(real, [64, 128], seed=1, replicates=QUICK).groups[0]
    mine = fitted.groups[0]
    assert other.mean_correct.estimate == mine.mean_correct.estimate
    assert other.mean_correct.low != mine.mean_correct.low
    assert other.horizon_fits[0].sigma_over_h.mean[0] == mine.horizon_fits[0].sigma_over_h.mean[0]


def test_unequal_numbers_of_samples() -> None:
    # Every k averages all three prompts; beyond the samples of one, a law is fitted.
    group = fit(table([[1, None, None], [None] * 3, [2]]), [8], replicates=QUICK).groups[0]
    assert group.pass_at_k[1].value.estimate == pytest.approx((1 / 3 + 0 + 1) / 3)
    assert group.measured_k == 1
    assert group.pass_at_k[2].extrapolated
    assert {row.prompts for row in group.pass_at_k.values()} == {3}


@pytest.mark.parametrize(
    ("samples", "mean", "sigma"),
    [
        ([[None] * 5] * 12, 0.0, 0.0),
        ([[3] * 5] * 12, 6.0, 0.0),
        ([[None] * 4, [3] * 4] * 6, 3.0, 0.0),
    ],
    ids=["never", "always", "either"],
)
def test_prompts_without_spread(samples: list[list[int | None]], mean: float, sigma: float) -> None:
    budget = fit(table(samples), [8], replicates=QUICK).groups[0].horizon_fits[0]
    assert budget.mean_return.estimate == pytest.approx(mean)
    assert budget.mean_return.low <= mean <= budget.mean_return.high
    assert budget.mean_return.high > budget.mean_return.low
    assert budget.sigma_over_h.mean.estimate == sigma
    assert 0 < budget.sigma_over_h.mean.high <= 0.5
    assert np.isnan(budget.anticoncentration[0].mean.estimate)


@pytest.mark.parametrize(
    ("samples", "warning"),
    [
        ([[1, None, 4, None]], "one prompt"),
        ([[1], [None], [3], [None]] * 6, "one sample a prompt"),
        ([[1, None, 3]] * 25, "3 samples a prompt"),
        ([[None] * 9] * 25, "no sample is correct"),
    ],
)
def test_thin_tables_warn(samples: list[list[int | None]], warning: str) -> None:
    group = fit(table(samples), [8], replicates=QUICK).groups[0]
    assert any(warning in line for line in group.warnings)
    assert as_content(fit(table(samples), [8], replicates=QUICK), per_prompt=True)


def test_a_group_without_a_verdict_is_listed() -> None:
    good = table([[1, None], [2, 3]], model="good").frame
    bad = good.with_columns(
        model=pl.lit("bad"), correct=pl.lit(None, pl.Boolean), first_correct=pl.lit(None, pl.Int64)
    )
    both = fit(Traces(pl.concat([good, bad])), [4], replicates=QUICK)
    assert [group.counts.model for group in both.groups] == ["good"]
    assert both.left_out == (("", "bad", 4),)
    with pytest.raises(TableError, match="no trace could be verified"):
        fit(Traces(bad), [4])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"horizons": []}, "there are none"),
        ({"seed": -1}, "seed: -1 is out of range"),
        ({"samples": 0}, "first_samples: 0"),
        ({"replicates": 5}, "replicates: 5"),
        ({"pass_at": [0]}, "pass_at: 0"),
        ({"grids": Grids(c0=0.0)}, "c0: 0.0"),
        ({"grids": Grids(c0=float("nan"))}, "c0: nan"),
        ({"grids": Grids(margins=(-1.0,))}, "margins: -1.0"),
        ({"grids": Grids(chi2_radii=(1.0, 1.0))}, "chi2_radii: give distinct"),
    ],
)
def test_bad_arguments(arguments: dict, says: str) -> None:
    with pytest.raises(TableError, match=says):
        fit(table([[1, None]]), **{"horizons": [4], **arguments})


@pytest.mark.long
def test_intervals_cover_known_populations() -> None:
    known, repetitions = truths("beta"), 100
    found = coverage("beta", 50, 50, repetitions)
    for name in ("mean return", "mean sigma/H", "rms sigma/H", "c(0.5)", "c(1)", "c*(1)", "pass@8"):
        estimate, low, high = found[name].T
        held = int(np.sum((low <= known[name]) & (known[name] <= high)))
        # The issue asks for 92 % to 98 %; fewer than this has less than the named risk at 92 %.
        assert stats.binom.cdf(held, repetitions, 0.92) > RISK, name
        assert abs(estimate.mean() - known[name]) < estimate.std(), name
        # And not by being wide: half an interval is 1.96 sd of the estimator, which 100 repetitions
        # give within 30 % at more than four of its standard errors. Means of bounded numbers
        # leave room for one unseen prompt at either end: 1/51 of the range in all.
        room = {"mean return": HORIZON / 51, "pass@8": 1 / 51, "rms sigma/H": 0.04}.get(name, 0.0)
        ratio = float((high - low).mean() - room) / (2 * 1.96 * float(estimate.std(ddof=1)))
        assert 0.77 < ratio < 1.3, (name, ratio)


def test_fits_that_do_not_converge_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = table([[1, 4, None], [2, None, None], [5, 6, 7], [None] * 3])
    fine = fit(traces, [8], replicates=QUICK).groups[0]
    assert fine.horizon_fits[0].converged
    assert not any("converge" in warning for warning in fine.warnings)
    monkeypatch.setattr(deconvolution, "_STEPS", 1)
    rough = fit(traces, [8], replicates=QUICK).groups[0]
    assert not rough.horizon_fits[0].converged
    assert rough.warnings[-1] == (
        "H = 8: the fit of the law of prompts did not converge; sigma and coverage there are rough"
    )
