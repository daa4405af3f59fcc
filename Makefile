# Six verbs: check, test, slow, faults, wheel, results; and search, the main job. The environment is .venv.
PYTHON ?= python3.11
VENV = .venv
BIN = $(VENV)/bin
BUDGET ?= 128KB
SPACE ?= mbconv
RESULTS_DATA ?= ../shared/data/esc10
RESULTS_OPTIONS ?=

.PHONY: search test check slow faults wheel results install clean

install: $(VENV)/.installed

# torch comes first and alone: its pinned version decides which build of everything else fits.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,postgresql]'
	touch $@

search: install
	$(BIN)/nas-asc search --budget $(BUDGET) --space $(SPACE)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

slow: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "slow and not gpu"

# All fault tests: of the moments at which a search is killed, `slow` draws a few.
faults: install
	NAS_ASC_FAULTS=all OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m slow $(wildcard tests/search/test_faults*.py)

# The networks of the reports trained on ESC-10, what is not stored yet: hours on a core, and can be
# ended at any time. RESULTS_OPTIONS='--only srpol-4 --minutes 25', or another of its options.
results: install
	$(BIN)/python benchmarks/report_results.py --data $(RESULTS_DATA) $(RESULTS_OPTIONS)

# A bare install of the built wheel, away from the checkout.
wheel: install
	rm -rf dist build/wheel
	$(BIN)/python -m build --wheel --outdir dist .
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet --constraint constraints.txt torch
	build/wheel/bin/pip install --quiet --constraint constraints.txt dist/*.whl
	cd / && $(CURDIR)/build/wheel/bin/nas-asc spaces
	cd / && $(CURDIR)/build/wheel/bin/nas-asc models

clean:
	rm -rf $(VENV) build dist
