"""Results as bytes and back, unchanged to the last bit: dataclasses of numbers, texts and arrays.

Not pickle: what is read can be data alone, of classes of this package.
"""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

_PACKAGE = "verigap."
_TREE = "tree"


def tree_to_bytes(value: object) -> bytes:
    """A value as bytes, from which `tree_from_bytes` makes an equal one.

    Args:
      value: None, a number, a text, an array of these, or a list, tuple, dictionary, named tuple or
        dataclass of such values. Classes are those of this package.

    Raises:
      TypeError: the value holds anything else.

    Example:
      >>> import numpy as np
      >>> from verigap.storage.trees import tree_from_bytes, tree_to_bytes
      >>> tree_from_bytes(tree_to_bytes({(64, 16): (np.float64(0.1), [None, "a"])}))
      {(64, 16): (np.float64(0.1), [None, 'a'])}
    """
    arrays: list[np.ndarray] = []
    tree = json.dumps(_packed(value, arrays))
    buffer = io.BytesIO()
    named = {str(index): array for index, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, **{_TREE: np.frombuffer(tree.encode(), np.uint8)}, **named)
    return buffer.getvalue()


def tree_from_bytes(data: bytes) -> Any:
    """What `tree_to_bytes` was given.

    Raises:
      ValueError: the bytes hold something else, or a class that is none of this package.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return _unpacked(json.loads(arrays[_TREE].tobytes()), arrays)


def _packed(value: object, arrays: list[np.ndarray]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return {kind.__name__: [_packed(each, arrays) for each in value]}  # pyright: ignore[reportGeneralTypeIssues]
    if isinstance(value, dict) and kind is dict:
        return {"dict": [[_packed(key, arrays), _packed(value[key], arrays)] for key in value]}
    if isinstance(value, np.ndarray) and value.dtype == object:
        content = [_packed(each, arrays) for each in value.ravel().tolist()]
        return {"objects": content, "shape": list(value.shape)}
    if isinstance(value, (np.ndarray, np.generic)) and kind.__module__ == "numpy":
        arrays.append(np.asarray(value))
        return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}
    if isinstance(value, str) and kind.__module__.startswith(_PACKAGE):
        return {"class": _name(kind), "text": str(value)}
    if kind.__module__.startswith(_PACKAGE) and (names := _field_names(kind)) is not None:
        content = {name: _packed(getattr(value, name), arrays) for name in names}
        return {"class": _name(kind), "fields": content}
    raise TypeError(f"{kind.__module__}.{kind.__qualname__}: cannot be kept")


def _unpacked(node: Any, arrays: Any) -> Any:
    if not isinstance(node, dict):
        return node
    kind, content = next(iter(node.items()))
    if kind == "list":
        return [_unpacked(each, arrays) for each in content]
    if kind == "tuple":
        return tuple(_unpacked(each, arrays) for each in content)
    if kind == "dict":
        return {_unpacked(key, arrays): _unpacked(each, arrays) for key, each in content}
    if kind == "objects":
        flat = np.empty(len(content), object)
        flat[:] = [_unpacked(each, arrays) for each in content]
        return flat.reshape(node["shape"])
    if kind == "array":
        return arrays[str(content)]
    if kind == "scalar":
        return arrays[str(content)][()]
    if "text" in node:
        return _class(content)(node["text"])
    return _class(content)(
        **{name: _unpacked(each, arrays) for name, each in node["fields"].items()}
    )


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str) -> Any:
    module, _, path = name.partition(":")
    if not module.startswith(_PACKAGE):
        raise ValueError(f"{name}: is no class of this package")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and (issubclass(found, str) or _field_names(found) is not None):
        return found
    raise ValueError(f"{name}: is no class of results")


def _field_names(kind: type) -> tuple[str, ...] | None:
    """Fields of a dataclass or a named tuple; None of anything else."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
