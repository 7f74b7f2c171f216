"""Tight games as cells of a sweep: their configurations, rows, and what bounds make of them."""

import re
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from verigap.sim.checks import check, values
from verigap.sim.sweeps import run_in_memory, sweep_from
from verigap.sim.sweeps.cells import TightCell, load_sweep
from verigap.sim.sweeps.config import ConfigError
from verigap.sim.tight import GAMES, TightGame
from verigap.theory import BOUNDS, RewardLaw, chi2_ball_expert, top_share_coverage
from verigap.theory.arrays import host_array
from verigap.theory.bounds.corruptions import CORRUPTIONS

CONFIG = Path(__file__).parents[3] / "configs" / "tight.yaml"
PLAYED = [c.parameters for c in load_sweep(CONFIG).cells if isinstance(c, TightCell)]
ONE = {"game": "false-negatives", "horizon": 64, "data_budget": 8}

FLAT = {"game": "flat-estimate", "horizon": 64, "reward_error": 16, "num_candidates": 3}
MISSING = {"game": "missing-expert", "horizon": 64, "data_budget": 8, "misspecification": 0.5}


def sweep(*blocks: dict[str, Any], **top: Any) -> Any:
    named = [{"name": f"b{place}", **block} for place, block in enumerate(blocks)]
    return sweep_from({"replicates": 50, **top, "sweeps": named})


def rows(*blocks: dict[str, Any], **top: Any) -> list[dict[str, Any]]:
    return run_in_memory(sweep(*blocks, **top)).rows()


def test_a_cell_keeps_its_name() -> None:
    # Pinned, as in tests/sim/sweeps/test_config.py.
    (cell,) = sweep(ONE).cells
    assert isinstance(cell, TightCell)
    assert cell.name == "fa99313d1358109e"
    same = sweep({**ONE, "replicates": 50, "c0": 0.5, "rival_error": "worst"}, replicates=7)
    assert same.cells[0].name == cell.name
    others = [
        {"replicates": 51}, {"c0": 0.25}, {"rival_error": 0.1}, {"label_error": 0.1},
        {"label_noise": 0.1}, {"log2_class_size": 2}, {"failure_probability": 0.1},
    ]  # fmt: skip
    names = [sweep({**ONE, **other}).cells[0].name for other in others]
    assert len({cell.name, *names}) == len(others) + 1


def test_blocks_of_other_games_have_replicates_too() -> None:
    hard = {"game": "hard-prompts", "horizon": 64, "data_budget": 80, "log2_class_size": 4}
    hard["c0"] = 0.5
    played = {"horizon": 16, "data_budget": 8, "log2_class_size": 4, "expert": 0.25}
    for block in (hard, played):
        plain, same, more = (
            sweep({**block, **replicates}).cells[0]
            for replicates in ({}, {"replicates": 50}, {"replicates": 60})
        )
        assert (plain.name, plain.replicates) == (same.name, 50)
        assert more.name != plain.name
    (row,) = rows({**hard, "replicates": 60})
    assert row["replicates"] == 60


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({**ONE, "rival_gap": 0.1}, "rival_gap: unknown key"),
    ({**ONE, "law": {"family": "two-level"}}, "law: unknown key"),
    ({**ONE, "c0": 0.3}, "c0: must be one over a whole number"),
    ({**ONE, "c0": 0.75}, "c0"),
    ({**ONE, "log2_class_size": 1.5}, "the class size 2^d must be a whole number"),
    ({**ONE, "log2_class_size": 0}, "log2_class_size"),
    ({**ONE, "rival_error": 0.6}, "rival_error: must be at most 0.5 here"),
    ({**ONE, "rival_error": "worse"}, "rival_error"),
    ({**ONE, "label_error": 0.5}, "label_error: leaves no draws"),
    ({**ONE, "label_error": 0.1, "label_noise": 0.1}, "no bound speaks of labels that err always"),
    ({**ONE, "label_noise": 0.5}, "label_noise"),
    ({**ONE, "label_noise": 0.1, "data_budget": 1001}, "at most 1000"),
    ({**ONE, "replicates": 1}, "replicates: must be a whole number from 2 to 10000000, not 1"),
    ({**ONE, "replicates": 1e8}, "replicates"),
    ({**ONE, "replicates": 10**8}, "replicates"),
    ({"game": "two-hypotheses", "horizon": 64, "data_budget": 8}, "rival_gap: is missing"),
    ({"game": "flat-estimate", "horizon": 64}, "reward_error: is missing"),
    ({"game": "flat-estimate", "horizon": 64, "reward_error": 0}, "reward_error"),
    ({"game": "flat-estimate", "horizon": 64, "reward_error": 22}, "must be at most 21.3333 here"),
    ({**FLAT, "c0": 0.3}, "c0: c0 times `atoms` must be a whole number"),
    ({**FLAT, "c0": 0.001}, "c0: c0 times `atoms` must be a whole number"),
    ({**FLAT, "atoms": 2048}, "atoms"),
    ({"game": "missing-expert", "horizon": 64, "data_budget": 8}, "misspecification: is missing"),
    ({**MISSING, "misspecification": 0}, "misspecification"),
    ({"game": "false-negative", "horizon": 64, "data_budget": 8, "log2_class_size": 1}, "game"),
    ({"game": "flat-prompts", "horizon": 64, "data_budget": 8, "log2_class_size": 2.5}, "log2_cl"),
    ({"game": "planted", "replicates": 4}, "replicates: the game planted takes that of the whole"),
]


@pytest.mark.parametrize(("block", "why"), MISTAKES)
def test_mistakes_are_one_line(block: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)) as refusal:
        sweep(block)
    assert "\n" not in str(refusal.value)


def test_rows_are_drawn_by_seed_and_name() -> None:
    blocks = ({**ONE, "rival_error": 0.1}, {**ONE, "data_budget": 9})

    def counts(*some: dict[str, Any], **top: Any) -> dict[str, list[float]]:
        return {
            row["cell"]: row["learners"][0]["outcome_count"]
            for row in run_in_memory(sweep_from({"replicates": 50, "sweeps": some, **top})).rows()
        }

    named = [{"name": name, **block} for name, block in zip("ab", blocks, strict=True)]
    first = counts(*named)
    assert first == counts(*named) == counts(*named[::-1])
    other = counts(*named, seed=1)
    assert other.keys() == first.keys()
    assert other != first


@pytest.mark.parametrize("game", PLAYED, ids=lambda game: game.name)
def test_rows_say_what_their_law_implies(game: TightGame) -> None:
    law = RewardLaw.equiprobable(host_array(np.asarray(game.returns)))
    expert = chi2_ball_expert(law, host_array(game.expert_radius))
    assert game.expert_value == pytest.approx(float(np.mean(expert.value)), rel=1e-6)
    if game.name != "two-hypotheses":
        allowed = float(np.min(top_share_coverage(law, expert.value)))
        assert game.coverage == pytest.approx(allowed, rel=1e-6)


def test_bounds_that_ask_for_wrong_labels_are_tested() -> None:
    erring = {**ONE, "label_error": 0.1}
    noisy = {**ONE, "label_noise": 0.1, "rival_error": 0.1}
    hacked = {**ONE, "game": "reward-hacking", "label_error": 0.1, "num_candidates": 2}
    made = rows(ONE, erring, noisy, hacked)
    applied = {
        name: {test.cell for test in check(made, [name]).tests}
        for name in BOUNDS
        if name.startswith("VB-UPPER")
    }
    cells = [next(row["cell"] for row in made if row["block"] == f"b{i}") for i in range(4)]
    assert applied["VB-UPPER-EXPECTATION"] == {cells[0]}
    assert applied["VB-UPPER"] == applied["VB-UPPER-SQUARED"] == {cells[0]}
    assert applied["VB-UPPER-ERRORS"] == {cells[1]}
    assert applied["VB-UPPER-NOISE"] == {cells[2]}
    assert applied["VB-UPPER-ERRORS-BEST-OF-N"] == {cells[3]}
    assert applied["VB-UPPER-PLUG-IN"] == applied["VB-UPPER-BEST-OF-N"] == set()


def test_bounds_on_estimates_and_on_classes_that_miss_are_tested_alone() -> None:
    made = rows(FLAT, MISSING, ONE)
    tested = {(test.cell, test.bound) for test in check(made).tests}
    by_block = {row["block"]: {b for c, b in tested if c == row["cell"]} for row in made}
    assert by_block["b0"] == {"VB-UPPER-MEAN-SQUARE", "VB-UPPER-MEAN-SQUARE-BEST-OF-N"}
    assert by_block["b1"] == {"VF-UPPER-MISSPECIFIED"}
    assert by_block["b2"] == {"VB-UPPER", "VB-UPPER-EXPECTATION", "VB-UPPER-SQUARED"}
    said = {row["block"]: (row["reward_error"], row["misspecification"]) for row in made}
    assert said == {"b0": (16.0, 0.0), "b1": (0.0, 0.5), "b2": (0.0, 0.0)}


NEARLY_MET = {
    "VB-UPPER-MEAN-SQUARE": {**FLAT, "num_candidates": 1},
    "VB-UPPER-MEAN-SQUARE-BEST-OF-N": {
        **FLAT, "num_candidates": 10, "atoms": 512, "reward_error": 10,
    },
    "VF-UPPER-MISSPECIFIED": {**MISSING, "data_budget": 2000},
}  # fmt: skip


@pytest.mark.parametrize("name", NEARLY_MET)
def test_a_tenth_of_a_bound_on_an_estimate_or_a_class_that_misses_is_noticed(name: str) -> None:
    (row,) = rows(NEARLY_MET[name], replicates=2000)
    tenth = CORRUPTIONS["TENTH"].of(BOUNDS[name])
    true, wrong = check([row], [name, tenth]).verdicts
    assert (true.cells, true.violations) == (1, 0)
    assert true.smallest_detectable is not None
    assert true.smallest_detectable > 0.95
    assert (wrong.cells, wrong.violations) == (1, 1)


def test_one_value_at_a_time_or_many_at_once() -> None:
    made = rows(
        {**ONE, "label_error": 0.1}, {**ONE, "label_noise": 0.1, "rival_error": 0.1}, ONE,
        {**FLAT, "atoms": 2}, MISSING,
    )  # fmt: skip
    names = [
        "VB-UPPER-ERRORS", "VB-UPPER-NOISE", "VB-UPPER-EXPECTATION", "VB-UPPER-MEAN-SQUARE",
        "VB-UPPER-MEAN-SQUARE-BEST-OF-N", "VF-UPPER-MISSPECIFIED",
    ]  # fmt: skip
    singly = values.bound_values(made, names)
    with mock.patch.object(values, "_MANY", 1), mock.patch.object(values, "_BATCH", 3):
        at_once = values.bound_values(made, names)
    for name in names:
        np.testing.assert_allclose(singly[name][0], at_once[name][0], rtol=1e-9)
        np.testing.assert_array_equal(singly[name][1], at_once[name][1])


def test_a_weaker_label_noise_bound_is_found_out() -> None:
    # What VB-UPPER would say of noisy labels: smaller than VB-UPPER-NOISE, and exceeded.
    noisy = {**ONE, "data_budget": 20, "label_noise": 0.3, "rival_error": 0.37}
    (row,) = rows(noisy, replicates=20_000)
    exact = {**row, "label_noise": 0.0}
    assert check([row], ["VB-UPPER-NOISE"]).ok
    assert not check([exact], ["VB-UPPER-EXPECTATION"]).ok


def test_every_game_is_in_the_configuration() -> None:
    assert {game.name for game in PLAYED} == {*GAMES}
