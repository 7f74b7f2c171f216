"""`verigap bounds`: the registry, the JSON contract, numbers known by hand."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Command, Finished, InProcess, assert_refused, succeeded
from verigap.sim.relabelling.learners import LEARNERS
from verigap.theory import BOUNDS

HEADLINES = {
    "vf_lower": "VF-LOWER",
    "vf_upper": "VF-UPPER",
    "vb_upper": "VB-UPPER",
    "separation": "SEPARATION",
}
# sigma = 1: the law pays 0 or 2 of H = 2 tokens.
UNIT = "--horizon 2 --n 1000 --log2-class 40"


def ask(verigap: InProcess, options: str) -> Finished:
    return succeeded(verigap("bounds", *options.split()))


@pytest.fixture(scope="module")
def two_level(verigap: Command) -> Finished:
    return ask(verigap, f"{UNIT} --law two-level --tilt 0.12 --json")


def strict_json(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_kl_leash_on_two_returns_is_a_chi_square_leash(
    in_process: InProcess, two_level: Finished
) -> None:
    # w = 1 +- 0.12, whose divergence is 0.0072173 nats.
    nats = 0.5 * (1.12 * math.log(1.12) + 0.88 * math.log(0.88))
    question = f"{UNIT} --law two-level --leash kl --expert-radius {nats!r}"
    kl, chi2 = (
        strict_json(ask(in_process, f"{question} --json").stdout),
        strict_json(two_level.stdout),
    )
    assert (kl["chi2_radius"], kl["kl_radius"], chi2["kl_radius"]) == (None, nats, None)
    for name, bound in chi2["bounds"].items():
        assert kl["bounds"][name]["value"] == pytest.approx(bound["value"], rel=1e-9), name
        assert kl["bounds"][name]["proved"] == bound["proved"]
    for name, risk in chi2["risks"]["by_learner"].items():
        assert kl["risks"]["by_learner"][name]["value"] == pytest.approx(risk["value"], rel=1e-6)
    shown = ask(in_process, question).stdout
    assert "KL radius = 0.007217 nats" in shown
    assert "below the expert, of KL radius 0.007217 nats" in shown


def test_the_usual_kl_leash_is_ln_2(in_process: InProcess) -> None:
    done = ask(in_process, "--horizon 8 --n 4 --log2-class 4 --law two-level --leash kl --json")
    found = strict_json(done.stdout)
    assert found["kl_radius"] == pytest.approx(math.log(2.0))
    assert found["hardest_tilt"] is None
    assert 0 < found["hardest_radius"] <= found["kl_radius"]


def test_moments_on_a_kl_leash(in_process: InProcess) -> None:
    options = "--sigma 1 --mean 1 --c0 0.25 --leash kl --kappa 0.0144 --json"
    found = strict_json(ask(in_process, f"{UNIT} {options}").stdout)
    # The law of these moments on two returns is the worst: 0 and 2.
    assert found["bounds"]["VF-UPPER"]["value"] > 0
    assert found["risks"] is None


@pytest.mark.smoke
def test_list_has_every_bound(verigap: Command) -> None:
    done = ask(verigap, "--list")
    for bound in BOUNDS.values():
        assert f"{bound.name}: {bound.title}\n  {bound.statement}\n" in done.stdout
        assert f"source: {bound.source}" in done.stdout
    for assumption in {text.text for bound in BOUNDS.values() for text in bound.assumptions}:
        assert f"if {assumption}\n" in done.stdout
    assert done.stderr == ""


def test_list_as_json(in_process: InProcess) -> None:
    listed = strict_json(ask(in_process, "--list --json").stdout)
    assert [entry["name"] for entry in listed] == list(BOUNDS)
    assert [entry["statement"] for entry in listed] == [b.statement for b in BOUNDS.values()]


def test_json_contract(two_level: Finished) -> None:
    found = strict_json(two_level.stdout)
    assert two_level.stderr == ""
    for key, name in HEADLINES.items():
        assert isinstance(found[key]["value"], float)
        assert found[key]["proved"] is True
        assert found[key]["value"] == found["bounds"][name]["value"]
    assert list(found["bounds"]) == list(BOUNDS)
    assert list(found["risks"]) == ["expert_radius", "expert_value", "by_learner"]
    risks = found["risks"]["by_learner"]
    assert list(risks) == list(LEARNERS)
    assert risks["vf-bayes"]["method"] == "simulation"
    assert risks["vf-bayes"]["replicates"] == 20_000
    assert 0 < risks["vf-bayes"]["standard_error"] < 1e-3
    for name in ("vf-mle", "vb-plug-in", "vb-best-of-n", "vb-pessimism"):
        assert isinstance(risks[name]["value"], float)
        assert risks[name]["method"] == "closed form"
        assert risks[name]["standard_error"] is None


def test_two_level_numbers(two_level: Finished) -> None:
    found = strict_json(two_level.stdout)
    assert found["vf_lower"]["value"] == pytest.approx(0.1188, abs=5e-5)
    assert found["risks"]["by_learner"]["vf-mle"]["value"] == pytest.approx(0.11994, abs=5e-6)
    # Between the lower bound and the proper learner, as the best learner must be.
    risks = {name: risk["value"] for name, risk in found["risks"]["by_learner"].items()}
    assert found["vf_lower"]["value"] < risks["vf-bayes"] < risks["vf-mle"]
    # --tilt fixes the expert, and with it the class: value 1 + 0.12 of at most 2.
    assert found["chi2_radius"] == pytest.approx(0.0144)
    assert found["risks"]["expert_value"] == pytest.approx(1.12)
    # With 1000 labels the plug-in finds the correct trace: 2 tokens, 0.88 above the expert.
    assert found["risks"]["by_learner"]["vb-plug-in"]["value"] == pytest.approx(-0.88, abs=1e-6)


@pytest.mark.long
def test_the_seed_decides(verigap: Command, two_level: Finished) -> None:
    question = f"{UNIT} --law two-level --tilt 0.12 --json"
    assert ask(verigap, f"{question} --seed 0").stdout == two_level.stdout
    other = strict_json(ask(verigap, f"{question} --seed 1").stdout)
    first = strict_json(two_level.stdout)
    risks, before = (found["risks"]["by_learner"] for found in (other, first))
    assert risks["vf-bayes"] != before["vf-bayes"]
    assert risks["vf-mle"] == before["vf-mle"]
    assert other["bounds"] == first["bounds"]


SCORED = "--horizon 16 --n 100 --log2-class 4 --law returns:0,0,0,16"


def test_a_score_by_its_roc_curve(verigap: Command) -> None:
    asked = f"{SCORED} --roc 0.01:0.95,0.1:0.2 --reward-error 2 --misspecification 0.01"
    done = ask(verigap, f"{asked} --json")
    found = strict_json(done.stdout)
    selection = found["selection"]
    assert selection["num_candidates"] == 8
    assert selection["best_num_candidates"] == 15
    assert selection["limit"] == pytest.approx(10.0)
    assert [point["draws"] for point in selection["thresholds"]] == pytest.approx([50, 40 / 11])
    assert found["bounds"]["VB-UPPER-MEAN-SQUARE"]["value"] == pytest.approx(2.0)
    for name in ("VB-UPPER-MEAN-SQUARE", "VF-UPPER-MISSPECIFIED"):
        assert found["bounds"][name]["proved"]
    assert not found["bounds"]["VF-UPPER"]["proved"]


def test_without_a_curve_nothing_is_selected(two_level: Finished) -> None:
    found = strict_json(two_level.stdout)
    assert found["selection"] is None
    assert not found["bounds"]["VB-UPPER-MEAN-SQUARE"]["proved"]
    assert not found["bounds"]["VF-UPPER-MISSPECIFIED"]["proved"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--roc 0.1", "--roc: expected FALSE_POSITIVE:FALSE_NEGATIVE,..., not '0.1'"),
        ("--roc a:b", "--roc: expected FALSE_POSITIVE:FALSE_NEGATIVE,..., not 'a:b'"),
        ("--roc 0.1:2", "--roc: error rates must be in [0, 1]"),
        ("--roc 0.3:0.1,0.2:0.1", "--roc: from the strictest threshold on"),
        ("--reward-error 17", "--reward-error: must be in [0, 16], as returns are, not 17"),
        ("--misspecification -1", "--misspecification: must be at least 0 and finite, not -1"),
    ],
)
def test_what_is_no_score(in_process: InProcess, options: str, words: str) -> None:
    assert_refused(in_process("bounds", *SCORED.split(), *options.split()), words)


def test_moments_have_no_score(in_process: InProcess) -> None:
    asked = f"{UNIT} --sigma 1 --mean 1 --c0 0.25 --roc 0.1:0.2"
    assert_refused(in_process("bounds", *asked.split()), "--roc: needs a law")


def test_moments_alone_have_no_risk(verigap: Command) -> None:
    done = ask(verigap, f"{UNIT} --sigma 1 --mean 1 --c0 0.25 --kappa 0.0144 --json")
    found = strict_json(done.stdout)
    assert found["risks"] is None
    assert (found["sd"], found["mean"], found["coverage"]) == (1.0, 1.0, 0.25)
    for key in HEADLINES:
        assert isinstance(found[key]["value"], float)
        assert isinstance(found[key]["proved"], bool)


@pytest.mark.long
def test_a_measured_law(verigap: Command, tmp_path: Path) -> None:
    # At 8 tokens three of the four traces of the prompt pay 5 and one pays nothing.
    (tmp_path / "traces.csv").write_text(
        "prompt_id,correct,first_correct\na,true,4\na,true,4\na,true,4\na,false,\n"
    )
    succeeded(verigap("laws", "traces.csv", "--horizon", "8", "--out", "l.parquet", cwd=tmp_path))
    question = "bounds --horizon 8 --n 64 --log2-class 10 --tilt 0.3 --law l.parquet"
    done = succeeded(verigap(*question.split(), cwd=tmp_path))
    assert done.stderr == ""
    head, *lines = done.stdout.splitlines()
    assert "H = 8 tokens, n = 64, d = 10 bits" in head
    assert "mean = 3.75, sigma = 2.165" in head
    first_words = [line.split()[0] for line in lines if line.strip()]
    named = [word for word in first_words if word in BOUNDS]
    assert named[: len(BOUNDS)] == list(BOUNDS)
    for learner in ("VF-MLE", "VF-Bayes", "VB"):
        assert learner in first_words


def test_frontier_of_moments_has_the_bounds_alone(in_process: InProcess) -> None:
    options = "--sigma 16 --mean 32 --c0 0.5 --horizon 64 --n 64 --log2-class 12 --frontier"
    found = strict_json(ask(in_process, f"{options} --json").stdout)["frontier"]
    assert (found["game"], found["exact"]) == (None, None)
    assert found["bounds"]["side"] == "verifying"
    moves = {move["parameter"]: move for move in found["bounds"]["moves"]}
    assert list(moves) == ["data_budget", "horizon", "expert_sd", "coverage", "log2_class_size"]
    # The lead is the logarithm of the coverage, but for a constant.
    lead = found["bounds"]["lead"]
    assert moves["coverage"]["factor"] == pytest.approx(math.exp(-lead), rel=1e-6)
    assert moves["horizon"]["factor"] is None
    assert found["bound_elasticities"]["coverage"] == pytest.approx(1.0)


@pytest.mark.long
def test_frontier_of_a_law_has_exact_risks_beside(in_process: InProcess) -> None:
    options = "--law returns:0,0,0,64 --horizon 64 --n 32 --log2-class 12 --frontier"
    text = ask(in_process, options).stdout
    assert "Risks in the game: verifying leads; on the same leash cloning earns 0.9283" in text
    (game,) = text.split("Risks in the game: ")[1:]
    lines = {line.split("  ")[0]: line.split() for line in game.splitlines()}
    assert "(exact)" in game
    # 12 traces in place of 32 leave cloning ahead, and no budget changes anything.
    assert lines["traces n"][2:5] == ["32", "0.375", "12"]
    assert lines["traces n"][-2:] == ["cloning", "leads"]
    assert lines["budget H (tokens)"][3:6] == ["64", "-", "-"]
    moments = "--sigma 16 --mean 32 --c0 0.5 --horizon 64 --n 64 --log2-class 12 --frontier"
    text = ask(in_process, moments).stdout
    assert "Upper bounds: verifying has the smaller one" in text
    assert "Risks in the game: none without the law of one prompt" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--leash kl --expert-radius -0.5", "--expert-radius: must be positive and finite"),
        ("--dataset gsm8k", "--dataset: names a group of a law table; --law names none"),
        ("--model small", "--model: names a group of a law table; --law names none"),
        (
            "--misspecification 0.05 --frontier",
            "--misspecification: the frontier compares learners whose classes hold the truth",
        ),
    ],
)
def test_options_that_cannot_be_meant(in_process: InProcess, options: str, words: str) -> None:
    asked = f"{UNIT} --law two-level {options}"
    assert_refused(in_process("bounds", *asked.split()), words)


def test_json_repeats_what_was_asked(in_process: InProcess) -> None:
    options = "--sigma 1 --mean 1 --c0 0.25 --reward-error 0.5 --misspecification 0.05 --json"
    found = strict_json(ask(in_process, f"{UNIT} {options}").stdout)
    assert (found["reward_error"], found["misspecification"]) == (0.5, 0.05)


def test_the_frontier_has_the_leash_in_its_unit(in_process: InProcess) -> None:
    question = "--law two-level --horizon 8 --n 4 --log2-class 4 --frontier"
    kl = ask(in_process, f"{question} --leash kl --kappa 0.3").stdout
    assert kl.count("leash kappa (nats)") == 2
    assert "nats" not in ask(in_process, question).stdout
