# Every target first makes .venv hold the packages that it needs, and runs with it first on PATH. docs/decisions.md says how.
# PYTHON=python3.12 names the Python to build it with; TRACES_ENVIRONMENT=: takes the packages that are on PATH instead.
export PYTHON ?=
VENV := $(CURDIR)/.venv
export PATH := $(VENV)/bin:$(PATH)
TRACES_ENVIRONMENT ?= .ci/environment
# In front of a command that can be silent for long.
ALOUD := python -E .ci/progress.py
# Git as the project calls it everywhere, by no settings of a person's.
GIT := python -m commands.repository
TEST_WORKERS ?= 2
BASE ?= origin/main
REPORT ?= .cache/pull-request.md
UPGRADE ?= --upgrade

.PHONY: repro dataset gate pull-request remote-demo report screenshot serve test soak tokenizers baseline lint format \
	audit bench bench-scale bench-serve deps schemas lock environment environment-all bootstrap help clean
.DEFAULT_GOAL := repro

# In a fresh clone the reports are the commit's, so a plain `dvc repro` would make the data and skip the gate and the
# training as unchanged. Forced downstream, what follows a stage that ran runs too; where none does, nothing does.
define STOP_AT_CONFLICTS
	@! { $(GIT) diff-files --name-only --diff-filter=U | $(GIT) check-attr --stdin made | sed '/: set$$/d; s/: made: .*//'; \
		$(GIT) grep --no-color -lI '^<<<<<<< '; } 2> /dev/null | sort -u | grep . || \
		{ echo "make: in conflict, as named above; docs/together.md says how to settle it"; exit 2; }
endef

repro: environment-all  ## build the dataset, train on it for ten steps, and say what it is
	$(STOP_AT_CONFLICTS)
	dvc repro --force-downstream
	@echo
	@traces summary

dataset: environment  ## build and check the dataset and say what it is, without the packages for training
	$(STOP_AT_CONFLICTS)
	dvc repro --force-downstream validate
	@echo
	@traces summary

gate: environment  ## what CI runs on every push: the dataset held to the gate, without the packages for training
	.ci/gate

pull-request: environment  ## the gate, and in REPORT what changed in the dataset since the branch BASE
	.ci/pull-request "$(BASE)" "$(REPORT)"

remote-demo: environment-all  ## push to a real S3 server and pull from it, all on this machine
	python -m tests.support.remote_demo

report: environment-all  ## the dataset as a page to look at: reports/dataset.html
	traces report

serve: environment-all  ## the dataset service on 127.0.0.1:8000; docs/service.md
	python -m service

test: environment-all  ## the test suite, about 35 minutes on 2 cores
	pytest -m "not soak" -n $(TEST_WORKERS) --dist worksteal

soak: environment-all  ## what is too long for every run
	pytest -m soak

lint: environment-all  ## ruff and strict types
	ruff check .
	ruff format --check .
	$(ALOUD) mypy
	mypy .ci/audit
	mypy .ci/install.py .ci/lock.py .ci/progress.py

format: environment-all  ## put the code into its form
	ruff check --fix .
	ruff format .

audit: environment-all  ## known faults of what the locks pin, by the OSV database; docs/security.md says how to accept one
	.ci/audit

bench: environment-all  ## what a build costs beside other ways, or another commit (BENCH_AGAINST=REV); BENCH_ROWS=20000 for a try
	python -m benchmarks

bench-scale: environment-all  ## how cost grows; BENCH_SIZES="5000 20000" for a try
	python -m benchmarks scale

bench-serve: environment-all  ## the service under load, beside nginx; SERVE_MB=50 SERVE_CLIENTS=8 for a try
	python -m benchmarks serve

tokenizers: environment-all  ## fetch the published tokenizers that some tests need, with npm: 130 MB; docs/training.md
	python -m tests.support.tokenizers

baseline: environment-all  ## docs/BASELINE.md: the suite run once, what it covers; BASELINE_TESTS=tests/traces for a try
	python -m tests.support.baseline $(BASELINE_TESTS)

screenshot: report  ## the pictures of that page and of the service's; needs Chromium
	python -m tests.support.screenshot
	python -m tests.support.service_screenshot

deps: environment  ## write into dvc.yaml the code that each stage imports
	python -m tests.support.code_deps

schemas: environment  ## write the schema that follows from stages/params/
	python -m stages.params.schema

lock: bootstrap  ## pin the newest versions that pyproject.toml allows; UPGRADE= changes only what has to change
	python -E .ci/lock.py $(UPGRADE)

environment:  ## build .venv with what the dataset needs; every target that needs it does this first
	@$(TRACES_ENVIRONMENT) dataset

environment-all:  ## build .venv with everything: training, tests, the service
	@$(TRACES_ENVIRONMENT) all

bootstrap:  ## build .venv with no more than what installs the rest; for `make lock`
	@$(TRACES_ENVIRONMENT) bootstrap

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r name does; do \
		printf '%-16s %s\n' "$$name" "$$does"; done

clean:  ## remove the environment and what it left; data stays
	rm -rf .venv .cache *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
