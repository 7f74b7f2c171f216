"""Every figure, drawn anew from the committed runs, is the image in the gallery.

`make gallery` makes both again. Fonts and anti-aliasing differ a little between versions of
matplotlib, hence the tolerance; a moved point or another colour exceeds it.
"""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.testing.compare import compare_images

from verigap.figures import FIGURES, draw_figure, obtain
from verigap.figures.needs import Need, Run
from verigap.storage.progress import Progress
from verigap.storage.run_store import RunStore

DOCS = Path(__file__).parents[2] / "docs"
TOLERANCE = 2.0  # root mean square over pixels, of 255


def _refuse(doing: str, progress: Progress | None) -> None:
    pytest.fail(f"docs/runs is behind ({doing}): run make gallery and commit what it makes")


def _committed(need: Need) -> Any:
    if isinstance(need, Run):
        return RunStore.read_only(DOCS / "runs" / Path(need.config).stem).read_cells().to_dicts()
    return need.obtain(DOCS / "runs", False, _refuse)


@pytest.mark.long
@pytest.mark.parametrize("name", FIGURES)
def test_the_gallery_is_what_the_code_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(DOCS.parent)
    data = {key: _committed(need) for key, need in FIGURES[name].NEEDS.items()}
    draw_figure(name, data, tmp_path)
    caption = (DOCS / "figures" / f"{name}.txt").read_text(encoding="utf-8")
    assert (tmp_path / f"{name}.txt").read_text(encoding="utf-8") == caption
    image = DOCS / "figures" / f"{name}.png"
    assert compare_images(str(image), str(tmp_path / f"{name}.png"), TOLERANCE) is None


def test_a_changed_figure_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    data = obtain("planted", tmp_path)
    moved = [{**row, "data_budget": 2 * row["data_budget"]} for row in data["run"]]
    draw_figure("planted", {"run": moved}, tmp_path)
    image = DOCS / "figures" / "planted.png"
    assert compare_images(str(image), str(tmp_path / "planted.png"), TOLERANCE) is not None
