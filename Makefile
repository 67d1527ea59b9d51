# `make demo` and `make test` need Python 3.11+ and make; everything else is installed here.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Tests that need more than pip: each has its own target.
APART  := not browser and not packaging and not systemd and not faults

# tests/conftest.py has the order of the files.
PYTEST := $(BIN)/python -m pytest
SHARED := --dist loadfile --no-loadscope-reorder
# A quarter of the time of a usual test is waiting, so that two cores can serve three workers.
MANY   := -n 3 $(SHARED)

# Tests start hundreds of interpreters, which would each compile digest again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test coverage lint format bench wave test-browser test-packaging test-systemd test-faults \
        test-apart crashtest soak pictures clean

help:
	@echo "make demo            the whole thing on embedded parts: no account, no server, no key"
	@echo "make test            the test suite"
	@echo "make coverage        the same with branch coverage, which takes half as long again; 95 % at least"
	@echo "make lint            ruff, mypy --strict, import directions, dependencies"
	@echo "make bench           benchmarks, as ratios"
	@echo "make wave            1,000 apps due at once, in real time (10 minutes)"
	@echo "make test-browser    the e-mail in headless Chromium (Debian: apt-get install chromium)"
	@echo "make test-packaging  build sdist and wheel, install them cleanly, run them"
	@echo "make test-systemd    the units, looked at by systemd-analyze (Debian: apt-get install systemd)"
	@echo "make test-faults     full disks and failing syncs, made by strace (Debian: apt-get install strace)"
	@echo "make test-apart      test-browser, test-systemd and test-faults at once"
	@echo "make crashtest       kill -9 at every step, at every sync, and 1,000 times at random (needs strace)"
	@echo "make soak            a simulated year of digest serve, killed and disturbed, and 240 days in one process"
	@echo "make pictures        docs/pictures, from the demo's own output (needs chromium)"

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "digest needs Python 3.11 or newer; say which: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: $(STAMP)
	@$(BIN)/digest demo --out demo-out

test: $(STAMP)
	$(PYTEST) $(MANY) -m "$(APART)"

coverage: $(STAMP)
	$(PYTEST) $(MANY) -m "$(APART)" \
	  --cov --cov-report=term --cov-fail-under=95

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)
	@for script in $(filter-out %/bench_wave.py,$(wildcard benchmarks/bench_*.py)); do \
	  echo "== $$script"; $(BIN)/python $$script || exit 1; done

wave: $(STAMP)
	$(BIN)/python benchmarks/bench_wave.py

test-browser: $(STAMP)
	$(PYTEST) -m browser

test-packaging: $(STAMP)
	$(PYTEST) -m packaging

test-systemd: $(STAMP)
	$(PYTEST) -m systemd

test-faults: $(STAMP)
	$(PYTEST) -m faults

test-apart: $(STAMP)
	$(PYTEST) -n 2 $(SHARED) -m "browser or systemd or faults"

crashtest: $(STAMP)
	$(BIN)/python -m tests.lab.crashtest

soak: $(STAMP)
	$(BIN)/python -m tests.soak

pictures: demo
	$(BIN)/python -m tests.support.pictures

clean:
	rm -rf $(VENV) build dist demo-out .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
