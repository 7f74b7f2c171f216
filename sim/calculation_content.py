"""A calculation as plain dictionaries, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from verigap.sim.calculator import Calculation

HEADLINES = {
    "vf_lower": "VF-LOWER",
    "vf_upper": "VF-UPPER",
    "vb_upper": "VB-UPPER",
    "separation": "SEPARATION",
}
"""JSON keys of the four bounds everybody asks for."""


def as_content(calculation: Calculation) -> dict[str, Any]:
    """A calculation as plain dictionaries, ready for JSON: its fields under their own names.

    The four bounds everybody asks for are also under `vf_lower`, `vf_upper`, `vb_upper` and
    `separation`.

    Args:
      calculation: what `calculate` returned.

    Returns:
      Every field of the calculation but `setting`, which is arrays.

    Example:
      >>> import verigap as vg
      >>> from verigap.sim.calculation_content import as_content
      >>> from verigap.sim.calculator import Moments
      >>> content = as_content(
      ...     vg.calculate(
      ...         Moments(mean=32.0, sd=16.0), horizon=64, data_budget=64, log2_class_size=12.0,
      ...         coverage=0.5,
      ...     )
      ... )
      >>> content["bounds"]["VB-UPPER"]["proved"], content["risks"]
      (False, None)
    """
    content = {
        field.name: _plain(getattr(calculation, field.name))
        for field in fields(Calculation)
        if field.name != "setting"
    }
    return content | {key: content["bounds"][name] for key, name in HEADLINES.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
