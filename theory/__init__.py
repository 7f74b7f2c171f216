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
from verigap.theory.gibbs import (
    gibbs_expert,
    kl_ball_expert,
    kl_saturation_radius,
    policy_kl,
    project_onto_kl_ball,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import (
    best_of_n_law,
    best_of_n_policy,
    chi2_penalised_policy,
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
from verigap.theory.scored_verifier import (
    RocCurve,
    ScoredLaw,
    rejection_value,
    roc_of,
    scored_best_of_n_value,
)

__all__ = [
    "BOUNDS",
    "NEVER",
    "Assumption",
    "Bound",
    "Expert",
    "RewardLaw",
    "RocCurve",
    "ScoredLaw",
    "Setting",
    "Standing",
    "anti_concentration",
    "best_of_n_law",
    "best_of_n_policy",
    "beta_geometric_hitting_time",
    "ceiling_radius",
    "chi2_ball_expert",
    "chi2_ceiling",
    "chi2_penalised_policy",
    "conditional_policy",
    "coverage_frontier",
    "crossover",
    "equiprobable_atoms",
    "from_first_correct",
    "from_hitting_time_pmf",
    "from_returns",
    "frontier",
    "geometric_hitting_time",
    "gibbs_expert",
    "greedy_policy",
    "homogeneity_frontier",
    "kl_ball_expert",
    "kl_saturation_radius",
    "level_coverage",
    "mixture",
    "negative_binomial_hitting_time",
    "policy_chi2",
    "policy_kl",
    "project_onto_chi2_ball",
    "project_onto_kl_ball",
    "rejection_value",
    "return_at_budget",
    "risks",
    "roc_of",
    "saturation_radius",
    "scaling_exponent",
    "scored_best_of_n_value",
    "standing",
    "top_share_coverage",
    "top_share_policy",
    "two_level",
]
