"""Methods at equal budgets as the report says them."""

from functools import cache

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import made
from tests.llm_validation.reporting.builders import diagnosis, group, rows
from tests.llm_validation.reporting.conftest import page_of
from tests.llm_validation.reporting.reading import text_of
from verigap.llm_validation.deciding.decisions import VERIFIERS
from verigap.llm_validation.deciding.methods import EqualBudgets, compare_methods
from verigap.llm_validation.deciding.methods.diagnosed import needs_no_other
from verigap.llm_validation.deciding.selection import ARMS
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.methods_content import METHODS, methods_content
from verigap.storage.units import LengthUnit


@cache
def scored() -> EqualBudgets:
    """A score that is higher for right samples, whose answers never agree."""
    rng = np.random.default_rng(0)
    right = rng.random((60, 16)) < 0.4
    answer = np.where(right, np.arange(16), 20 + np.arange(16))
    score = 1.0 * right + rng.normal(size=right.shape)
    found = made(right, answer=answer, score=score)
    return compare_methods(found, num_candidates=8, labels=200, seed=0)


def test_the_best_without_an_exact_check_is_named_with_the_interval_for_all() -> None:
    table = scored()
    content = methods_content(table, LengthUnit.TOKENS, None)
    assert content is not None
    best = max(
        (row for row in content["rows"] if not row["exact_check"]),
        key=lambda row: row["gain"]["estimate"],
    )
    assert content["best"] == best["method"]
    ends = best["gain_together"]
    assert 0 < ends["low"] < best["gain"]["low"]
    assert content["sentence"] == (
        f"Without an exact check {best['name']} gains most over majority vote of 8 at equal "
        f"budgets (at most 8 samples a prompt, 200 labels): {100 * ends['estimate']:.3g} "
        f"[{100 * ends['low']:.3g}, {100 * ends['high']:.3g}] points "
        f"(95 % for all {content['compared']} together)."
    )
    together = [row for row in content["rows"] if np.isfinite(row["gain_together"]["low"])]
    assert content["compared"] == len(together)


def test_a_verifier_that_is_not_there_is_not_named() -> None:
    table = scored()
    named = {}
    for verifier in VERIFIERS:
        content = methods_content(table, LengthUnit.TOKENS, verifier)
        assert content is not None
        named[verifier] = content["best"]
        assert [row["method"] for row in content["rows"]] == [row.method for row in table.rows]
    assert named["score"] in ("best_score", "vote_score", "best_score_pessimistic", "self_verified")
    assert named["learned"] in ("best_learned", "vote_learned")
    # With an exact check at hand the sentence is about what needs no verifier at all.
    assert named["exact"] is None


def test_every_method_has_a_name_and_a_kind() -> None:
    table = scored()
    for row in table.rows:
        assert row.method in ARMS or row.method in METHODS
        assert needs_no_other(row.method, None) is not row.exact_check
    needed = {
        method: [kind for kind in VERIFIERS if needs_no_other(method, kind)] for method in METHODS
    }
    assert needed == {
        "vote_until_decided": list(VERIFIERS),
        "vote_adaptive": ["learned"],
        "best_score_pessimistic": ["score"],
        "self_verified": ["score"],
        "until_right": ["exact"],
    }


def test_where_none_gains_the_nearest_is_said(usual: Diagnosis) -> None:
    every = diagnosis_content(usual)
    (content,) = every["groups"]
    methods = content["methods"]
    assert methods["best"] is None
    assert methods["sentence"].startswith(
        "No method without an exact check is shown to gain over majority vote of 4 at equal "
        "budgets (at most 160 tokens a prompt, 64 labels): "
    )
    shown = text_of(page_of(every))
    assert methods["sentence"] in shown
    assert "No decision of this page rests on these rows." in shown
    # The decisions are those without them.
    (given,) = usual.groups
    assert content["select"]["decision"]["accuracy"]["arm"] == (
        given.decisions.by_currency["accuracy"].select.arm
    )


@pytest.mark.parametrize("samples", [1, 4])
def test_one_sample_leaves_nothing_to_spend(samples: int) -> None:
    found = diagnosis(group(rows(samples=samples), num_candidates=1, theory=False))
    content = diagnosis_content(found)
    assert content["groups"][0]["methods"] is None
    assert "Methods at test time" not in page_of(content)


def test_few_prompts_tell_nothing() -> None:
    frame = rows(prompts=6)
    content = diagnosis_content(diagnosis(group(frame, theory=False)))["groups"][0]["methods"]
    assert content["compared"] == 0
    assert content["sentence"].endswith(": fewer than 10 prompts tell any from it.")
