"""The table of notation in docs/theory.md names things as the code does."""

import re
from dataclasses import fields
from pathlib import Path

from verigap import theory
from verigap.theory import RewardLaw, Setting

PAGE = Path(__file__).resolve().parents[2] / "docs" / "theory.md"
# Errors of a check are arguments of functions, no part of a setting.
ARGUMENTS = {"false_positive", "false_negative"}
# What a law gives, and the tilt of the two-level game, whose square is `expert_radius`.
DERIVED = {"mean", "sd", "tilt"}


def _names() -> set[str]:
    """First name of every row of the table of API names."""
    table = PAGE.read_text(encoding="utf-8").split("| API name |")[1].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    # A name in brackets is that of the command line.
    plain = [re.sub(r"\((?!\.\.\.).*?\)", "", cell) for cell in cells]
    return {name for cell in plain for name in re.findall(r"`([^`]+)`", cell)}


def test_every_field_of_a_setting_is_in_the_table() -> None:
    assert {field.name for field in fields(Setting)} <= _names()


def test_every_name_of_the_table_is_in_the_code() -> None:
    known = {field.name for field in fields(Setting)} | ARGUMENTS | DERIVED
    for name in _names() - known:
        owner, _, attribute = name.partition(".")
        if owner == "law":
            assert attribute in {"support", "probabilities"} or hasattr(RewardLaw, attribute)
        else:
            assert hasattr(theory, owner.partition("(")[0]), name
    assert hasattr(RewardLaw, "mean")
    assert hasattr(RewardLaw, "sd")
