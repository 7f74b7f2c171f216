"""What the learners that trust one consistent reward have in common."""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float

from verigap.sim.relabelling.evidence import Labels
from verigap.sim.relabelling.learners.learner import Side, log_uniform
from verigap.theory.arrays import Array
from verigap.theory.lattices import SumLattice
from verigap.theory.risks.version_space import survivor_share


class TrustsOneSurvivor:
    """Picks a member of the version space at random; what to play for it is left open."""

    side: ClassVar[Side] = "verifier-based"

    def log_choice(self, evidence: Labels) -> Float[Array, " codewords"]:
        """Any consistent codeword."""
        return log_uniform(evidence)

    def confidence(self, evidence: Labels) -> Float[Array, ""]:
        """One over the size of the version space."""
        return 1.0 / evidence.survivors

    def exact_confidence(
        self, law: SumLattice, log2_class_size: Float[Array, ""]
    ) -> Float[Array, ""]:
        """E[1/(S + 1)] of `theory.risks.version_space`."""
        return survivor_share(law, log2_class_size)
