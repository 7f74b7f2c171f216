"""The law of prompts: likelihoods of closed form, a maximum that is one, and shrunken means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from verigap.llm_validation.fitting.deconvolution import (
    LOG_ODDS,
    PromptLaw,
    fit_prompt_law,
    speed_likelihood,
    success_likelihood,
)

SUCCESSES = np.array([0.0, 1.0, 3.0, 8.0, 4.0, 2.0])
SAMPLES = np.array([8.0, 8.0, 8.0, 8.0, 6.0, 4.0])
SPEED = np.array([9.0, -0.8, 0.3, 0.4, 1.1, -0.2])
SPEEDS = np.linspace(-1.5, 1.5, 9)


@pytest.fixture(scope="module")
def law() -> PromptLaw:
    return fit_prompt_law(SUCCESSES, SAMPLES, SPEED, SPEEDS)


def test_likelihoods_are_binomial_and_normal() -> None:
    found = success_likelihood(SUCCESSES, SAMPLES)
    binomial = stats.binom.pmf(SUCCESSES[:, None], SAMPLES[:, None], special.expit(LOG_ODDS))
    np.testing.assert_allclose(found, binomial / binomial.max(axis=1, keepdims=True), rtol=1e-9)
    found = speed_likelihood(SUCCESSES, SPEED, SPEEDS)
    normal = np.array([stats.norm.pdf(SPEEDS, mean, max(n, 1e-9) ** -0.5)
                       for n, mean in zip(SUCCESSES, SPEED, strict=True)])  # fmt: skip
    np.testing.assert_allclose(found[1:], (normal / normal.max(axis=1, keepdims=True))[1:])
    # Without a success there is no speed.
    assert (found[0] == 1.0).all()


def marginals(law: PromptLaw, coefficients: np.ndarray) -> np.ndarray:
    """Likelihood of each prompt under the law of some coefficients, cell by cell."""
    density = law.densities(coefficients[None])[0].reshape(law.base.shape)
    return np.einsum("pz,zu,pu->p", law.success, density, law.speed)


def test_the_fit_is_a_maximum_of_the_penalised_likelihood(law: PromptLaw) -> None:
    assert law.converged
    anchor = np.array([1.0, 1.0, *[0.0] * 6])
    ridge = np.array([0.02, 0.02, 0.5, 0.5, 0.5, 0.05, 0.05, 0.05])

    def objective(coefficients: np.ndarray) -> float:
        penalty = 0.5 * ridge @ (coefficients - anchor) ** 2
        return float(np.log(marginals(law, coefficients)).sum() - penalty)

    best = objective(law.coefficients)
    for step in np.random.default_rng(0).normal(size=(50, 8)):
        assert objective(law.coefficients + 0.1 * step) <= best + 1e-5
    # Scores are the slopes of each prompt's log likelihood, one last step away, and sum to those of
    # the penalty.
    for place, move in enumerate(1e-5 * np.eye(8)):
        slope = (np.log(marginals(law, law.coefficients + move))
                 - np.log(marginals(law, law.coefficients - move))) / 2e-5  # fmt: skip
        np.testing.assert_allclose(law.scores[:, place], slope, atol=5e-3)
    np.testing.assert_allclose(
        law.scores.sum(axis=0), ridge * (law.coefficients - anchor), atol=5e-2
    )


def test_a_density_is_an_exponential_family(law: PromptLaw) -> None:
    log = law.basis @ law.coefficients + law.base
    np.testing.assert_allclose(law.density, special.softmax(log).ravel())
    # At coefficients of the uniform law of success, without bumps and slopes.
    uniform = law.densities(np.array([[1.0, 1.0, *[0.0] * 6]]))[0].reshape(law.base.shape)
    success = special.expit(LOG_ODDS)
    expected = success * (1.0 - success)
    np.testing.assert_allclose(uniform.sum(axis=1), expected / expected.sum())
    across = np.exp(-2.0 * (SPEEDS / 1.5) ** 2)
    np.testing.assert_allclose(uniform.sum(axis=0), across / across.sum())


def test_shrunken_means_are_posterior_means(law: PromptLaw) -> None:
    functions = np.random.default_rng(1).random((law.density.size, 2))
    found = law.posterior_means(functions)
    for prompt in range(6):
        joint = law.density * np.outer(law.success[prompt], law.speed[prompt]).ravel()
        np.testing.assert_allclose(found[prompt], joint @ functions / joint.sum())
    np.testing.assert_allclose(law.influence.sum(axis=0), 0.0, atol=1e-9)


def test_speeds_that_do_not_differ_have_no_statistics() -> None:
    found = fit_prompt_law(SUCCESSES, SAMPLES, np.zeros(6), np.zeros(1))
    assert found.basis.shape == (65, 1, 5)
    assert found.density.sum() == pytest.approx(1.0)
