"""The commands compute in float64 unless the user chose otherwise."""

import os

import jax
import pytest

from verigap.cli import prepare_jax


@pytest.mark.parametrize("chosen", [None, "0"])
def test_jax_computes_in_float64_even_if_it_was_imported_before(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    monkeypatch.setenv("JAX_ENABLE_X64", chosen or "")
    if chosen is None:
        monkeypatch.delenv("JAX_ENABLE_X64")
    before = jax.config.read("jax_enable_x64")
    try:
        jax.config.update("jax_enable_x64", False)
        prepare_jax()
        assert jax.config.read("jax_enable_x64") == (chosen is None)
        assert os.environ["JAX_ENABLE_X64"] == (chosen or "1")
    finally:
        jax.config.update("jax_enable_x64", before)
