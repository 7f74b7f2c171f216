"""The calculator: its JSON contract, its numbers, and what it refuses."""

import json
import math
from typing import Any, ClassVar

import pytest

from tests.statistics import Estimate, assert_same_mean
from verigap.cli.tables.bounds import how_certain, show_calculation
from verigap.sim.calculator import Question, calculate
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.learners.vf_bayes import VFBayes
from verigap.sim.relabelling.risk import Risk

REPLICATES = 2000


def ask(**parameters: Any) -> dict[str, Any]:
    return calculate(Question(**{"replicates": REPLICATES, **parameters}))


# sigma = 1: H = 2 and the law pays 0 or 2.
@pytest.mark.parametrize(
    ("log2_class", "n", "tilt", "lower", "bayes", "mle"),
    [
        (10.0, 32, 0.292, 0.1763, 0.2037, 0.27422),
        (12.0, 64, 0.223, 0.1492, 0.1668, 0.21473),
        (40.0, 1000, 0.120, 0.1188, None, 0.11994),
    ],
)
def test_two_level_numbers(
    log2_class: float, n: int, tilt: float, lower: float, bayes: float | None, mle: float
) -> None:
    found = ask(horizon=2, n=n, log2_class=log2_class, tilt=tilt, law="two-level")
    assert found["vf_lower"]["value"] == pytest.approx(lower, abs=6e-5)
    assert found["exact"]["vf-mle"]["value"] == pytest.approx(mle, abs=6e-6)
    bayes_risk = found["exact"]["vf-bayes"]
    measured = Estimate(bayes_risk["value"], bayes_risk["standard_error"])
    if bayes is not None:
        assert_same_mean(measured, Estimate(bayes, 0.0004), what="vf-bayes")
    assert found["kappa"] == pytest.approx(tilt**2)
    assert found["exact"]["expert_radius"] == pytest.approx(tilt**2)
    json.dumps(found)


def test_the_contract() -> None:
    found = ask(horizon=64, n=64, log2_class=12.0, law="two-level")
    for key in ("vf_lower", "vf_upper", "vb_upper", "separation"):
        assert isinstance(found[key]["value"], float)
        assert found[key]["assumptions_hold"] is True
    for name in LEARNERS:
        risk = Risk(**found["exact"][name])
        simulated = name in {"vf-bayes", "vf-posterior-sampling"}
        assert risk.method == ("simulation" if simulated else "closed form")
        assert risk.replicates == (REPLICATES if simulated else None)
    assert found["c0"] == 0.5
    assert (found["mean"], found["sigma"], found["kappa"]) == (32.0, 32.0, 1.0)
    # Against the best expert of the ball; the bound may choose a weaker one.
    assert found["exact"]["expert_value"] == 64.0
    assert found["vf_lower"]["tilt"] < 1.0
    assert found["vb_upper"]["value"] == pytest.approx(
        64 / 0.5 * (12 * math.log(2) + math.log(20)) / 64
    )


def test_moments_alone_give_no_exact_risk() -> None:
    found = ask(horizon=64, n=64, log2_class=12.0, sigma=32.0, mean=32.0, c0=0.25)
    assert found["exact"] is None
    assert found["c0"] == 0.25
    law = ask(horizon=64, n=64, log2_class=12.0, law="two-level", c0=0.25)
    assert found["vf_lower"]["value"] == pytest.approx(law["vf_lower"]["value"])
    assert found["vb_upper"]["value"] == pytest.approx(law["vb_upper"]["value"])
    # Not knowing the law, VF-UPPER allows for the worst one.
    assert found["vf_upper"]["value"] >= law["vf_upper"]["value"] - 1e-9


def test_a_coverage_above_that_of_the_law_is_not_proved() -> None:
    found = ask(horizon=64, n=1024, log2_class=2.0, law="two-level", c0=1.0, replicates=200)
    for key in ("vb_upper", "separation"):
        assert found[key]["assumptions_hold"] is False
        failing = "c0 is at most the top-share coverage of the law"
        assert failing in found[key]["assumptions_failing"]
    assert found["vf_lower"]["assumptions_hold"] is True


def test_what_a_stand_in_law_cannot_show_is_not_claimed() -> None:
    found = ask(horizon=64, n=64, log2_class=12.0, sigma=32.0, mean=32.0, c0=0.25)
    for key in ("vb_upper", "separation"):
        assert found[key]["assumptions_hold"] is False
        assert found[key]["assumptions_failing"] == []
        unchecked = found[key]["assumptions_unchecked"]
        assert unchecked == ["c0 is at most the top-share coverage of the law"]
    assert found["vf_upper"]["assumptions_hold"] is True


def test_the_game_is_not_the_instance_of_vb_lower() -> None:
    found = ask(horizon=16, n=8, log2_class=0.5, law="two-level", replicates=200)["bounds"]
    assert "the game is VB-LOWER's hard prompts" in found["VB-LOWER"]["assumptions_failing"]
    # Half a bit is no class either.
    assert not any(bound["assumptions_hold"] for bound in found.values())


def test_a_tilt_fixes_the_expert_inside_the_ball() -> None:
    weak = ask(horizon=64, n=64, log2_class=12.0, law="two-level", tilt=0.2, kappa=1.0)
    assert weak["kappa"] == 1.0
    assert weak["exact"]["expert_value"] == pytest.approx(32 * 1.2)
    # A verifier that finds the best trace beats the weak expert.
    assert weak["exact"]["vb-plug-in"]["value"] < 0 < weak["exact"]["vf-mle"]["value"]
    alone = ask(horizon=64, n=64, log2_class=12.0, law="two-level", tilt=0.2)
    assert alone["kappa"] == pytest.approx(0.04)
    assert alone["vf_lower"]["value"] == pytest.approx(weak["vf_lower"]["value"])


@pytest.mark.parametrize(
    "law", ["returns:0,0,0,4,8,10,12,16", "geometric:rate=0.1", "two-level:sd=0.25"]
)
def test_laws_by_text(law: str) -> None:
    found = ask(horizon=16, n=8, log2_class=6.0, law=law, replicates=200)
    assert found["exact"] is not None
    cloned = Risk(**found["exact"]["vf-mle"])
    assert cloned.method == (
        "closed form" if law == "two-level:sd=0.25" else "lattice approximation"
    )
    if law.startswith("returns"):
        assert found["mean"] == pytest.approx(6.25)
        assert found["sigma"] ** 2 == pytest.approx(33.4375)
        assert found["exact"]["expert_value"] == pytest.approx(12.0)
        assert found["c0"] >= 0.25


def test_the_seed_decides() -> None:
    question = {"horizon": 8, "n": 8, "log2_class": 4.0, "law": "two-level", "tilt": 0.3}
    first, again, other = (ask(**question, seed=seed)["exact"]["vf-bayes"] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_simulation_without_variance_is_not_exact() -> None:
    # 400 labels rule the other one of two rewards out, whatever the data set.
    found = ask(horizon=16, n=400, log2_class=1.0, law="returns:0,16,16,16", tilt=0.5)
    risk = Risk(**found["exact"]["vb-pessimism"])
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


def test_a_registered_learner_appears(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(LEARNERS, "vf-newcomer", Newcomer())
    found = ask(horizon=8, n=8, log2_class=4.0, law="two-level", tilt=0.3, replicates=50)
    assert Risk(**found["exact"]["vf-newcomer"]).replicates == 50
    show_calculation(found)
    assert "VF newcomer" in capsys.readouterr().out


BASE = {"horizon": 16, "n": 8, "log2_class": 4.0, "law": "two-level"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"horizon": 0}, "--horizon"),
        ({"n": 0}, "--n"),
        ({"log2_class": 0.0}, "--log2-class"),
        ({"log2_class": 201.0}, "--log2-class"),
        ({"log2_class": math.nan}, "--log2-class"),
        ({"kappa": 0.0}, "--kappa"),
        ({"kappa": -1.0}, "--kappa"),
        ({"kappa": math.nan}, "--kappa"),
        ({"tilt": -0.1}, "--tilt"),
        ({"tilt": math.nan}, "--tilt"),
        ({"tilt": 0.5, "kappa": 0.1}, "--tilt"),
        ({"delta": 0.0}, "--delta"),
        ({"delta": math.nan}, "--delta"),
        ({"c0": 0.0}, "--c0"),
        ({"c0": math.nan}, "--c0"),
        ({"best_of": 0}, "--best-of"),
        ({"mean": 17.0}, "--mean"),
        ({"mean": math.nan}, "--mean"),
        ({"mean": 0.0}, "--mean"),
        ({"sigma": 9.0}, "--sigma"),
        ({"sigma": math.nan}, "--sigma"),
        ({"sigma": 5.0, "mean": 2.0}, "--sigma"),
        ({"law": None}, "--law"),
        ({"law": None, "sigma": 4.0, "mean": 8.0}, "--c0"),
        ({"law": "zipf:a=2"}, "--law: no family 'zipf'"),
        ({"law": "geometric:rate=two"}, "--law geometric"),
        ({"law": "geometric:rate=0"}, "--law geometric"),
        ({"law": "geometric"}, "--law geometric"),
        ({"law": "returns:1,x"}, "--law returns"),
        ({"law": "returns:1,99"}, "--law returns"),
        ({"law": "returns:1,nan"}, "--law returns"),
        ({"law": "nowhere.parquet"}, "nowhere.parquet"),
        ({"law": "returns:1,2", "sigma": 1.0}, "--sigma"),
    ],
)
def test_impossible_questions(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as refusal:
        calculate(Question(**{**BASE, **change}))
    assert "\n" not in str(refusal.value)
