"""The planted subsequence: a task whose laws are known exactly, and transformers trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.planted.bases import planted_base
    from verigap.sim.planted.instance import PlantedInstance
    from verigap.sim.planted.oracle import OracleSummary, OracleTable, oracle_table, planted_expert
    from verigap.sim.planted.parameters import PlantedParameters
    from verigap.sim.planted.task import PlantedTask, draw_task

__all__ = [
    "OracleSummary",
    "OracleTable",
    "PlantedInstance",
    "PlantedParameters",
    "PlantedTask",
    "draw_task",
    "oracle_table",
    "planted_base",
    "planted_expert",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.planted.bases": ("planted_base",),
        "verigap.sim.planted.instance": ("PlantedInstance",),
        "verigap.sim.planted.oracle": (
            "OracleSummary",
            "OracleTable",
            "oracle_table",
            "planted_expert",
        ),
        "verigap.sim.planted.parameters": ("PlantedParameters",),
        "verigap.sim.planted.task": (
            "PlantedTask",
            "draw_task",
        ),
    },
)
