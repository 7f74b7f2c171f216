"""Mathematics on finite reward laws and policies: bounds, experts and exact risks."""

from verigap.theory import frontier, risks
from verigap.theory.bounds import BOUNDS, Assumption, Bound, Setting
from verigap.theory.coverage import anti_concentration, level_coverage, top_share_coverage
from verigap.theory.experts import (
    Expert,
    ceiling_radius,
    chi2_ball_expert,
    chi2_ceiling,
    saturation_radius,
)
from verigap.theory.families import (
    beta_geometric_hitting_time,
    from_first_correct,
    from_hitting_time_pmf,
    from_returns,
    geometric_hitting_time,
    mixture,
    negative_binomial_hitting_time,
    two_level,
)
from verigap.theory.frontier import Standing, standing
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import (
    best_of_n_law,
    best_of_n_policy,
    conditional_policy,
    greedy_policy,
    policy_chi2,
    project_onto_chi2_ball,
    top_share_policy,
)
from verigap.theory.quantisation import equiprobable_atoms
from verigap.theory.rewards import NEVER, return_at_budget
from verigap.theory.scaling import (
    coverage_frontier,
    crossover,
    homogeneity_frontier,
    scaling_exponent,
)

__all__ = [
    "BOUNDS",
    "NEVER",
    "Assumption",
    "Bound",
    "Expert",
    "RewardLaw",
    "Setting",
    "Standing",
    "anti_concentration",
    "best_of_n_law",
    "best_of_n_policy",
    "beta_geometric_hitting_time",
    "ceiling_radius",
    "chi2_ball_expert",
    "chi2_ceiling",
    "conditional_policy",
    "coverage_frontier",
    "crossover",
    "equiprobable_atoms",
    "from_first_correct",
    "from_hitting_time_pmf",
    "from_returns",
    "frontier",
    "geometric_hitting_time",
    "greedy_policy",
    "homogeneity_frontier",
    "level_coverage",
    "mixture",
    "negative_binomial_hitting_time",
    "policy_chi2",
    "project_onto_chi2_ball",
    "return_at_budget",
    "risks",
    "saturation_radius",
    "scaling_exponent",
    "standing",
    "top_share_coverage",
    "top_share_policy",
    "two_level",
]
