"""Negative controls: inequalities that are false by design, which a check must catch."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float

from verigap.theory.arrays import Array
from verigap.theory.bounds import BOUNDS, Bound, Setting


def _doubled_vf_lower(setting: Setting) -> Float[Array, ""]:
    return 2.0 * BOUNDS["VF-LOWER"].value(setting)


def _halved_vf_upper(setting: Setting) -> Float[Array, ""]:
    return 0.5 * BOUNDS["VF-UPPER"].value(setting)


def _vb_upper_without_coverage(setting: Setting) -> Float[Array, ""]:
    return setting.coverage * BOUNDS["VB-UPPER-EXPECTATION"].value(setting)


def _control(original: str, name: str, title: str, statement: str, **changes: object) -> Bound:
    fields = {
        "name": f"CONTROL-{name}",
        "title": title,
        "statement": statement,
        "source": "false by design",
        **changes,
    }
    return replace(BOUNDS[original], **fields)


CONTROLS: dict[str, Bound] = {
    control.name: control
    for control in (
        _control(
            "VF-LOWER",
            "VF-LOWER-DOUBLED",
            "twice VF-LOWER",
            r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\ge 2\,\text{VF-LOWER}",
            value=_doubled_vf_lower,
        ),
        _control(
            "VF-UPPER",
            "VF-UPPER-HALVED",
            "half of VF-UPPER",
            r"J(\pi_e)-J(\hat\pi)\le \tfrac12\text{VF-UPPER}\quad\text{w.p. }\ge 1-\delta",
            value=_halved_vf_upper,
        ),
        _control(
            "VB-UPPER-EXPECTATION",
            "VB-UPPER-WITHOUT-COVERAGE",
            "VB-UPPER-EXPECTATION with 1/c0 dropped",
            r"\mathbb{E}[J(\pi_e)-J(\hat\pi)]\le H\,\varphi(|\mathcal{R}|,n)",
            value=_vb_upper_without_coverage,
        ),
        _control(
            "VF-LOWER-PROPER",
            "VF-LOWER-PROPER-FOR-ALL",
            "VF-LOWER-PROPER claimed for the Bayes learner, at constant d and n > 2^d",
            BOUNDS["VF-LOWER-PROPER"].statement,
            learners=("vf-bayes",),
        ),
    )
}
"""Every control by its name."""
