# Every target builds .venv by itself where it is missing or older than the lock, and runs with it first on PATH.
PYTHON ?= python3
VENV := $(CURDIR)/.venv
export PATH := $(VENV)/bin:$(PATH)
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check
# No addresses in a lock: where packages come from is the machine's business.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	--no-annotate pyproject.toml
TEST_WORKERS ?= 2
BASE ?= origin/main
REPORT ?= .cache/pull-request.md

.PHONY: repro gate pull-request remote-demo report screenshot serve test soak baseline lint format audit bench bench-scale bench-serve \
	deps schemas lock clean
.DEFAULT_GOAL := repro

# In a fresh clone the reports are the commit's, so a plain `dvc repro` would make the data and skip the gate and the
# training as unchanged. Forced downstream, what follows a stage that ran runs too; where none does, nothing does.
repro: .venv/training  ## build the dataset, train on it for ten steps, and say what it is
	@! { git diff --name-only --diff-filter=U | git check-attr --stdin made | sed '/: set$$/d; s/: made: .*//'; \
		git grep -lI '^<<<<<<< '; } 2> /dev/null | sort -u | grep . || \
		{ echo "make: in conflict, as named above; docs/together.md says how to settle it"; exit 2; }
	dvc repro --force-downstream
	@echo
	@traces summary

gate: .venv/ready  ## what CI runs on every push: the dataset held to the gate, without the packages for training
	.ci/gate

pull-request: .venv/ready  ## the gate, and in REPORT what changed in the dataset since the branch BASE
	.ci/pull-request "$(BASE)" "$(REPORT)"

remote-demo: .venv/ready  ## push to a real S3 server and pull from it, all on this machine
	python -m tests.support.remote_demo

report: .venv/training  ## the dataset as a page to look at: reports/dataset.html
	traces report

serve: .venv/training  ## the dataset service on 127.0.0.1:8000; docs/service.md
	python -m service

test: .venv/training  ## the test suite, about 12 minutes on 2 cores
	pytest -m "not soak" -n $(TEST_WORKERS) --dist worksteal

soak: .venv/training  ## what is too long for every run
	pytest -m soak

lint: .venv/training  ## ruff and strict types
	ruff check .
	ruff format --check .
	mypy
	mypy .ci/audit

format: .venv/ready
	ruff check --fix .
	ruff format .

audit: .venv/ready  ## known faults of what the locks pin, by the OSV database; docs/security.md says how to accept one
	.ci/audit

bench: .venv/training  ## what a build costs beside other ways to write it; BENCH_ROWS=20000 for a try
	python -m benchmarks

bench-scale: .venv/training  ## how cost grows; BENCH_SIZES="5000 20000" for a try
	python -m benchmarks scale

bench-serve: .venv/training  ## the service under load, beside nginx; SERVE_MB=50 SERVE_CLIENTS=8 for a try
	python -m benchmarks serve

baseline: .venv/training  ## docs/BASELINE.md: the suite run once, what it covers; BASELINE_TESTS=tests/traces for a try
	python -m tests.support.baseline $(BASELINE_TESTS)

screenshot: report  ## the pictures of that page and of the service's; needs Chromium
	python -m tests.support.screenshot
	python -m tests.support.service_screenshot

deps: .venv/ready  ## write into dvc.yaml the code that each stage imports
	python -m tests.support.code_deps

schemas: .venv/ready  ## write the schema that follows from stages/params/
	python -m stages.params.schema

lock:  ## pin the newest versions that pyproject.toml allows; needs uv
	$(LOCK) --upgrade --extra dev --extra cluster --extra serve --extra training --output-file requirements-training.lock
	$(LOCK) --extra dev --extra cluster --extra serve --constraint requirements-training.lock --output-file requirements.lock

clean:  ## remove the environment and what it left; data stays
	rm -rf .venv .cache *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The file `ready` is written last: an interrupted install is begun again.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: $(PYTHON) is older than Python 3.11; name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "building .venv: a minute or two, once"
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# What training needs besides: 2 GB, and not needed up to the gate.
.venv/training: .venv/ready requirements-training.lock
	@echo "adding what training needs: a few minutes, once"
	$(PIP) --require-hashes -r requirements-training.lock
	@touch $@
