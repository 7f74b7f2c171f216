"""What the report says of where a group stands, on standings whose numbers are known."""

import math
from dataclasses import replace

import pytest

from tests.llm_validation.reporting.builders import diagnosis, group, move, rows, standing
from tests.llm_validation.reporting.conftest import page_of
from tests.llm_validation.reporting.reading import text_of
from verigap.llm_validation.deciding.leashes import USUAL
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.markdown import render_markdown
from verigap.llm_validation.reporting.page import asked_of
from verigap.llm_validation.reporting.standing_content import standing_content
from verigap.storage.units import LengthUnit
from verigap.theory.frontier import Verdict

SENTENCE = (
    "At n = 64, leash chi-square 1 and d = 5 bits, cloning has the smaller upper bound, by a "
    "factor 3 (advice, no proof); coverage c0 × 3 [2.5, 4] (0.6) would put verifying ahead, while "
    "no change of traces n, heterogeneity sigma_e or class size d (bits) that was looked at would. "
    "In the relabelling game on these laws verifying leads; leash kappa (chi-square) × 0.5 (0.5) "
    "would put cloning ahead, while no change of budget H that was looked at would."
)


def _content(**changes):
    return standing_content(standing(**changes), LengthUnit.TOKENS)


def _verdict(side, lead, *moves, margin=0.01) -> Verdict:
    return Verdict(side=side, lead=lead, margin=margin, moves=moves)


def test_one_line_has_both_verdicts_and_their_nearest_moves() -> None:
    assert _content()["sentence"] == SENTENCE


def test_rows_have_values_factors_units_and_intervals() -> None:
    content = _content()
    rows_ = {row["parameter"]: row for row in content["rows"]}
    assert list(rows_) == ["data_budget", "horizon", "expert_sd", "coverage", "class_radius",
                           "log2_class_size"]  # fmt: skip
    cover, traces = rows_["coverage"]["bounds"], rows_["data_budget"]["game"]
    assert cover["text"] == "× 3 [2.5, 4], to 0.6: verifying leads"
    assert (cover["factor"], cover["low"], cover["high"]) == pytest.approx((3.0, 2.5, 4.0))
    # An end without such a factor is no number.
    assert traces["text"] == "× 4 [2, none], to 256: neither leads"
    below = {("bounds", "coverage"): Statistic(3.0, 0.0, 1.0)}
    none = {row["parameter"]: row for row in _content(intervals=below)["rows"]}
    assert none["coverage"]["bounds"]["text"] == "× 3 [none, 1], to 0.6: verifying leads"
    assert rows_["horizon"]["name"] == "budget H (tokens)"
    # `--kappa` is in nats where the leash is in KL; the theory's is not.
    assert rows_["class_radius"]["name"] == "leash kappa (chi-square)"
    assert rows_["horizon"]["game"]["text"] == "nothing from 4 to 1,024"
    assert math.isnan(rows_["class_radius"]["game"]["low"])
    # A parameter that one verdict does not depend on.
    assert rows_["horizon"]["bounds"] is None
    assert rows_["coverage"]["game"] is None


def test_what_the_intervals_hold_is_said() -> None:
    text = _content()["uncertainty"]
    assert "90 % of them with the verdict of the game" in text
    assert "They hold d = 5 [3, 7] bits" in text
    assert "factors without brackets have no interval" in text
    alone = _content(
        agreement={"bounds": math.nan, "game": math.nan},
        intervals={},
        log2_class_size=Statistic(5.0, *2 * [math.nan]),
    )
    assert alone["uncertainty"] == "With one prompt there are no intervals; d = 5 bits is held."


@pytest.mark.parametrize(
    ("shares", "why"),
    [((0.999, 0.9999), ", as both have learned nearly all"), ((0.001, 0.002), ", as neither has "
     "learned much"), ((0.4, 0.405), "")],
)  # fmt: skip
def test_why_neither_leads(shares, why) -> None:
    still = _verdict("neither", shares[1] - shares[0], move("horizon", 64.0))
    content = _content(game=still, cloning=shares[0], verifying=shares[1])
    sentence = content["game"]["sentence"]
    assert f"neither leads by 1 % of it or more{why}: cloning earns" in sentence
    assert content["sentence"].endswith(
        "neither leads; no change of budget H that was looked at would move that."
    )


def test_a_search_that_failed_and_bounds_that_are_unknown_are_said() -> None:
    lost = replace(move("class_radius", 1.0, 2.0, "cloning"), converged=False)
    content = _content(bounds=None, game=_verdict("verifying", 0.2, lost))
    assert content["bounds"] is None
    assert content["sentence"].startswith("At leash chi-square 1 and d = 5 bits, in the rela")
    assert content["rows"][0]["game"]["text"].endswith("(the search did not converge)")
    assert _content(bounds=_verdict("neither", 0.0, margin=0.0))["bounds"]["sentence"] == (
        "Both sides have the same upper bound. That is advice and no proof."
    )


def test_the_page_and_the_markdown_say_it(usual: Diagnosis) -> None:
    content = diagnosis_content(usual)
    stands = content["groups"][0]["theory"]["standing"]
    text = text_of(page_of(content))
    assert "Where this model stands, and what would move it" in text
    assert "At H = 64 tokens, n = 64 traces, leash chi-square 1" in text
    for row in stands["rows"]:
        for which in ("bounds", "game"):
            assert (row[which] or {"text": "not moved"})["text"] in text
    assert stands["uncertainty"] in text
    assert "Budgets beyond 64 tokens, the longest trace" in text
    assert f"- **Where it stands**: {stands['sentence']}" in render_markdown(content)


def test_the_leash_is_named_with_its_unit(usual: Diagnosis) -> None:
    content = diagnosis_content(usual)
    (found,) = content["groups"]
    assert "n = 64, leash chi-square 1, N = 4; 18 prompts" in render_markdown(content)
    nats = {**found, "train": {**found["train"], "leashes": [str(USUAL)]}}
    assert asked_of(nats) == "H = 64 tokens, n = 64, leash KL 0.693 nats, N = 4"
    # Three digits are enough of a radius that was computed.
    found["theory"]["chi2_radius"] = 0.6487212707
    assert "leash chi-square 0.649 and d = " in text_of(page_of(content))


def test_the_radius_in_the_report_is_a_number_of_one_divergence(usual: Diagnosis) -> None:
    (found,) = diagnosis_content(usual)["groups"]
    training = usual.groups[0].decisions.training
    assert training is not None
    radii = training.leashes[0].radii
    assert {name: found["train"][name] for name in radii} == radii


def test_without_a_class_size_nothing_is_said() -> None:
    content = diagnosis_content(diagnosis(group(rows(), log2_class_size=math.nan)))
    assert content["groups"][0]["theory"]["standing"] is None
    assert "Where it stands" not in render_markdown(content)
    assert "what would move it" not in text_of(page_of(content))
