"""What a finished table of samples holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class SampleReport:
    """What a finished table holds.

    Attributes:
      samples: rows.
      prompts: distinct problems.
      tokens: generated, over all sessions.
      correct: samples correct at some point (sticky).
      incorrect: samples never correct.
      unverified: samples of which neither could be said.
      correct_at_end: samples whose last answer is correct.
      unhappened: samples correct at some point and found incorrect at a later one.
      finished: samples that the model ended by itself within the budget.
      mean_correct: mean over prompts of the share correct among the verified.
      sd_correct: its standard deviation over prompts.
      first_correct: the 10, 50 and 90 % quantiles of `first_correct`.
      resumed: samples from earlier sessions.
      timeouts: answers whose grading was killed in this session.
      tokens_per_second: in this session; None where nothing was left to do.
      warnings: parts found damaged and made again.
    """

    samples: int
    prompts: int
    tokens: int
    correct: int
    incorrect: int
    unverified: int
    correct_at_end: int
    unhappened: int | None
    finished: int | None
    mean_correct: float | None
    sd_correct: float | None
    first_correct: tuple[float, ...] | None
    resumed: int
    timeouts: int
    tokens_per_second: float | None
    warnings: tuple[str, ...] = field(default=())


def sample_report(
    rows: pl.DataFrame,
    resumed: int,
    timeouts: int,
    rate: float | None,
    warnings: tuple[str, ...] = (),
) -> SampleReport:
    """Counts of the rows of a finished table.

    Args:
      rows: of the canonical table, perhaps with `finished` and `unhappened`.
      resumed: samples from earlier sessions.
      timeouts: gradings killed in this session.
      rate: tokens/s of this session, None where nothing was left to do.
      warnings: about parts that were made again.
    """
    shares = (
        rows.filter(pl.col("correct").is_not_null())
        .group_by("prompt_id")
        .agg(pl.col("correct").mean())["correct"]
    )
    hits = rows["first_correct"].drop_nulls()
    quantiles = [hits.quantile(level, "nearest") for level in (0.1, 0.5, 0.9)]
    extra = {
        name: int(rows[name].sum()) if name in rows.columns else None
        for name in ("unhappened", "finished")
    }
    verdicts = rows["correct"]
    return SampleReport(
        samples=rows.height,
        prompts=rows["prompt_id"].n_unique(),
        tokens=int(rows["n_tokens"].sum()),
        correct=int(verdicts.sum()),
        incorrect=int((~verdicts).sum()),
        unverified=verdicts.null_count(),
        correct_at_end=int(rows["correct_at_end"].sum()),
        mean_correct=float(shares.mean()) if len(shares) else None,  # pyright: ignore[reportArgumentType]
        sd_correct=float(shares.std()) if len(shares) > 1 else None,  # pyright: ignore[reportArgumentType]
        first_correct=tuple(float(q) for q in quantiles if q is not None) or None,
        resumed=resumed,
        timeouts=timeouts,
        tokens_per_second=rate,
        warnings=warnings,
        **extra,
    )
