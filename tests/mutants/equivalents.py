"""Mutants that no test can tell from the original, or need not, each with its reason."""

from __future__ import annotations

from tests.mutants.report import Reasons

REASONS: Reasons = {
    (
        "llm_validation/fitting/hitting_families.py",
        "keep = np.unique(np.linspace(0, points.size - 1, _MOST_POINTS).astype(int))",
        "keep = np.unique(np.linspace(0, points.size - 0, _MOST_POINTS).astype(int))",
    ): "one place more, beyond the last, repeats the distribution function at the last",
    (
        "sim/checks/exponents.py",
        'names = [name for name in learners[0] if name.startswith("vf-")]',
        'names = [name for name in learners[ 1] if name.startswith("vf-")]',
    ): "the cells of a series have the same learners",
    (
        "theory/frontier/game.py",
        "root = math.sqrt(max(0.25 - sd * sd, 0.0))",
        "root = math.sqrt(max(0.25 - sd * sd, -1.0))",
    ): "sd is at most 1/2, whose square is 1/4 without rounding",
    (
        "theory/frontier/noise.py",
        "@cache",
        "",
    ): "what cloning reaches is computed again at each step of a search, and is the same",
    (
        "theory/frontier/moves.py",
        'levels = _LEVELS[here][: 1 if margin == 0.0 and here != "neither" else 2]',
        'levels = _LEVELS[here][: 1 if margin == 0.0 and here != "neither" else 3]',
    ): "there are two levels on the way out of any side",
    (
        "llm_validation/reporting/writing.py",
        "leftover.unlink(missing_ok=True)",
        "leftover.unlink(missing_ok=False)",
    ): "a leftover that was listed is gone only where two processes write one folder at once",
    (
        "llm_validation/reporting/stages.py",
        '"standing": _Seconds(8.0, 5.0),',
        '"standing": _Seconds( 7.0, 5.0),',
    ): "a first guess of seconds, which times that were measured replace",
    (
        "llm_validation/reporting/theory_content.py",
        """return f"{text}; measured on these traces: {_more(beside['measured'], at[0])}.\"""",
        """return f"{text}; measured on these traces: {_more(beside['measured'], at[ 1])}.\"""",
    ): "by H or by n, what rounding leaves of a gap of 0 is far below, and any other gap far above",
    (
        "llm_validation/reporting/standing_content.py",
        "if move.factor is None or move.at is None:",
        "if move.factor is None and move.at is None:",
    ): "a move has a factor where it has a place, and nowhere else",
    (
        "llm_validation/fitting/deconvolution.py",
        "u = speeds[None, :] / max(float(np.abs(speeds).max()), 1.0)",
        "u = speeds[None, :] / max(float(np.abs(speeds).max()), 0.0)",
    ): "a grid of several speeds reaches 0.4 * 2.5 = 1 or further",
    (
        "llm_validation/fitting/hitting_families.py",
        "best = optimize.minimize("
        'loss, start, method="L-BFGS-B", bounds=[(-8.0, 12.0), (-8.0, 25.0)])',
        "best = optimize.minimize("
        'loss, start, method="L-BFGS-B", bounds=[(-8.0, 12.0), (- 7.0, 25.0)])',
    ): "a bound of beta that only a law with all of its mass at 1 is pushed to; there alpha grows",
    (
        "llm_validation/fitting/hitting_families.py",
        "_EM_STEPS = 200",
        "_EM_STEPS = 201",
    ): "where 200 steps are enough, one more moves the weights by less than is looked at",
    (
        "theory/bounds/assumptions.py",
        "rounding = 4 * float(xp.finfo(bits.dtype).eps) * (1.0 + bits)",
        "rounding = 3 * float(xp.finfo(bits.dtype).eps) * (1.0 + bits)",
    ): "three roundings of d are room enough for log2 of a whole number, as four are",
    (
        "theory/bounds/vb_noise.py",
        "noise = xp.clip(setting.label_noise, 0.0, 0.5)",
        "noise = xp.clip(setting.label_noise, -1.0, 0.5)",
    ): "a share below 0 meets no assumption; whichever number comes of it is no bound",
    (
        "llm_validation/importers/rows.py",
        "@lru_cache(maxsize=8)",
        "",
    ): "a small file beside the samples is read again for each of them, and says the same",
    (
        "llm_validation/importers/writing.py",
        "self._characters = 0",
        "self._characters = 1",
    ): "a piece of a table is written one character of millions sooner",
}
"""The reason, by the module, the line and the line that it was altered to (empty: removed)."""
