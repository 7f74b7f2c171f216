"""Settings every test runs under."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Compiling is most of what the tests cost, and XLA's plainest code compiles four times faster. The
# numbers are the same up to rounding. `make test-py313` sets both otherwise, and so tests the code
# that users run. Here, as JAX reads them when it is imported.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# Each core has a process of its own; threads of small matrix products would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Processes of one run, commands among them, share what they compile; so do later runs.
os.environ.setdefault("VERIGAP_CACHE", str(Path(__file__).parent.parent / "build" / "programs"))

import hypothesis
import jax
import jaxtyping
import pytest

from tests.wall_time import by_file, lines
from verigap.engines.compiled_programs import keep_compiled_programs

keep_compiled_programs()

# Tracing leaves many objects and little garbage: looking for it often is a tenth of the time.
gc.set_threshold(50_000, 20, 50)

# Annotations are checked at run time, in tests only. An int passes for a float, as it does for a
# static type checker. Here, as jaxtyping's own option for pytest cannot take both.
jaxtyping.install_import_hook(
    ["verigap.theory", "verigap.sim"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

# Exact comparisons need float64; a test about float32 says so by dtype or `jax.enable_x64(False)`.
jax.config.update("jax_enable_x64", True)
# Silent broadcasting across ranks and silent promotion between dtypes are how shape bugs hide.
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
# A GPU multiplies float32 matrices with ten bits unless told otherwise; no matter on a CPU.
jax.config.update("jax_default_matmul_precision", "highest")

# Derandomised, so that a red test is red for everybody; no deadline, because the first example of a
# shape pays for its compilation. VERIGAP_HYPOTHESIS_EXAMPLES asks for a longer search.
hypothesis.settings.register_profile(
    "verigap",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("VERIGAP_HYPOTHESIS_EXAMPLES", "50")),
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("verigap")


@contextmanager
def _unchecked() -> Iterator[None]:
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture(scope="module")
def unchecked_annotations() -> Iterator[None]:
    """No annotations are checked: for files that evaluate many small formulas in NumPy.

    Each check takes longer than the formula; tests/theory checks them.
    """
    with _unchecked():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """What takes long repeats calls that `make test` makes with annotations checked."""
    if item.get_closest_marker("long") or item.get_closest_marker("pages"):
        with _unchecked():
            return (yield)
    return (yield)


def pytest_sessionfinish() -> None:
    """Nothing that is alive now is looked at again: pytest would collect garbage five times."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter) -> None:
    """Say which files took the time."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    if seconds := by_file(reports):
        terminalreporter.section(f"seconds by file ({sum(seconds.values()):.0f} in all)")
        for line in lines(seconds):
            terminalreporter.write_line(line)
