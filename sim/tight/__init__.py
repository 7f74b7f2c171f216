"""Tight games: instances on which a bound is nearly met, one file each with its learners.

A check of the bounds on them would notice if a bound were a little too strong, which it would not
on instances that are far from every bound. Definitions: docs/games/tight.md.
"""

from pkgutil import resolve_name

from verigap.sim.tight.game import Tally, TightGame

_PLACES = {
    "two-hypotheses": "two_hypotheses:TwoHypotheses",
    "deterministic-expert": "deterministic_expert:DeterministicExpert",
    "flat-prompts": "flat_prompts:FlatPrompts",
    "false-negatives": "false_negatives:FalseNegatives",
    "false-positives": "false_positives:FalsePositives",
    "reward-hacking": "reward_hacking:RewardHacking",
    "flat-estimate": "flat_estimate:FlatEstimate",
    "missing-expert": "missing_expert:MissingExpert",
}
"""Every tight game, by its name in configurations, as module:class."""

GAMES: dict[str, type[TightGame]] = {
    name: resolve_name(f"{__name__}.{place}") for name, place in _PLACES.items()
}
"""Every tight game, by its name in configurations."""

__all__ = ["GAMES", "Tally", "TightGame"]
