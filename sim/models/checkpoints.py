"""Parameters and training states as safetensors files: tensors and JSON, nothing executable.

The metadata hold the model's configuration and a checksum over everything in the file, because the
format itself has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.training import TrainingPlan, TrainingState, optimiser
from verigap.sim.models.transformer import Params, parameter_shapes
from verigap.storage.digests import digest
from verigap.storage.files import write_durably

_FORMAT = "verigap-transformer-1"
_PARAMETERS, _STATE = "parameters", "training state"


def save_parameters(path: str | Path, params: Params, config: TransformerConfig) -> None:
    """Write parameters and their configuration; after any crash the file is old or new, not torn.

    Raises:
      OSError: the file cannot be written.

    Example:
      >>> import jax, tempfile
      >>> from verigap.sim.models import TransformerConfig, init, save_parameters
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     save_parameters(f"{folder}/model", init(jax.random.key(0), config), config)
    """
    _write(Path(path), _PARAMETERS, params, {"config": asdict(config)})


def load_parameters(
    path: str | Path, config: TransformerConfig | None = None
) -> tuple[Params, TransformerConfig]:
    """Read parameters, and the configuration that they were saved with.

    Args:
      path: from `save_parameters`.
      config: the configuration that is expected, if any is.

    Raises:
      ValueError: the file is missing, damaged, of another kind or of another configuration.

    Example:
      >>> import jax, tempfile
      >>> from verigap.sim.models import TransformerConfig, init, load_parameters, save_parameters
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     save_parameters(f"{folder}/model", init(jax.random.key(0), config), config)
      ...     params, found = load_parameters(f"{folder}/model")
      >>> found == config
      True
    """
    path = Path(path)
    described, tensors = _read(path, _PARAMETERS)
    if config is not None:
        _require_same(path, described, {"config": asdict(config)})
    found = TransformerConfig(**described["config"])
    return _fill(path, parameter_shapes(found), tensors), found


def save_state(
    path: str | Path, state: TrainingState, config: TransformerConfig, plan: TrainingPlan
) -> None:
    """Write all that a training needs to be continued, as durably as `save_parameters`.

    Raises:
      OSError: the file cannot be written.
    """
    stored = state._replace(step=np.int32(state.step))
    _write(Path(path), _STATE, stored, {"config": asdict(config), "plan": asdict(plan)})


def load_state(path: str | Path, config: TransformerConfig, plan: TrainingPlan) -> TrainingState:
    """Read the state of a training of this configuration and plan.

    Raises:
      ValueError: the file is missing, damaged, of another kind, configuration or plan.
    """
    path = Path(path)
    described, tensors = _read(path, _STATE)
    _require_same(path, described, {"config": asdict(config), "plan": asdict(plan)})
    weights = parameter_shapes(config)
    # Only the number of losses is not known beforehand.
    losses = jax.ShapeDtypeStruct(tensors.get("losses", np.zeros(0)).shape, np.float32)
    inner = jax.eval_shape(optimiser(plan).init, weights)
    stored = TrainingState._make((weights, inner, jax.ShapeDtypeStruct((), np.int32), losses))
    state = _fill(path, stored, tensors)
    return state._replace(step=int(state.step), losses=np.asarray(state.losses))


def _named(tree: Any) -> dict[str, Any]:
    """Leaves by their path, such as `params.blocks.0.norm.scale`."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _checksum(described: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    def parts() -> Iterator[bytes]:
        yield json.dumps(described, sort_keys=True).encode()
        for name in sorted(tensors):
            tensor = tensors[name]
            yield f"{name} {tensor.dtype} {tensor.shape}\n".encode()
            yield tensor.tobytes()

    return digest(parts())


def _write(path: Path, kind: str, tree: Any, described: dict[str, Any]) -> None:
    described = {"format": _FORMAT, "kind": kind, **described}
    tensors = {name: np.array(leaf, order="C") for name, leaf in _named(tree).items()}
    metadata = {"verigap": json.dumps(described), "sha256": _checksum(described, tensors)}
    write_durably(path, save(tensors, metadata))


def _read(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the file says of itself, and its tensors."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        tensors = load(data)
        # The library returns the tensors alone; the header is JSON after its length in 8 bytes.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = header["__metadata__"]
        described = json.loads(metadata["verigap"])
        intact = metadata["sha256"] == _checksum(described, tensors)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: is no checkpoint of verigap, or damaged") from None
    if not intact:
        raise ValueError(f"{path}: fails its checksum; use another checkpoint or train again")
    if (described["format"], described["kind"]) != (_FORMAT, kind):
        what = f"holds {described['kind']} in format {described['format']}"
        raise ValueError(f"{path}: {what}, not {kind} in format {_FORMAT}")
    return described, tensors


def _require_same(path: Path, found: dict[str, Any], asked: dict[str, Any]) -> None:
    differences = [
        f"{name} = {found[group].get(name)!r}, not {value!r}"
        for group, values in asked.items()
        for name, value in values.items()
        if found[group].get(name) != value
    ]
    if differences:
        raise ValueError(f"{path}: is of another model or plan ({'; '.join(differences)})")


def _fill(path: Path, template: Any, tensors: dict[str, np.ndarray]) -> Any:
    """The template's tree with the tensors of the file."""
    wanted = _named(template)
    if {n: (t.shape, t.dtype) for n, t in tensors.items()} != {
        name: (leaf.shape, leaf.dtype) for name, leaf in wanted.items()
    }:
        raise ValueError(f"{path}: holds other tensors than its configuration asks for")
    return jax.tree.unflatten(
        jax.tree.structure(template), [jnp.asarray(tensors[n]) for n in wanted]
    )
