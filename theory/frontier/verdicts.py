"""Where a setting stands: the verdicts of bounds and of exact risks, and what would move them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from verigap.theory.bounds.bound import Setting
from verigap.theory.frontier.bounds import bound_elasticities, bound_lead, bound_parameters
from verigap.theory.frontier.game import MARGIN, game_parameters
from verigap.theory.frontier.moves import Move, Parameter, Side, nearest_move, side_of
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.same_leash import LeashedShares, expert_shares


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Who leads in a setting, and what each parameter can do to it.

    Attributes:
      side: who leads by more than the margin.
      lead: of verifying over cloning.
      margin: of a lead that counts, in the unit of the lead.
      moves: of every parameter that the verdict may depend on.
    """

    side: Side
    lead: float
    margin: float
    moves: tuple[Move, ...]

    def move(self, parameter: str) -> Move:
        """That of a parameter; KeyError where the verdict does not depend on it."""
        for move in self.moves:
            if move.parameter == parameter:
                return move
        raise KeyError(parameter)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a setting stands.

    Attributes:
      bounds: verdict of the upper bounds: the lead is ln(VF-UPPER / VB-UPPER), and any counts.
      bound_elasticities: derivatives of that lead by the logarithm of each parameter, exact.
      game: verdict of the risks of the game on the same leash: the lead is J_VB - J_VF in shares of
        J_expert - J_base, and counts from a hundredth on; None on several prompts and where only
        moments of the law are known.
      shares: behind the verdict of the game; None with it.
    """

    bounds: Verdict
    bound_elasticities: Mapping[str, float]
    game: Verdict | None
    shares: LeashedShares | None


def standing(
    setting: Setting,
    *,
    law_at: Callable[[int], RewardLaw] | None = None,
    at_horizon: Callable[[int], Setting] | None = None,
) -> Standing:
    """Who leads in a setting, and by which factor each parameter would have to move to change it.

    Factors up to 64 either way are looked at. It runs on the host.

    Args:
      setting: one setting in NumPy, without batch axes.
      law_at: the law at another budget H; by default it keeps its shape.
      at_horizon: the setting at another budget H, likewise.

    Raises:
      ValueError: the policy class misses the expert. VF-UPPER does not hold then, and cloning in
        the game draws its policy from a class that has the expert.

    Example:
      >>> from verigap.theory import standing
      >>> from verigap.theory.bounds.example import example_setting
      >>> found = standing(example_setting())
      >>> found.bounds.side, round(found.bounds.move("coverage").factor, 3)
      ('verifying', 0.454)
    """
    if float(setting.misspecification) > 0:
        needs = "the frontier compares learners whose classes hold the truth"
        raise ValueError(f"misspecification: {needs}, not {float(setting.misspecification):g}")
    shares = game = None
    if setting.law_known and setting.law.probabilities.shape[0] == 1:
        shares = expert_shares(
            setting.law,
            float(setting.expert_radius),
            int(setting.data_budget),
            float(setting.log2_class_size),
            ball=setting.ball,
        )
        game = _verdict(shares.lead, MARGIN, game_parameters(setting, law_at))
    return Standing(
        bounds=_verdict(float(bound_lead(setting)), 0.0, bound_parameters(setting, at_horizon)),
        bound_elasticities=bound_elasticities(setting),
        game=game,
        shares=shares,
    )


def verdict_content(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain dictionaries and lists, ready for JSON, the factor of every move included.

    Example:
      >>> from verigap.theory import standing
      >>> from verigap.theory.bounds.example import example_setting
      >>> from verigap.theory.frontier import verdict_content
      >>> content = verdict_content(standing(example_setting()).bounds)
      >>> content["side"], [move["parameter"] for move in content["moves"]][:2]
      ('verifying', ['data_budget', 'horizon'])
    """
    moves = [asdict(move) | {"factor": move.factor} for move in verdict.moves]
    return asdict(verdict) | {"moves": moves}


def _verdict(lead: float, margin: float, parameters: tuple[Parameter, ...]) -> Verdict:
    return Verdict(
        side=side_of(lead, margin),
        lead=lead,
        margin=margin,
        moves=tuple(nearest_move(parameter, margin) for parameter in parameters),
    )
