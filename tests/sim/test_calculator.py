"""The calculator: its JSON contract, its numbers, and what it refuses."""

import json
import math
import subprocess
import sys
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import pytest

from tests.statistics import Estimate, assert_same_mean
from verigap import calculate
from verigap.cli.tables.bounds import how_certain, show_calculation
from verigap.cli.tables.common import table_number
from verigap.sim.calculation_content import as_content
from verigap.sim.calculator import Moments
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.learners.vf_bayes import VFBayes
from verigap.sim.relabelling.risk import Risk
from verigap.sim.sweeps.laws import GeometricSpec, ReturnsSpec, TwoLevelSpec
from verigap.theory import RewardLaw

pytestmark = pytest.mark.usefixtures("unchecked_annotations")

# One number of replicates and few shapes of laws, as each is compiled for several seconds.
REPLICATES = 2000


def ask(law: Any, **parameters: Any) -> dict[str, Any]:
    return as_content(calculate(law, **{"replicates": REPLICATES, **parameters}))


# sigma = 1: H = 2 and the law pays 0 or 2.
@pytest.mark.parametrize(
    ("bits", "n", "tilt", "lower", "bayes", "mle"),
    [
        (10.0, 32, 0.292, 0.1763, 0.2037, 0.27422),
        (12.0, 64, 0.223, 0.1492, 0.1668, 0.21473),
        (40.0, 1000, 0.120, 0.1188, None, 0.11994),
    ],
)
def test_two_level_numbers(
    bits: float, n: int, tilt: float, lower: float, bayes: float | None, mle: float
) -> None:
    found = ask("two-level", horizon=2, data_budget=n, log2_class_size=bits, expert_radius=tilt**2)
    assert found["vf_lower"]["value"] == pytest.approx(lower, abs=6e-5)
    assert found["risks"]["by_learner"]["vf-mle"]["value"] == pytest.approx(mle, abs=6e-6)
    bayes_risk = found["risks"]["by_learner"]["vf-bayes"]
    measured = Estimate(bayes_risk["value"], bayes_risk["standard_error"])
    if bayes is not None:
        assert_same_mean(measured, Estimate(bayes, 0.0004), what="vf-bayes")
    assert found["chi2_radius"] == pytest.approx(tilt**2)
    assert found["risks"]["expert_radius"] == pytest.approx(tilt**2)
    json.dumps(found)


def test_the_contract() -> None:
    found = ask("two-level", horizon=64, data_budget=64, log2_class_size=12.0)
    for key in ("vf_lower", "vf_upper", "vb_upper", "separation"):
        assert isinstance(found[key]["value"], float)
        assert found[key]["proved"] is True
    for name in LEARNERS:
        risk = Risk(**found["risks"]["by_learner"][name])
        simulated = name in {"vf-bayes", "vf-posterior-sampling"}
        assert risk.method == ("simulation" if simulated else "closed form")
        assert risk.replicates == (REPLICATES if simulated else None)
    assert found["coverage"] == 0.5
    assert (found["mean"], found["sd"], found["chi2_radius"]) == (32.0, 32.0, 1.0)
    # Against the best expert of the ball; the bound may choose a weaker one.
    assert found["risks"]["expert_value"] == 64.0
    assert found["hardest_tilt"] < 1.0
    assert found["risks_hardest"] != found["risks"]
    assert found["vb_upper"]["value"] == pytest.approx(
        64 / 0.5 * (1 - (0.05 / (2**12 - 1)) ** (1 / 64))
    )


def test_the_best_expert_may_be_the_hardest() -> None:
    # One trace tells so little that the bound is largest at the expert that gains most.
    found = ask("two-level", horizon=64, data_budget=1, log2_class_size=12.0)
    assert found["hardest_tilt"] == 1.0
    assert found["risks_hardest"] == found["risks"]
    assert found["vf_lower"]["value"] == found["vf_lower_at_expert"]


def test_moments_alone_give_no_risk() -> None:
    found = ask(
        Moments(mean=32.0, sd=32.0), horizon=64, data_budget=64, log2_class_size=12.0, coverage=0.25
    )
    assert found["risks"] is None
    assert found["coverage"] == 0.25
    law = ask("two-level", horizon=64, data_budget=64, log2_class_size=12.0, coverage=0.25)
    assert found["vf_lower"]["value"] == pytest.approx(law["vf_lower"]["value"])
    assert found["vb_upper"]["value"] == pytest.approx(law["vb_upper"]["value"])
    # Not knowing the law, VF-UPPER allows for the worst one.
    assert found["vf_upper"]["value"] >= law["vf_upper"]["value"] - 1e-9


def test_a_coverage_above_that_of_the_law_is_not_proved() -> None:
    found = ask("two-level", horizon=64, data_budget=1024, log2_class_size=2.0, coverage=1.0)
    for key in ("vb_upper", "separation"):
        assert found[key]["proved"] is False
        failing = "c0 is at most the top-share coverage of the law"
        assert failing in found[key]["failing_assumptions"]
    assert found["vf_lower"]["proved"] is True


def test_what_a_stand_in_law_cannot_show_is_not_claimed() -> None:
    found = ask(
        Moments(mean=32.0, sd=32.0), horizon=64, data_budget=64, log2_class_size=12.0, coverage=0.25
    )
    for key in ("vb_upper", "separation"):
        assert found[key]["proved"] is False
        assert found[key]["failing_assumptions"] == ()
        unchecked = found[key]["unchecked_assumptions"]
        assert unchecked == ("c0 is at most the top-share coverage of the law",)
    assert found["vf_upper"]["proved"] is True


def test_the_game_is_not_the_instance_of_vb_lower() -> None:
    found = ask("two-level", horizon=16, data_budget=8, log2_class_size=0.5)
    bounds = found["bounds"]
    assert "the game is VB-LOWER's hard prompts" in bounds["VB-LOWER"]["failing_assumptions"]
    # Half a bit is no class either.
    assert not any(bound["proved"] for bound in bounds.values())


def test_a_tilt_fixes_the_expert_inside_the_ball() -> None:
    weak = ask(
        "two-level",
        horizon=64,
        data_budget=64,
        log2_class_size=12.0,
        expert_radius=0.04,
        chi2_radius=1.0,
    )
    assert weak["chi2_radius"] == 1.0
    assert weak["risks"]["expert_value"] == pytest.approx(32 * 1.2)
    # A verifier that finds the best trace beats the weak expert.
    risks = {name: risk["value"] for name, risk in weak["risks"]["by_learner"].items()}
    assert risks["vb-plug-in"] < 0 < risks["vf-mle"]
    alone = ask("two-level", horizon=64, data_budget=64, log2_class_size=12.0, expert_radius=0.04)
    assert alone["chi2_radius"] == pytest.approx(0.04)
    assert alone["vf_lower"]["value"] == pytest.approx(weak["vf_lower"]["value"])


# Sixteen, as what is quantised has.
RETURNS = np.repeat([0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0], 2)


@pytest.mark.long
@pytest.mark.parametrize(
    "law",
    [
        RewardLaw.checked(RETURNS, np.full(16, 1 / 16)),
        ReturnsSpec(family="returns", returns=[(RETURNS / 16).tolist()]),
        GeometricSpec(family="geometric", rate=0.1),
        TwoLevelSpec(family="two-level", sd=0.25),
    ],
    ids=lambda law: type(law).__name__,
)
def test_laws(law: Any) -> None:
    found = ask(law, horizon=16, data_budget=8, log2_class_size=6.0)
    assert found["risks"] is not None
    cloned = Risk(**found["risks"]["by_learner"]["vf-mle"])
    # Few traces of 16 returns have few types; those of an unbounded law have many.
    many = isinstance(law, GeometricSpec)
    assert cloned.method == ("lattice approximation" if many else "closed form")
    assert cloned.low is None or cloned.high is None or cloned.low <= cloned.value <= cloned.high
    if isinstance(law, (RewardLaw, ReturnsSpec)):
        assert found["mean"] == pytest.approx(6.25)
        assert found["sd"] ** 2 == pytest.approx(33.4375)
        assert found["risks"]["expert_value"] == pytest.approx(12.0)
        assert found["coverage"] >= 0.25


def test_a_law_of_unequal_probabilities_is_quantised() -> None:
    law = RewardLaw.checked(np.asarray([0.0, 16.0]), np.asarray([0.75, 0.25]))
    found = ask(law, horizon=16, data_budget=8, log2_class_size=6.0)
    assert found["mean"] == pytest.approx(4.0)
    assert found["sd"] ** 2 == pytest.approx(48.0)


def test_the_seed_decides() -> None:
    question = {"horizon": 8, "data_budget": 8, "log2_class_size": 4.0, "expert_radius": 0.09}
    first, again, other = (
        ask("two-level", **question, seed=seed)["risks"]["by_learner"]["vf-bayes"]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_simulation_without_variance_is_not_exact() -> None:
    # 400 labels rule the other one of two rewards out, whatever the data set.
    law = RewardLaw.checked(np.asarray([0.0, 16.0, 16.0, 16.0]), np.full(4, 0.25))
    found = ask(law, horizon=16, data_budget=400, log2_class_size=1.0, expert_radius=0.25)
    risk = Risk(**found["risks"]["by_learner"]["vb-pessimism"])
    assert risk.standard_error == 0
    assert risk.method == "simulation"
    assert how_certain(risk) == f"0 in {REPLICATES:,} draws"


def test_the_words_for_each_method() -> None:
    assert how_certain(Risk(value=1.0, method="closed form")) == "closed form"
    assert how_certain(Risk(value=1.0, method="lattice approximation")) == "lattice approximation"
    drawn = Risk(value=1.0, method="simulation", standard_error=0.125, replicates=9)
    assert how_certain(drawn) == "0.125"


class Newcomer(VFBayes):
    """VF-Bayes under another name."""

    name: ClassVar[str] = "vf-newcomer"
    title: ClassVar[str] = "VF newcomer"


@pytest.mark.long
def test_a_registered_learner_appears(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # It and one more are compiled sooner than all.
    for name in LEARNERS.keys() - {"vf-mle"}:
        monkeypatch.delitem(LEARNERS, name)
    monkeypatch.setitem(LEARNERS, "vf-newcomer", Newcomer())
    found = calculate(
        "two-level", horizon=8, data_budget=8, log2_class_size=4.0, expert_radius=0.09,
        replicates=50,
    )  # fmt: skip
    assert found.risks is not None
    assert set(found.risks.by_learner) == {"vf-mle", "vf-newcomer"}
    assert found.risks.by_learner["vf-newcomer"].replicates == 50
    show_calculation(found)
    assert "VF newcomer" in capsys.readouterr().out


BASE = {"law": "two-level", "horizon": 16, "data_budget": 8, "log2_class_size": 4.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"horizon": 0}, "horizon: must be 1 to"),
        ({"data_budget": 0}, "data_budget"),
        ({"log2_class_size": 0.0}, "log2_class_size"),
        ({"log2_class_size": 201.0}, "log2_class_size"),
        ({"log2_class_size": math.nan}, "log2_class_size"),
        ({"chi2_radius": 0.0}, "chi2_radius"),
        ({"chi2_radius": -1.0}, "chi2_radius"),
        ({"chi2_radius": math.nan}, "chi2_radius"),
        ({"expert_radius": -0.1}, "expert_radius"),
        ({"expert_radius": math.nan}, "expert_radius"),
        ({"expert_radius": 0.25, "chi2_radius": 0.1}, "expert_radius"),
        ({"failure_probability": 0.0}, "failure_probability"),
        ({"failure_probability": math.nan}, "failure_probability"),
        ({"coverage": 0.0}, "coverage"),
        ({"coverage": math.nan}, "coverage"),
        ({"num_candidates": 0}, "num_candidates"),
        ({"seed": -1}, "seed"),
        ({"law": Moments(mean=4.0, sd=8.0)}, "coverage: is missing"),
        ({"law": Moments(mean=17.0, sd=1.0), "coverage": 0.5}, "mean"),
        ({"law": Moments(mean=math.nan, sd=1.0), "coverage": 0.5}, "mean"),
        ({"law": Moments(mean=8.0, sd=9.0), "coverage": 0.5}, "sd"),
        ({"law": Moments(mean=8.0, sd=math.nan), "coverage": 0.5}, "sd"),
        ({"law": "zipf"}, "law: 'zipf'"),
        ({"law": "geometric:rate=0.1"}, "law: 'geometric:rate=0.1'"),
        ({"law": "nowhere.parquet"}, "nowhere.parquet"),
        (
            {"law": RewardLaw.checked(np.asarray([0.0, 17.0]), np.full(2, 0.5))},
            "law: a return of 17",
        ),
    ],
)
def test_impossible_questions(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}") as refusal:
        calculate(**{**BASE, **change})
    assert "\n" not in str(refusal.value)
    assert "--" not in str(refusal.value)


def test_what_rounding_makes_of_zero_prints_as_zero() -> None:
    assert table_number(-4.547e-13, 64) == "0"
    assert table_number(-4.547e-13) == "-4.547e-13"
    assert table_number(-4.547e-9, 64) == "-4.547e-09"
    assert table_number(float("nan"), 64) == "-"


@pytest.mark.parametrize("gap", [1.0, 0.25])
def test_returns_that_lie_close_are_told_apart(gap: float) -> None:
    horizon = 1 << 20
    law = RewardLaw.equiprobable(jnp.asarray([horizon - place * gap for place in (3, 2, 1, 0)]))
    result = calculate(
        law, horizon=horizon, data_budget=1 << 30, log2_class_size=2.0, replicates=REPLICATES
    )
    assert result.risks is not None
    bound = result.bounds["VB-UPPER-PLUG-IN"]
    assert bound.proved
    # All labels are seen, so the conditional policy of the truth loses nothing to the expert.
    assert result.risks.by_learner["vb-plug-in"].value <= bound.value


def test_a_fraction_of_a_codeword_has_no_game() -> None:
    result = calculate("two-level", horizon=8, data_budget=8, log2_class_size=0.5, replicates=20)
    assert result.risks is None
    assert result.risks_hardest is None


# Asked in a process of its own: here annotations are checked before the library looks.
WRONG_KINDS = """
import verigap as vg
for changed in (
    {"replicates": 0}, {"seed": 1.5}, {"horizon": "16"}, {"data_budget": 1.5},
    {"log2_class_size": "x"}, {"law": None},
):
    given = {"law": "two-level", "horizon": 8, "data_budget": 8, "log2_class_size": 4, **changed}
    try:
        vg.calculate(**given)
    except ValueError as error:
        print(error)
"""


def test_numbers_of_a_wrong_kind() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRONG_KINDS], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "replicates", "seed", "horizon", "data_budget", "log2_class_size", "law",
    ]  # fmt: skip
