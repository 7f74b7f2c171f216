"""What a reader must know before the boxes of a group: what the table does not hold."""

from __future__ import annotations

import math

import polars as pl

from verigap.llm_validation.deciding.decisions import GroupDecisions, Verifier
from verigap.llm_validation.deciding.outcomes import Currency
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.fitting.counts import GroupCounts
from verigap.llm_validation.pools.pools import LARGEST_POOL, SamplePools
from verigap.llm_validation.reporting.diagnosis import GroupDiagnosis
from verigap.llm_validation.reporting.numbers import percent
from verigap.llm_validation.reporting.wording import Scale

_FEW_PROMPTS = 20
# Texts that long are the same by chance as rarely as one likes, at usual temperatures.
_LONG_TEXT = 100
_REPEATED = 0.1


def notes(
    group: GroupDiagnosis,
    *,
    currency: str,
    verifier: Verifier | None,
    prices: Prices,
    spend_unknown: bool,
) -> list[str]:
    """Notes on a group in plain sentences, the gravest first.

    Args:
      group: of a diagnosis.
      currency: that was asked for.
      verifier: that was asked for.
      prices: that were given.
      spend_unknown: whether a limit was given of which nothing can be said.
    """
    found = [
        *_of_outcomes(group.pools, group.decisions),
        *_of_the_request(group, currency, verifier),
        *_of_the_margin(group.decisions, currency),
        *_of_prices(group.decisions, prices, spend_unknown=spend_unknown),
        *_of_stopped(group.decisions),
        *_left_out(group.pools, group.decisions),
        *_of_repeats(group.rows),
        *_of_grades(group.fit.counts),
        *_of_fits(group.decisions),
    ]
    return [f"{note[0].upper()}{note[1:]}." for note in found]


def _of_outcomes(pools: SamplePools, decisions: GroupDecisions) -> list[str]:
    """Where the samples cannot show how arms differ."""
    found = []
    right, samples = int(decisions.selection.correct.sum()), int(decisions.selection.sizes.sum())
    within = "" if decisions.horizon is None else f" within H = {decisions.horizon:,}"
    if right == 0:
        found.append(
            f"no sample is correct{within}: every arm is worth 0, and there is nothing to select, "
            "to clone or to reinforce"
        )
    elif right == samples:
        found.append(f"every sample is correct{within}: no arm can add anything in accuracy")
    if pools.prompts == 1:
        found.append(
            "one prompt: nothing can be learned from others, and nothing shows how prompts differ, "
            "so there are no intervals"
        )
    elif pools.prompts < _FEW_PROMPTS:
        found.append(f"{pools.prompts} prompts: intervals are rough below {_FEW_PROMPTS} prompts")
    if (pools.sizes == 1).all():
        found.append("one sample a prompt: nothing shows how the samples of a prompt differ")
    return found


def _of_the_request(group: GroupDiagnosis, currency: str, verifier: Verifier | None) -> list[str]:
    """What was asked for and cannot be had."""
    decisions, found = group.decisions, []
    if currency not in decisions.by_currency:
        found.append(
            "returns are not known, as no budget or no place of a right answer is: the decisions "
            "are in accuracy"
        )
    if verifier is not None and verifier not in decisions.by_currency["accuracy"].by_verifier:
        missing = {
            "score": "the table has no verifier_score",
            "learned": "there are no other prompts to learn a score from",
        }.get(verifier, "it was not measured")
        found.append(f"{missing}: the decision is among all arms but the exact check")
    if decisions.num_candidates < group.num_candidates:
        found.append(
            f"N = {group.num_candidates:,} was asked for, but more than half of the prompts have "
            f"fewer samples: the decision is about N = {decisions.num_candidates:,}"
        )
    longest = group.pools.longest
    if decisions.horizon is not None and not math.isfinite(longest):
        found.append(
            f"no lengths are known: no sample is stopped at H = {decisions.horizon:,}, and "
            "accuracy is that of whole samples"
        )
    elif decisions.horizon is not None and decisions.horizon > group.pools.reach:
        found.append(
            f"H = {decisions.horizon:,} is beyond the longest trace ({longest:,.0f}): what the "
            "model would have written there is not in the table"
        )
    return found


def _of_the_margin(decisions: GroupDecisions, currency: str) -> list[str]:
    """A margin that is finer than the prompts can tell; see docs/verdict_errors.md."""
    shown: Currency = "return" if currency == "return" else "accuracy"
    if shown not in decisions.by_currency:
        shown = "accuracy"
    here, prompts = decisions.by_currency[shown], len(decisions.selection.prompts)
    one = here.at[decisions.num_candidates].most / prompts
    if here.margin.value >= one:
        return []
    scale = Scale(currency=shown, unit=decisions.outcomes.unit)
    return [
        f"the least gain that counts, {scale.least(here.margin.value)}, is less than one of "
        f"{prompts:,} prompts ({scale.least(one)}): that an arm suffices is then said too easily"
    ]


def _of_prices(decisions: GroupDecisions, prices: Prices, *, spend_unknown: bool) -> list[str]:
    """Costs that cannot be told, and what stands in for lengths of prompts."""
    return [*_of_inputs(prices), *_of_unknown_costs(decisions, prices, spend_unknown=spend_unknown)]


def _of_inputs(prices: Prices) -> list[str]:
    """How prompts are priced, of which a trace table has no lengths."""
    unknown = "the table has no lengths of prompts"
    if prices.in_per_mtok is not None:
        return [
            f"{unknown}: each is priced as {prices.prompt_tokens:,g} tokens, as given, once for "
            "its N samples and once for each trace to learn from"
        ]
    if prices.per_mtok is not None:
        return [f"{unknown} and no price of them was given: costs are without them"]
    return []


def _of_unknown_costs(
    decisions: GroupDecisions, prices: Prices, *, spend_unknown: bool
) -> list[str]:
    """Costs that cannot be told."""
    if math.isfinite(decisions.selection.length):
        return []
    unknown = [
        name
        for name, given in (
            ("what tokens cost", bool(prices.per_token)),
            ("what a prompt may cost", spend_unknown),
        )
        if given
    ]
    if not unknown:
        return []
    return [f"no lengths are known, so nothing can be said about {' and '.join(unknown)}"]


def _left_out(pools: SamplePools, decisions: GroupDecisions) -> list[str]:
    """Samples and prompts behind none of the numbers."""
    found, selection = [], decisions.selection
    if selection.left_out:
        found.append(
            f"{selection.left_out:,} of {pools.prompts:,} prompts have fewer than "
            f"{selection.counts[-1]:,} samples and are left out of the selection among samples"
        )
    if pools.drawn_from is not None:
        found.append(
            f"{pools.prompts:,} of {pools.drawn_from:,} prompts with a graded sample, drawn at "
            f"random (seed {decisions.seed}), are behind the decisions, the arms and the theory; "
            "the statistics are of all"
        )
    if pools.left_out:
        found.append(f"{pools.left_out:,} prompts without a graded sample are left out")
    if pools.beyond:
        found.append(
            f"{pools.beyond:,} samples beyond the first {LARGEST_POOL} of their prompt are left out"
        )
    return found


def _of_stopped(decisions: GroupDecisions) -> list[str]:
    """Samples that run past H, of which the table does not say what they say there."""
    found = decisions.outcomes
    stopped = int((found.mask & ~found.ended).sum())
    if not stopped:
        return []
    return [
        f"{stopped:,} of {int(found.mask.sum()):,} samples are stopped at H = {found.horizon:,}: "
        "each is taken to give the answer there that it ends with, or none if it becomes right or "
        "wrong only later, and to have the score of the whole sample"
    ]


def _of_repeats(rows: pl.DataFrame) -> list[str]:
    """Long samples that repeat one of their prompt: independent ones hardly ever do."""
    long = rows.filter(pl.col("text").str.len_chars() >= _LONG_TEXT)
    repeats = long.height - long.select("prompt_id", "text").n_unique()
    if repeats <= _REPEATED * long.height:
        return []
    return [
        f"{repeats:,} of {long.height:,} texts of {_LONG_TEXT} characters or more repeat an "
        "earlier one of their prompt letter by letter: copies (of a file joined with itself, or of "
        "samples at temperature 0) count as samples here, and N of them are worth less; keep one"
    ]


def _of_grades(counts: GroupCounts) -> list[str]:
    """What ungraded samples leave open, and which answers are lost again."""
    found = []
    if counts.ungraded is not None:
        found.append(counts.ungraded.sentence())
    lost = counts.bi_level.lost
    if lost is not None:
        once, at_end = (percent(share) for share in lost.mean_correct)
        found.append(
            f"{lost.lost:,} of {lost.correct:,} correct traces lose their right answer again: "
            f"accuracy counts the answer at the end of a trace ({at_end}), returns the first that "
            f"is right ({once})"
        )
    return found


def _of_fits(decisions: GroupDecisions) -> list[str]:
    """Fits that are rough."""
    found = []
    for name, table in (("the learned score", decisions.selection),
                        ("trained policies", decisions.training)):  # fmt: skip
        if table is not None and table.unconverged:
            found.append(
                f"{table.unconverged} of {table.fits} fits of {name} did not converge; values are "
                "rough"
            )
    return found
