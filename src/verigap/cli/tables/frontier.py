"""How a verdict and what would move it look in a terminal."""

from __future__ import annotations

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.storage.units import LengthUnit
from verigap.theory import Standing
from verigap.theory.balls import Ball
from verigap.theory.frontier import IN_WORDS, Verdict

_IN_UNITS = ("horizon", "expert_sd")


def show_standing(standing: Standing, unit: LengthUnit, ball: Ball) -> None:
    """Both verdicts of a setting, and what each parameter can do to them."""
    console = open_console()
    console.print("\n[bold]Upper bounds[/]: " + _bounds_line(standing), highlight=False)
    _show_moves(console, standing.bounds, unit, ball)
    if standing.game is None or standing.shares is None:
        console.print(
            "\n[bold]Risks in the game[/]: none without the law of one prompt", highlight=False
        )
        return
    console.print("\n[bold]Risks in the game[/]: " + _game_line(standing), highlight=False)
    _show_moves(console, standing.game, unit, ball)


def _bounds_line(standing: Standing) -> str:
    verdict = standing.bounds
    if verdict.side == "neither":
        return "both are equal"
    return (
        f"{verdict.side} has the smaller one (ln(VF-UPPER/VB-UPPER) = "
        f"{table_number(verdict.lead)}); advice and no proof"
    )


def _game_line(standing: Standing) -> str:
    game, shares = standing.game, standing.shares
    assert game is not None, "a verdict of the game"
    assert shares is not None, "shares behind the verdict of the game"
    leads = f"{game.side} leads" if game.side != "neither" else "neither side leads"
    how = "exact" if shares.exact else f"lattice, within {shares.error:.1g}"
    return (
        f"{leads}; on the same leash cloning earns {table_number(shares.cloning)} of what the "
        f"expert adds, one consistent reward {table_number(shares.verifying)} ({how}); a lead "
        f"counts from {game.margin:g} on"
    )


def _show_moves(console: Console, verdict: Verdict, unit: LengthUnit, ball: Ball) -> None:
    table = plain_table(
        "", "parameter", "now", "times", "that is", "lead at half", "at twice", "elasticity",
        words="then",
    )  # fmt: skip
    for move in verdict.moves:
        name = IN_WORDS[move.parameter]
        if move.parameter in _IN_UNITS:
            name += f" ({unit})"
        if move.parameter == "class_radius" and ball.unit:
            name += f" ({ball.unit.strip()})"
        then = "nothing from {} to {}".format(*map(table_number, move.searched))
        if move.becomes is not None:
            leads = "neither side leads" if move.becomes == "neither" else f"{move.becomes} leads"
            then = leads if move.converged else f"{leads} (the search did not converge)"
        table.add_row(
            name,
            table_number(move.value),
            table_number(move.factor),
            table_number(move.at),
            table_number(move.halved, 1.0),
            table_number(move.doubled, 1.0),
            table_number(move.elasticity, 1.0),
            then,
        )
    console.print(table, highlight=False)
