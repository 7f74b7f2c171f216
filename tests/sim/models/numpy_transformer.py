"""The transformer in plain float64 NumPy, written down independently of the one under test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verigap.sim.models.config import TransformerConfig


def forward(params: Any, config: TransformerConfig, tokens: np.ndarray) -> np.ndarray:
    """Outputs (B, L, outputs) of pre-normalised blocks over one sequence after the other."""
    return np.stack([_sequence(params, config, row) for row in np.asarray(tokens)])


def _sequence(params: Any, config: TransformerConfig, row: np.ndarray) -> np.ndarray:
    places = params["positions"]["embedding"][: len(row)]
    stream = np.asarray(params["tokens"]["embedding"], float)[row] + np.asarray(places, float)
    for index in range(config.layers):
        block = params["blocks"][index]
        stream = stream + _attention(
            block["attention"], config.heads, _norm(stream, block["attention_norm"])
        )
        inner = _linear(_norm(stream, block["perceptron_norm"]), block["expand"])
        stream = stream + _linear(_gelu(inner), block["contract"])
    return _linear(_norm(stream, params["norm"]), params["head"])


def _attention(params: Any, heads: int, stream: np.ndarray) -> np.ndarray:
    queries, keys, values = np.split(_linear(stream, params["project"]), 3, axis=1)
    depth = queries.shape[1] // heads
    mixed = np.zeros_like(queries)
    for head in range(heads):
        part = slice(head * depth, (head + 1) * depth)
        for here in range(len(stream)):
            scores = keys[: here + 1, part] @ queries[here, part] / math.sqrt(depth)
            weights = np.exp(scores - scores.max())
            mixed[here, part] = weights / weights.sum() @ values[: here + 1, part]
    return _linear(mixed, params["merge"])


def _linear(rows: np.ndarray, params: Any) -> np.ndarray:
    return rows @ np.asarray(params["kernel"], float) + np.asarray(params["bias"], float)


def _norm(rows: np.ndarray, params: Any) -> np.ndarray:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    return scaled * np.asarray(params["scale"], float) + np.asarray(params["bias"], float)


def _gelu(x: np.ndarray) -> np.ndarray:
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
