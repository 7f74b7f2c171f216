"""Settings every test runs under."""

import os

import hypothesis
import jax
import jaxtyping

# Compiling is most of what the tests cost, and XLA's plainest code compiles four times faster. The
# numbers are the same up to rounding. Whoever sets XLA_FLAGS, if to nothing, decides instead: the
# smoke tests run on the code that users run.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    " --xla_cpu_parallel_codegen_split_count=1",
)

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
