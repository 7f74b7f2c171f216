"""Where verifying overtakes cloning, solved for, and what would move a setting there.

On the upper bounds (`bound_lead`) and on the exact risks of the relabelling game on the same leash
(`game`). A root says whether it converged, and "no crossing in the range" is an answer.
"""

from verigap.theory.frontier.bounds import (
    bound_elasticities,
    bound_lead,
    bound_parameters,
    moved,
)
from verigap.theory.frontier.crossings import Crossings, solve_crossings, whole_crossing
from verigap.theory.frontier.game import (
    MARGIN,
    exact_coverage_frontier,
    exact_horizon_frontier,
    exact_radius_frontier,
    game_parameters,
    success_of,
    two_return_shares,
)
from verigap.theory.frontier.moves import IN_WORDS, Move, Parameter, Side, nearest_move, side_of
from verigap.theory.frontier.noise import exact_noise_frontier, noise_rate_frontier
from verigap.theory.frontier.verdicts import Standing, Verdict, standing, verdict_content

__all__ = [
    "IN_WORDS",
    "MARGIN",
    "Crossings",
    "Move",
    "Parameter",
    "Side",
    "Standing",
    "Verdict",
    "bound_elasticities",
    "bound_lead",
    "bound_parameters",
    "exact_coverage_frontier",
    "exact_horizon_frontier",
    "exact_noise_frontier",
    "exact_radius_frontier",
    "game_parameters",
    "moved",
    "nearest_move",
    "noise_rate_frontier",
    "side_of",
    "solve_crossings",
    "standing",
    "success_of",
    "two_return_shares",
    "verdict_content",
    "whole_crossing",
]
