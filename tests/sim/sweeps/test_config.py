"""Sweep configurations: what they mean, and one clear line for each that means nothing."""

import re
from pathlib import Path

import polars as pl
import pytest

from verigap.sim.sweeps.cells import Cell, LoadedSweep, load_sweep
from verigap.sim.sweeps.config import Block, ConfigError
from verigap.sim.sweeps.law_table import LawTable, write_law_table

ONE = "sweeps: [{name: a, horizon: 16, data_budget: 8, log2_class_size: 4, expert: 0.25}]"


def load(folder: Path, text: str) -> LoadedSweep:
    path = folder / "sweep.yaml"
    path.write_text(text)
    return load_sweep(path)


def block(text: str) -> str:
    return f"sweeps: [{{name: a, {text}}}]"


@pytest.fixture
def law_table(tmp_path: Path) -> Path:
    frame = pl.DataFrame(
        {
            "dataset": ["d"] * 2,
            "model": ["m"] * 2,
            "prompt_id": ["p", "q"],
            "horizon": [64, 64],
            "samples": [4, 4],
            "unverified": [0, 0],
            "unit": ["tokens"] * 2,
            "returns": [[0.0, 32.0], [1.0, 64.0]],
            "probabilities": [[0.75, 0.25], [0.5, 0.5]],
        }
    )
    path = tmp_path / "laws.parquet"
    write_law_table(LawTable(frame), path)
    return path


SIZES = "data_budget: 8, log2_class_size: 4"
TABLE = f"horizon: 64, {SIZES}, law: {{family: table, table: laws.parquet"
FULL = "horizon: 16, data_budget: 8, log2_class_size: 4"
# Every mistake, and what its line must name.
MISTAKES = {
    "[1, 2]": "expected a mapping",
    "sweeps: [": "not valid YAML at line",
    "replicates: 10": "sweeps",
    "sweeps: []": "sweeps",
    ONE + "\nsede: 0": "sede: unknown key",
    ONE + "\nseed: -1": "seed",
    ONE + "\nreplicates: 1": "replicates",
    ONE + "\nreplicates: .nan": "replicates",
    ONE + "\nlearners: [vf-bays]": "unknown learner 'vf-bays'",
    ONE + "\nbounds: [VF-LOWR]": "unknown bound 'VF-LOWR'",
    ONE + "\nlearners: [vf-mle, vf-mle]": "vf-mle",
    ONE + "\nbounds: [VF-LOWER, VF-LOWER]": "VF-LOWER",
    ONE + "\nlearners: []": "learners",
    ONE + "\nschema: 99": "schema",
    block(FULL + ", temperature: 1"): "temperature: unknown key",
    block("data_budget: 8, log2_class_size: 4"): "horizon: is missing",
    block("horizon: 0, data_budget: 8, log2_class_size: 4"): "horizon",
    block("horizon: 1.5, data_budget: 8, log2_class_size: 4"): "horizon",
    block("horizon: 16, data_budget: 0, log2_class_size: 4"): "data_budget: ",
    block("horizon: 16, data_budget: 8, log2_class_size: 0"): "log2_class_size",
    block("horizon: 16, data_budget: 8, log2_class_size: 201"): "log2_class_size",
    block("horizon: 16, data_budget: 8, log2_class_size: .nan"): "log2_class_size",
    block(FULL + ", chi2_radius: -1"): "chi2_radius",
    block(FULL + ", chi2_radius: 0"): "chi2_radius 0",
    block(FULL + ", chi2_radius: .nan"): "chi2_radius",
    block(FULL + ", chi2_radius: .inf"): "chi2_radius",
    block(FULL + ", kl_radius: 0"): "kl_radius",
    block(FULL + ", kl_radius: .inf"): "kl_radius",
    block(FULL + ", kl_radius: 0.3, chi2_radius: 1"): "kl_radius is given beside chi2_radius",
    block(FULL + ", kl_radius: 0.3, expert: 0.4"): "outside the class: kl_radius is 0.3",
    block(FULL + ", kl_radius: 0.3, game: hard-prompts, c0: 0.5"): "kl_radius belongs to the game",
    block(FULL + ", expert: 2.0"): "outside the class",
    block(FULL + ", expert: worst"): "expert",
    block(FULL + ", expert: .nan"): "expert",
    block(FULL + ", leash: 0"): "leash",
    block(FULL + ", leash: .inf"): "leash",
    block(FULL + ", failure_probability: 1"): "failure_probability",
    block(FULL + ", num_candidates: 0"): "num_candidates",
    block(FULL + ", c0: 0.1"): "hard-prompts",
    block(FULL + ", game: chess"): "game",
    block(FULL + ", game: hard-prompts"): "needs c0",
    block(
        "horizon: 16, data_budget: 8, log2_class_size: 4.5, game: hard-prompts, c0: 0.5"
    ): "whole log2_class_size",
    block(
        "horizon: 16, data_budget: 8, log2_class_size: 64, game: hard-prompts, c0: 0.5"
    ): "exceed probability",
    block(FULL + ", law: {family: two-levl}"): "law",
    block(FULL + ", law: {family: two-level, sdd: 0.1}"): "sdd: unknown key",
    block(FULL + ", law: {family: two-level, sd: 0.7}"): "must lie in",
    block(FULL + ", law: {family: two-level, sd: .nan}"): "sd",
    block(FULL + ", law: {family: returns, returns: [[0, 1], [0, 1, 1]]}"): "same number",
    block(FULL + ", law: {family: returns, returns: [[0, 1.5]]}"): "returns",
    block(FULL + ", law: {family: geometric, rate: 0}"): "rate",
    block(FULL + ", law: {family: beta-geometric, alpha: .inf, beta: 1}"): "alpha",
    block(FULL + ", law: {family: table, table: nowhere.parquet}"): "nowhere.parquet",
    block(FULL + ", law: {family: table, table: laws.parquet}"): "no laws at horizon 16",
    block(TABLE + ", model: z}"): ("no model 'z'"),
    block(FULL + ", grid: {data_budget: [4]}"): "'data_budget' is given twice",
    block(
        "horizon: 16, log2_class_size: 4, grid: {data_budget: [4]}, zip: {data_budget: [4]}"
    ): "'data_budget' is given twice",
    block("horizon: 16, zip: {data_budget: [4, 5], log2_class_size: [4]}"): "differ in length",
    block("horizon: 16, log2_class_size: 4, grid: {data_budget: []}"): "data_budget",
    block(FULL + ", grid: {law.sd: [0.1]}"): "no mapping 'law'",
    "sweeps: [{horizon: 16, data_budget: 8, log2_class_size: 4}]": "name",
    "sweeps: [{name: ../up, horizon: 16, data_budget: 8, log2_class_size: 4}]": "name",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("n: 8", "data_budget"),
        ("grid: {n: [8]}", "data_budget"),
        ("zip: {log2_class: [4]}", "log2_class_size"),
        ("kappa: 1", "chi2_radius"),
        ("best_of: 8", "num_candidates"),
        ("delta: 0.05", "failure_probability"),
        ("game: planted, kappa: 1", "chi2_radius"),
    ],
)
def test_a_name_of_schema_1_is_refused_with_the_name_to_write(
    tmp_path: Path, old: str, new: str
) -> None:
    with pytest.raises(ConfigError, match=rf"sweep 'a': \w+: is a name of schema 1; write {new}$"):
        load(tmp_path, block(f"horizon: 16, {old}"))


def test_a_configuration_of_schema_1_is_told_every_new_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"write 2, and data_budget for n, .* for delta$"):
        load(tmp_path, ONE + "\nschema: 1")


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_one_line(tmp_path: Path, law_table: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(MISTAKES[text])) as refusal:
        load(tmp_path, text)
    assert "\n" not in str(refusal.value)
    assert "sweep.yaml" in str(refusal.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        load_sweep(tmp_path / "none.yaml")


def test_a_cell_keeps_its_name(tmp_path: Path) -> None:
    # Pinned: a changed name orphans every stored result. If the meaning of a parameter changed,
    # raise `IDENTITY_SCHEMA` and pin the new name.
    (cell,) = load(tmp_path, ONE).cells
    assert cell.name == "4ae865fb57c85e91"
    assert cell.stream == int(cell.name[:8], 16)


def test_names_depend_on_content_alone(tmp_path: Path, law_table: Path) -> None:
    (cell,) = load(tmp_path, ONE).cells
    same = (
        "sweeps: [{chi2_radius: 1.0, expert: 0.25, data_budget: 8, name: a, horizon: 16, "
        "log2_class_size: 4.0}]",
        ONE + "\nseed: 5",
        ONE + "\nbounds: [VF-LOWER]",
        "sweeps: [{name: a, grid: {data_budget: [8]}, zip: {horizon: [16], log2_class_size: [4]}, "
        "expert: 0.25}]",
        block(FULL + ", expert: 0.25, law: {family: two-level, sd: 0.5, mean: 0.5}"),
        # Given twice, it is one cell.
        "sweeps: [{name: a, horizon: 16, grid: {data_budget: [8, 8]}, log2_class_size: 4, "
        "expert: 0.25}]",
    )
    for text in same:
        assert [c.name for c in load(tmp_path, text).cells] == [cell.name], text
    others = [
        ONE.replace("16", "17"),
        ONE.replace("data_budget: 8", "data_budget: 9"),
        ONE.replace("log2_class_size: 4", "log2_class_size: 4.5"),
        ONE.replace("0.25", "0.3"),
        ONE.replace("0.25", "hardest"),
        ONE.replace("name: a", "name: b"),
        ONE + "\nreplicates: 999",
        ONE + "\nlearners: [vf-mle]",
        *(
            block(FULL + ", expert: 0.25, " + text)
            for text in (
                "chi2_radius: 2",
                "leash: 0.1",
                "num_candidates: 9",
                "failure_probability: 0.1",
                "atoms: 8",
                "law: {family: two-level, sd: 0.4}",
                "law: {family: geometric, rate: 0.1}",
            )
        ),
        block(TABLE + "}"),
    ]
    names = [c.name for text in others for c in load(tmp_path, text).cells]
    assert len({cell.name, *names}) == len(others) + 1


def test_a_table_is_known_by_its_content(tmp_path: Path, law_table: Path) -> None:
    text = block(TABLE + "}")
    (first,) = load(tmp_path, text).cells
    law_table.rename(tmp_path / "moved.parquet")
    (moved,) = load(tmp_path, text.replace("laws.parquet", "moved.parquet")).cells
    assert moved.name == first.name


def test_grids_and_zips(tmp_path: Path) -> None:
    text = (
        "sweeps: [{name: a, law: {family: two-level}, grid: {law.sd: [0.1, 0.5], "
        "chi2_radius: [1, 2, 3]}, zip: {horizon: [4, 8], data_budget: [4, 8]}, log2_class_size: 4}]"
    )
    cells = [cell for cell in load(tmp_path, text).cells if isinstance(cell, Cell)]
    assert len(cells) == 2 * 3 * 2
    assert {(c.parameters.horizon, c.parameters.data_budget) for c in cells} == {(4, 4), (8, 8)}
    # The dotted key reaches each cell's own law.
    sds = [c.parameters.law.model_dump()["sd"] for c in cells if c.parameters.law is not None]
    assert sorted(sds) == [0.1] * 6 + [0.5] * 6
    series: dict[str, int] = {}
    for cell in cells:
        series[cell.series] = series.get(cell.series, 0) + 1
    assert set(series.values()) == {2}
    assert len(series) == 6


def test_blocks_do_not_share_their_law(tmp_path: Path) -> None:
    law = {"family": "two-level"}
    cells = list(
        Block.model_validate({"name": "a", "law": law, "grid": {"law.sd": [0.1, 0.2]}}).cells()
    )
    assert [raw["law"]["sd"] for raw, _ in cells] == [0.1, 0.2]
    assert law == {"family": "two-level"}


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["controls"])
def test_shipped_configurations_load(name: str) -> None:
    assert load_sweep(Path(__file__).parents[3] / "configs" / f"{name}.yaml").cells
