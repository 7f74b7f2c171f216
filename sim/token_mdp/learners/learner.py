"""What learners of the token MDP see and return.

A cloning learner is a function of a `CloningProblem` and of `Demonstrations`, a verification
learner of a `VerificationProblem` and of `Labels`: no reward is in the former two, so the types
keep rewards from cloning. Either returns one policy; a learner that tosses coins returns the policy
that draws among its choices and then a whole trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import jax
from jaxtyping import Array, Float, Int

from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CloningProblem:
    """What a verifier-free learner knows beforehand.

    Attributes:
      base: pi_b.
      candidates: the policy class, which holds the expert.
    """

    base: TokenPolicy
    candidates: TokenPolicy


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Demonstrations:
    """n expert traces.

    Attributes:
      prompts: index of the prompt of each.
      traces: index of the trace, as in `TokenTree.tokens`.
    """

    prompts: Int[Array, " n"]
    traces: Int[Array, " n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class VerificationProblem:
    """What a verifier-based learner knows beforehand.

    Attributes:
      prompt_law: rho.
      base: pi_b.
      candidates: the reward class, which holds the true reward.
      coverage: c0 in (0, 1], lower bound on alpha_x(kappa) of every prompt.
      chi2_radius: kappa.
    """

    prompt_law: Float[Array, " prompts"]
    base: TokenPolicy
    candidates: TokenReward
    coverage: Float[Array, ""]
    chi2_radius: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Labels:
    """n base traces and what the true reward pays them.

    Attributes:
      prompts: index of the prompt of each.
      traces: index of the trace.
      returns: R of the trace, tokens.
    """

    prompts: Int[Array, " n"]
    traces: Int[Array, " n"]
    returns: Int[Array, " n"]


class CloningLearner(Protocol):
    """Learns from demonstrations; works under jit and vmap.

    It cannot use rho, the law of the prompts, which a `CloningProblem` does not hold.
    """

    name: ClassVar[str]

    def policy(self, problem: CloningProblem, seen: Demonstrations) -> TokenPolicy:
        """What it plays on every prompt."""
        ...


class VerificationLearner(Protocol):
    """Learns from labelled base traces; runs on the host.

    Attributes:
      name: in the registry.
      uses_prompt_law: whether what it plays on a prompt depends on rho, the law of the prompts; one
        that does not needs no prompts beyond those of its labels.
    """

    name: ClassVar[str]
    uses_prompt_law: ClassVar[bool]

    def policy(self, problem: VerificationProblem, seen: Labels) -> TokenPolicy:
        """What it plays on every prompt."""
        ...
