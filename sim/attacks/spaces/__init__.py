"""The search spaces: one file an idea, one registry, `SPACES`, that an attack iterates over."""

from pkgutil import resolve_name

from verigap.sim.attacks.space import SearchSpace

_PLACES = (
    "two_policies:SPACE",
    "missing_demonstrations:SPACE",
    "relabelling:TWO_LEVEL",
    "relabelling:TWO_LEVEL_COUNTED",
    "relabelling:RARE",
    "relabelling:FREE",
    "dull_prompts:SPACE",
    "disjoint_rivals:PESSIMISM",
    "disjoint_rivals:PLUG_IN",
    "permuted_rewards:SPACE",
    "best_of_n:SPACE",
    "best_of_n:ERRING",
    "erring_check:SPACE",
    "noisy_labels:SPACE",
    "hard_prompts:SPACE",
    "missing_expert:SPACE",
    "flat_estimate:PESSIMISM",
    "flat_estimate:BEST_OF_N",
)
"""Every space, as module:name."""

SPACES: dict[str, SearchSpace] = {
    space.name: space for space in (resolve_name(f"{__name__}.{place}") for place in _PLACES)
}
"""Every search space by its name."""

__all__ = ["SPACES"]
