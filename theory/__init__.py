"""Mathematics on finite reward laws and policies: bounds, experts and exact risks."""

from verigap.theory.bounds import BOUNDS, Assumption, Bound, Setting
from verigap.theory.coverage import anti_concentration, level_coverage, top_share_coverage
from verigap.theory.experts import (
    Expert,
    ceiling_radius,
    chi2_ball_expert,
    chi2_ceiling,
    saturation_radius,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import (
    best_of_n_law,
    best_of_n_policy,
    conditional_policy,
    project_onto_chi2_ball,
    top_share_policy,
)
from verigap.theory.quantisation import equiprobable_atoms
from verigap.theory.rewards import NEVER, return_at_budget

__all__ = [
    "BOUNDS",
    "NEVER",
    "Assumption",
    "Bound",
    "Expert",
    "RewardLaw",
    "Setting",
    "anti_concentration",
    "best_of_n_law",
    "best_of_n_policy",
    "ceiling_radius",
    "chi2_ball_expert",
    "chi2_ceiling",
    "conditional_policy",
    "equiprobable_atoms",
    "level_coverage",
    "project_onto_chi2_ball",
    "return_at_budget",
    "saturation_radius",
    "top_share_coverage",
    "top_share_policy",
]
