"""A small instance of the comparison, with an untrained base: no test here waits for training."""

from functools import cache

import jax

from verigap.sim.models.transformer import Params, init
from verigap.sim.planted.instance import PlantedInstance
from verigap.sim.planted.methods.parameters import MethodsParameters

PLAN = {"steps": 4, "batch": 8, "rate": 0.003}
SMALL = {
    "game": "planted-methods", "family": "high", "symbols": 2, "vocabulary": 4, "longest": 6,
    "horizon": 6, "data_budget": 40, "width": 8, "layers": 1, "heads": 1, "samples": 8,
    "held_out": 3, "num_candidates": 4, "pretraining": PLAN, "cloning": PLAN, "verifier": PLAN,
    "verifiers": [{"name": "learned"}], "beam": {"step": 2},
}  # fmt: skip


def small_parameters(**more: object) -> MethodsParameters:
    """Parameters with some of them changed."""
    return MethodsParameters.model_validate(SMALL | more)


@cache
def small_instance() -> tuple[PlantedInstance, Params]:
    """An instance, and random parameters of its base."""
    instance = PlantedInstance(small_parameters())
    return instance, init(jax.random.key(0), instance.config)


@cache
def sharp_instance() -> tuple[PlantedInstance, Params]:
    """The same with more held-out prompts and a base that is surer of its tokens."""
    instance = PlantedInstance(small_parameters(held_out=12))
    return instance, jax.tree.map(lambda leaf: 4.0 * leaf, init(jax.random.key(5), instance.config))
