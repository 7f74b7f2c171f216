"""Settings of JAX in the environment under which nothing can work are named in one line."""

from __future__ import annotations

import os

import pytest

from verigap.cli.options import prepare_jax


@pytest.mark.parametrize("name", ["JAX_PLATFORMS", "JAX_PLATFORM_NAME"])
@pytest.mark.parametrize("value", ["cuda", "tpu", "nonsense"])
def test_a_platform_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    def missing() -> None:
        raise AssertionError(value)

    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("jax.devices", missing)
    message = f"{name} is {value}, which cannot be used here; unset it or set it to cpu"
    with pytest.raises(ValueError, match=message):
        prepare_jax()


@pytest.mark.parametrize("value", ["1", "true"])
def test_nan_is_no_error_here(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("JAX_DEBUG_NANS", value)
    with pytest.raises(ValueError, match="JAX_DEBUG_NANS is set"):
        prepare_jax()


def test_the_processor_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    prepare_jax()
    assert os.environ["JAX_PLATFORMS"] == "cpu"
