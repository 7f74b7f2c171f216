"""The measurement as a whole: held-out prompts, leashes, known values, and poor tables."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from benchmarks import gap_coverage
from tests.llm_validation.pools.made_pools import table, traces
from tests.statistics import LEVEL
from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.measuring.content import as_content
from verigap.llm_validation.measuring.measure import default_data_budgets, default_horizons, measure
from verigap.llm_validation.measuring.measurement import POLICIES, GroupMeasurement
from verigap.llm_validation.pools.pools import sample_pools
from verigap.storage.tables import TableError

LEARNERS = ("clone", "clone_leashed", "verify", "verify_leashed")
SMALL: dict[str, Any] = {
    "horizons": (40, 64),
    "data_budgets": (8, 32),
    "num_candidates": 4,
    "seeds": 4,
}


def measured(frame: pl.DataFrame, **options: Any) -> GroupMeasurement:
    (group,) = measure(traces(frame), **{**SMALL, **options})
    return group


@pytest.fixture(scope="module")
def group() -> GroupMeasurement:
    return measured(table())


def test_every_policy_on_every_held_out_prompt(group: GroupMeasurement) -> None:
    assert set(group.values) == set(POLICIES)
    assert (group.horizons, group.data_budgets, group.extrapolated) == (
        (40, 64),
        (8, 32),
        (False, True),
    )
    for values in group.values.values():
        assert values.shape == (2, 2, 4, 12)
        np.testing.assert_array_equal(~np.isnan(values[1, 1]), group.tested)
    # Pairs of seeds hold out every prompt once.
    assert (group.tested[0::2] ^ group.tested[1::2]).all()


def test_values_that_are_known(group: GroupMeasurement) -> None:
    frame = table()
    laws = reward_laws(traces(frame), group.horizons).table.frame
    for index, horizon in enumerate(group.horizons):
        rows = laws.filter(pl.col("horizon") == horizon).sort("prompt_id")
        means = [
            sum(r * p for r, p in zip(row["returns"], row["probabilities"], strict=True))
            for row in rows.iter_rows(named=True)
        ]
        base = np.nanmean(group.values["base"][index, 0], axis=0)
        np.testing.assert_allclose(base, means)
    solved = frame.group_by("prompt_id").agg(pl.col("correct").any())["correct"].to_numpy()
    assert np.isclose(group.expert_share, solved.mean())
    whole = measured(frame, num_candidates=8)
    best = traces(frame).frame.group_by("prompt_id").agg(pl.col("first_correct").min())
    returns = (65 - best.sort("prompt_id")["first_correct"].fill_null(65)).to_numpy()
    np.testing.assert_allclose(np.nanmean(whole.values["exact"][1, 0], axis=0), returns)


def test_order_of_policies_and_leash(group: GroupMeasurement) -> None:
    value = {name: group.values[name][:, :, group.tested] for name in POLICIES}
    for name in ("base", "verify", "score"):
        assert (value["exact"] >= value[name] - 1e-9).all(), name
    for name in ("base", "clone_leashed", "verify_leashed"):
        assert (value["expert"] >= value[name] - 1e-9).all(), name
    for radius in ({"chi2_radius": 1e-6}, {"kl_radius": 1e-6}):
        tight = measured(table(), **radius)
        assert tight.leash.radii == {"chi2_radius": None, "kl_radius": None, **radius}
        for name in ("clone_leashed", "verify_leashed", "expert"):
            np.testing.assert_allclose(tight.values[name], tight.values["base"], atol=0.2)


def test_a_kl_leash_that_holds_the_chi_square_one_is_worth_as_much_to_the_expert() -> None:
    chi2, kl = measured(table()), measured(table(), kl_radius=float(np.log(2.0)))
    assert (kl.values["expert"] >= chi2.values["expert"] - 1e-9)[:, :, kl.tested].all()
    for name in ("clone_leashed", "verify_leashed"):
        assert (kl.values["expert"] >= kl.values[name] - 1e-9)[:, :, kl.tested].all()


def test_one_candidate_is_the_base() -> None:
    single = measured(table(), num_candidates=1)
    for name in ("verify", "exact", "score"):
        np.testing.assert_allclose(single.values[name], single.values["base"], atol=1e-9)


def test_learners_learn() -> None:
    # The score gives the answer away: a large n finds it, and both learners use it.
    frame = table().with_columns(verifier_score=pl.col("correct").cast(pl.Float64))
    group = measured(frame, data_budgets=(4, 512))
    few, many = (np.array([group.means()[n][1, i] for n in LEARNERS]) for i in range(2))
    assert (many > few).all()
    means = group.means()
    assert np.isclose(means["verify"][1, 1], means["exact"][1, 1], rtol=0.05)
    assert np.isclose(means["verify_leashed"][1, 1], means["expert"][1, 1], rtol=0.1)


def test_same_seed_same_numbers_and_groups_stand_alone(group: GroupMeasurement) -> None:
    frame = pl.concat([table().with_columns(model=pl.lit(name)) for name in ("a", "b")])
    both = measure(traces(frame), **SMALL)
    assert [one.model for one in both] == ["a", "b"]
    for one in both:
        for name in POLICIES:
            np.testing.assert_array_equal(one.values[name], group.values[name])
    other = measured(table(), seed=1)
    assert not np.array_equal(other.tested, group.tested)


def test_draws_are_joint(group: GroupMeasurement) -> None:
    draws = group.draws(200, seed=3)
    assert {values.shape for values in draws.values()} == {(200, 2, 2)}
    np.testing.assert_array_equal(draws["base"], group.draws(200, seed=3)["base"])
    for name, mean in group.means().items():
        assert abs(draws[name].mean(axis=0) - mean).max() < draws[name].std(axis=0).max()
    # Linear in the values, with the same weights for all: so is every gap.
    gap = group.gap(replicates=200, seed=3)[40, 8]
    moved = draws["verify_leashed"] - draws["clone_leashed"]
    assert moved[:, 0, 0].min() <= gap.low <= gap.estimate <= gap.high <= moved[:, 0, 0].max()


POOR = {
    "no failures": (table().with_columns(correct=pl.lit(True), first_correct=None), "every sample"),
    "no successes": (
        table().with_columns(correct=pl.lit(False), first_correct=pl.lit(None, pl.Int64)),
        "no sample is correct",
    ),
    "one prompt": (table(1, 8), "one prompt"),
    "one sample": (table(12, 1), "one sample a prompt"),
    "no answers": (table().drop("answer"), "no sample has an answer"),
    "only correct": (
        table().select("prompt_id", correct=pl.lit(False)),
        "no sample is correct",
    ),
    "at the end": (table().drop("first_correct"), "only known to be correct at their end"),
    "unequal pools": (
        table().filter((pl.int_range(96) < 48) | (pl.int_range(96) % 8 < 2)),
        "fewer than N = 4",
    ),
    "few prompts": (table(), "12 prompts: intervals are rough"),
}


@pytest.mark.parametrize("case", POOR)
def test_poor_tables_say_what_cannot_be_said(case: str) -> None:
    frame, says = POOR[case]
    group = measured(frame)
    assert any(says in warning for warning in group.warnings), group.warnings
    content = as_content([group])["groups"][0]
    cell = content["cells"][-1]
    means = {name: float(value[0, 0]) for name, value in group.means().items()}
    for name in ("base", "vote", "exact"):
        assert np.isfinite(means[name]), name
    if case == "one prompt":
        assert np.isnan([means[name] for name in LEARNERS]).all()
        assert np.isnan(list(cell["gap"].values())).all()
        assert np.isnan(group.draws(10)["clone"]).all()
    else:
        assert np.isfinite([means[name] for name in LEARNERS]).all()
    if case in {"no successes", "one sample", "only correct"}:
        assert abs(cell["gap"]["estimate"]) < 1e-9
        # Nothing was seen to differ; that is no proof that nothing does.
        assert np.isnan([cell["gap"]["low"], cell["gap"]["high"]]).all()


def test_horizons_follow_the_lengths() -> None:
    (pools,) = sample_pools(traces(table()))
    median, most = np.quantile(table()["n_tokens"], [0.5, 0.9])
    found = default_horizons(pools)
    assert 0 <= found[0] - median < 8
    assert 0 <= found[1] - most < 8
    # No budget is beyond what the samples speak about.
    assert found[2] == pools.longest
    # Half of 96 samples train: enough for 16, not for 64.
    assert default_data_budgets(pools) == (16,)


def test_rounding_does_not_push_a_budget_past_the_longest_trace() -> None:
    """Half of the traces end at a limit of 50, no multiple of 8: the 90 % quantile is within."""
    lengths = pl.when(pl.int_range(pl.len()) % 2 == 0).then(50).otherwise(20)
    short = table().with_columns(n_tokens=lengths, first_correct=pl.col("first_correct").clip(1, 9))
    (pools,) = sample_pools(traces(short))
    assert default_horizons(pools) == (40, 50)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"horizons": (0,)}, "horizons: 0"),
        ({"data_budgets": (0,)}, "data_budgets: 0"),
        ({"data_budgets": (4, 4)}, "data_budgets: give distinct"),
        ({"num_candidates": 0}, "num_candidates: 0"),
        ({"chi2_radius": float("nan")}, "chi2_radius: nan"),
        ({"chi2_radius": 0.0}, "chi2_radius: 0.0"),
        ({"seeds": 1}, "seeds: 1"),
        ({"seed": -1}, "seed: -1"),
    ],
)
def test_unusable_arguments(options: dict[str, Any], says: str) -> None:
    with pytest.raises(TableError, match=says):
        measured(table(), **options)


def test_nothing_verified() -> None:
    with pytest.raises(TableError, match="no trace could be verified"):
        measured(pl.DataFrame({"prompt_id": ["a"], "correct": pl.Series([None], dtype=pl.Boolean)}))


@pytest.mark.long
def test_intervals_cover_the_known_gap() -> None:
    """The full check is `python -m benchmarks.gap_coverage`; here one population, fewer tables."""
    population, prompts, samples, repetitions = "even", 20, 16, 40
    # As many prompts are held out as train, and as many seeds run, to compile only once.
    known = gap_coverage.truths(
        population, prompts, samples, 60, tested=prompts // 2, seeds=gap_coverage.SEEDS
    )
    found = gap_coverage.coverage(population, prompts, samples, repetitions)
    for name, values in found.items():
        estimate, low, high = np.moveaxis(values, 2, 0)
        truth, error = known[name].T
        held = ((low <= truth) & (truth <= high)).sum(axis=0)
        # No fewer than intervals that hold 90 % of the time would, in a bad year.
        assert (held > stats.binom.ppf(LEVEL, repetitions, 0.9)).all(), (name, held)
        # Nor are they wide beyond use: 95 % of normal estimates lie within 3.9 of their sd.
        assert (np.median(high - low, axis=0) < 8 * estimate.std(axis=0)).all(), name
        spread = np.hypot(error, estimate.std(axis=0) / repetitions**0.5)
        assert (abs(estimate.mean(axis=0) - truth) < 6 * spread).all(), name
