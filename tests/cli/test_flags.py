"""Flags: old spellings, names of parameters in messages, and laws as text."""

from pathlib import Path

import pytest

from tests.cli.command import InProcess, assert_refused, succeeded
from verigap.cli.options import current_flags, with_flags

BOUNDS = "bounds --horizon 16 --n 8 --log2-class 4"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("--budgets", "--horizon"),
        ("--data", "--n"),
        ("--radius", "--kappa"),
        ("--log2-class-size", "--log2-class"),
        ("--best-of", "--candidates"),
    ],
)
def test_an_old_flag_is_read_with_one_line(
    old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert current_flags(["predict", "t.csv", old, "4", f"{old}=5"]) == [
        "predict", "t.csv", new, "4", f"{new}=5",
    ]  # fmt: skip
    assert capsys.readouterr().err.splitlines() == [f"verigap: {old} is now {new}"] * 2


def test_arguments_that_are_no_old_flags_stay(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["figures", "--data", "runs"], ["fit", "--", "--data"], []):
        assert current_flags(arguments) == arguments
    assert capsys.readouterr().err == ""


def test_an_old_flag_works(in_process: InProcess, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\na,true,5\n")
    arguments = ("laws", "t.csv", "--budgets", "8", "--out", "laws.parquet")
    done = succeeded(in_process(*arguments, cwd=tmp_path))
    assert done.stderr == "verigap: --budgets is now --horizon\n"
    assert (tmp_path / "laws.parquet").is_file()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("horizon: must be at least 1", "--horizon: must be at least 1"),
        ("horizons: 0 is no budget", "--horizon: 0 is no budget"),
        ("data_budgets: give distinct numbers", "--n: give distinct numbers"),
        ("expert_radius: must be positive", "--expert-radius: must be positive"),
        ("task_config: no", "--task-config: no"),
        ("task 'x': needs a package", "--task 'x': needs a package"),
        (
            "t.csv: mend it, or drop it by `skip_bad`",
            "t.csv: mend it, or drop it by verigap import --on-error skip",
        ),
        ("unit: of no use with `tokenizer` t", "--unit: of no use with --tokenizer t"),
        ("seed: above `chi2_radius` 1", "--seed: above --kappa 1"),
        ("t.csv: `mapping` a=b says which", "t.csv: --map a=b says which"),
        (
            "t.csv: of `verigap sample`, or of `nobody`",
            "t.csv: of `verigap sample`, or of `nobody`",
        ),
        ("runs/demo: no finished cell", "runs/demo: no finished cell"),
        ("t.csv: column 'seed', row 1", "t.csv: column 'seed', row 1"),
        ("seed", "seed"),
    ],
)
def test_a_message_names_the_flag(message: str, shown: str) -> None:
    assert with_flags(message) == shown


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ("--law geometric:rate=two", "--law geometric"),
        ("--law geometric:rate=0", "--law geometric"),
        ("--law geometric", "--law geometric"),
        ("--law returns:1,x", "--law returns"),
        ("--law returns:1,99", "--law returns"),
        ("--law returns:1,nan", "--law returns"),
        ("--law nowhere.parquet", "nowhere.parquet"),
        ("--law returns:1,2 --sigma 1", "--sigma"),
        ("--law two-level --mean 17", "--mean"),
        ("--law two-level --mean nan", "--mean"),
        ("--law two-level --mean 0", "--mean"),
        ("--law two-level --sigma 9", "--sigma"),
        ("--law two-level --sigma nan", "--sigma"),
        ("--law two-level --sigma 5 --mean 2", "--sigma"),
        ("--law two-level --tilt -0.1", "--tilt"),
        ("--law two-level --tilt 1e200", "--tilt: must be positive and finite"),
        ("--law two-level --tilt 1e-200", "--tilt: must be positive and finite"),
        (
            "--law two-level --tilt 0.5 --kappa 0.1",
            "--tilt: its chi-square radius must not exceed the --kappa of the class, 0.1, not 0.25",
        ),
        ("--law two-level --leash kl --tilt 0.1", "--tilt: is a root of a chi-square"),
        ("--law two-level --tilt 0.1 --expert-radius 0.01", "--tilt: fixes the expert that"),
        ("--law two-level --leash kl --kappa 0", "--kappa: must be positive"),
        (
            "--law two-level --leash kl --kappa 0.1 --expert-radius 0.2",
            "--expert-radius: its KL radius must not exceed the --kappa of the class, 0.1 nats",
        ),
        ("--law two-level --leash hellinger", "--leash"),
        ("--law two-level --candidates 0", "--candidates"),
        ("--law two-level --c0 0", "--c0"),
    ],
)
def test_laws_and_ranges(in_process: InProcess, changed: str, says: str) -> None:
    assert_refused(in_process(*BOUNDS.split(), *changed.split()), says)
