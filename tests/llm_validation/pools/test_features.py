"""Features: what they are, and what they must not know."""

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.pools.made_pools import table, traces
from verigap.llm_validation.pools.features import (
    agreement,
    features,
    hashed_words,
    visible_answers,
)
from verigap.llm_validation.pools.pools import LARGEST_POOL, SamplePools, sample_pools

HORIZON = 40


def pooled(frame: pl.DataFrame) -> SamplePools:
    (pools,) = sample_pools(traces(frame))
    return pools


def test_pools_are_padded_and_hold_verified_samples_only() -> None:
    frame = table(3, 4).with_columns(model=pl.lit("m"), dataset=pl.lit("d"))
    # Two samples of the first prompt and all of the second could not be verified.
    unknown = [True, True, False, False, True, True, True, True, *[False] * 4]
    frame = frame.with_columns(
        correct=pl.when(pl.Series(unknown)).then(None).otherwise("correct"),
        first_correct=pl.when(pl.Series(unknown)).then(None).otherwise("first_correct"),
    )
    pools = pooled(frame)
    assert (pools.dataset, pools.model, pools.unit) == ("d", "m", "tokens")
    assert pools.prompt_ids == ("p00", "p02")
    assert pools.sizes.tolist() == [2, 4]
    assert (pools.unverified, pools.left_out, pools.beyond) == (6, 1, 0)
    kept = frame.filter(pl.col("correct").is_not_null())
    returns = np.maximum(HORIZON - kept["first_correct"].fill_null(10**6).to_numpy() + 1, 0)
    np.testing.assert_array_equal(pools.returns(HORIZON)[pools.mask], returns)
    assert not pools.returns(HORIZON)[~pools.mask].any()


def test_large_pools_are_cut_and_say_so() -> None:
    pools = pooled(pl.concat([table(1, LARGEST_POOL + 7)]))
    assert (pools.sizes.tolist(), pools.beyond) == ([LARGEST_POOL], 7)


@pytest.mark.parametrize("seed", range(5))
def test_agreement_counts_the_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answer = rng.integers(-1, 3, (4, 6))
    mask = np.arange(6) < rng.integers(1, 7, 4)[:, None]
    answer = np.where(mask, answer, -1)
    found = agreement(answer, mask)
    for prompt, sample in np.ndindex(answer.shape):
        others = [i for i in np.flatnonzero(mask[prompt]) if i != sample]
        same = [i for i in others if answer[prompt, i] == answer[prompt, sample]]
        known = mask[prompt, sample] and answer[prompt, sample] >= 0 and others
        assert np.isclose(found[prompt, sample], len(same) / len(others) if known else 0.0)


def test_features_are_blind_to_correctness() -> None:
    frame = table()
    blind = frame.with_columns(correct=pl.lit(False), first_correct=pl.lit(None, pl.Int64))
    seen, unseen = features(pooled(frame), HORIZON), features(pooled(blind), HORIZON)
    assert seen.names == unseen.names
    np.testing.assert_array_equal(seen.values, unseen.values)


def test_features_are_standardised_and_named() -> None:
    found = features(pooled(table()), HORIZON)
    assert found.names == (
        "log length",
        "length rank in pool",
        "finished",
        "answer agreement",
        "log probability",
        "verifier score",
    )
    finished = pooled(table()).finished(HORIZON)
    columns = [column for column in np.moveaxis(found.values, 2, 0) if column.any()]
    for name, column in zip(found.names, columns, strict=True):
        known = column if name in found.names[:3] else column[finished]
        assert abs(known.mean()) < 1e-9, name
        assert np.isclose(known.std(), 1.0), name


def test_what_lies_beyond_the_budget_is_not_seen() -> None:
    frame = table()
    other = frame.with_columns(
        # All that a trace has after H tokens changes: its end, its answer, its scores.
        n_tokens=pl.when(pl.col("n_tokens") > HORIZON).then(10**4).otherwise("n_tokens"),
        answer=pl.when(pl.col("n_tokens") > HORIZON).then(pl.lit("x")).otherwise("answer"),
        logprob=pl.when(pl.col("n_tokens") > HORIZON).then(0.0).otherwise("logprob"),
        verifier_score=pl.when(pl.col("n_tokens") > HORIZON).then(9.0).otherwise("verifier_score"),
    )
    assert (frame["n_tokens"] > HORIZON).any()
    first, second = pooled(frame), pooled(other)
    np.testing.assert_allclose(
        features(first, HORIZON).values, features(second, HORIZON).values, atol=1e-12
    )
    assert (visible_answers(second, HORIZON)[second.n_tokens > HORIZON] == -1).all()


def test_equal_numbers_are_one_answer() -> None:
    frame = pl.DataFrame(
        {
            "prompt_id": ["a"] * 4,
            "correct": [False] * 4,
            "answer": ["1/2", "0.50", "\\frac{1}{2}", "2"],
        }
    )
    codes = pooled(frame).answer[0]
    assert codes[0] == codes[1] == codes[2] != codes[3]


def test_words_are_hashed_alike_everywhere() -> None:
    frame = table(2, 3).with_columns(text=pl.Series(["one two", "two one", "", None, "3", "one"]))
    hashed = hashed_words(pooled(frame))
    assert hashed is not None
    np.testing.assert_allclose(hashed[0, 0], hashed[0, 1])
    assert not hashed[0, 2].any()
    assert not hashed[1, 0].any()
    np.testing.assert_allclose((hashed**2).sum(axis=2)[1, 1:], 1.0)
    # crc32 of a word does not depend on the process: sign and column of "one".
    assert np.flatnonzero(hashed[1, 2]).tolist() == [1]
    assert hashed_words(pooled(table(2, 3))) is None
