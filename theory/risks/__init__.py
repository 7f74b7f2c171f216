"""Exact risks of learners in the relabelling game and on the VB-LOWER instance."""

from verigap.theory.risks.hard_prompts import (
    hard_prompt_mass,
    hard_prompts_vb_risk,
    hard_prompts_vf_risk,
)
from verigap.theory.risks.label_rounds import (
    LabelInformation,
    label_information,
    two_round_share,
)
from verigap.theory.risks.matching import ProbabilityEnds, probability_correct_ends
from verigap.theory.risks.noisy_labels import noisy_label_information, noisy_label_share
from verigap.theory.risks.same_leash import (
    LeashedShares,
    all_or_nothing,
    expert_shares,
    leashed_shares,
)
from verigap.theory.risks.version_space import (
    plug_in_risk,
    survivor_share,
    two_level_pessimistic_gain,
)
from verigap.theory.risks.vf_mle import probability_correct, vf_mle_risk

__all__ = [
    "LabelInformation",
    "LeashedShares",
    "ProbabilityEnds",
    "all_or_nothing",
    "expert_shares",
    "hard_prompt_mass",
    "hard_prompts_vb_risk",
    "hard_prompts_vf_risk",
    "label_information",
    "leashed_shares",
    "noisy_label_information",
    "noisy_label_share",
    "plug_in_risk",
    "probability_correct",
    "probability_correct_ends",
    "survivor_share",
    "two_level_pessimistic_gain",
    "two_round_share",
    "vf_mle_risk",
]
