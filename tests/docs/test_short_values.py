"""No value in the API reference is longer than a reader reads."""

import io
import re
from pathlib import Path

import pytest

MODULE = '''"""A module."""

SHORT = "s" * 20
"""A short constant."""

REGISTRY: dict[str, str] = {"long": "r" * 500}
"""A long one."""


def work(a: int, b: str = "{default}") -> None:
    """Work."""
'''


@pytest.mark.parametrize("length", [10, 300])
def test_long_values_are_left_out_and_long_defaults_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    Sphinx = pytest.importorskip("sphinx.application").Sphinx
    name = f"valued_{length}"
    (tmp_path / f"{name}.py").write_text(MODULE.replace("{default}", "d" * length))
    (tmp_path / "index.rst").write_text(f".. automodule:: {name}\n   :members:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    warnings = io.StringIO()
    app = Sphinx(
        str(tmp_path), None, str(tmp_path / "out"), str(tmp_path / "trees"), "html",
        confoverrides={
            "extensions": ["sphinx.ext.autodoc", "short_values"],
            "html_theme": "basic",
        },
        status=None, warning=warnings, freshenv=True,
    )  # fmt: skip
    app.build()
    page = re.sub(r"<[^>]+>", "", (tmp_path / "out" / "index.html").read_text())
    assert "s" * 20 in page
    assert "A long one." in page
    assert "r" * 201 not in page
    said = "work: a default of 302 characters" in warnings.getvalue()
    assert said == (length > 200), warnings.getvalue()
