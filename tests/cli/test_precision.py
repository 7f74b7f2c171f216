"""The commands compute in float64 unless the user chose otherwise."""

import os
from unittest import mock

import jax
import pytest

from verigap.cli.options import prepare_jax


@pytest.mark.parametrize("chosen", [{}, {"JAX_ENABLE_X64": "0"}])
def test_jax_computes_in_float64_even_if_it_was_imported_before(chosen: dict[str, str]) -> None:
    before = jax.config.read("jax_enable_x64")
    try:
        with mock.patch.dict(os.environ, chosen, clear=True):
            jax.config.update("jax_enable_x64", False)
            prepare_jax()
            assert jax.config.read("jax_enable_x64") == (not chosen)
            assert os.environ == (chosen or {"JAX_ENABLE_X64": "1"})
    finally:
        jax.config.update("jax_enable_x64", before)
