# Set-up included: `make figures` needs Python 3.11 or newer with venv, and a shell.

# The configuration's own, unless it is typed: make figures SCALE=smoke CONFIG=mine.yaml
SCALE ?=
CONFIG ?=
CORES ?= all
BUILT = $(or $(SCALE),paper)
# The folder of an experiment of one's own, as configuration.folder names it.
space := $() $()
MINE = $(addsuffix /,$(subst $(space),-,$(basename $(notdir $(CONFIG)))))

PYTHON := .venv/bin/python
INSTALLED := .venv/installed
SOURCES := scripts tests benchmarks
SNAKEMAKE = $(PYTHON) -m snakemake --cores $(CORES) \
    $(if $(SCALE),--config scale=$(SCALE)) $(if $(CONFIG),--configfile $(CONFIG))

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Package caches and Snakemake need a home; one that cannot be written to is replaced.
ifeq ($(shell test -w "$$HOME" && echo yes),)
export HOME := $(CURDIR)/.cache
endif

.DEFAULT_GOAL := help
.PHONY: env figures gallery report status audit crate bench test coverage lint format lock clean help

env: $(INSTALLED) ## set up the environment in .venv, and nothing else

figures: $(INSTALLED) ## build every figure from raw data (SCALE=smoke, CONFIG=mine.yaml, CORES=a number)
	$(SNAKEMAKE)

status: $(INSTALLED) ## say what is done, missing and stale, why, and how long `make figures` would take
	@$(SNAKEMAKE) --workflow-profile profiles/status

gallery: figures ## say in README.md what the figures now show
	$(PYTHON) scripts/gallery.py --figures figures --readme README.md

report: figures ## write one page with all figures, claims and run times: results/SCALE/report.html
	$(SNAKEMAKE) --report results/$(MINE)$(BUILT)/report.html

audit: $(INSTALLED) ## follow FILE (all that is drawn and tabulated) back to the raw data, by its records
	$(PYTHON) scripts/audit.py $(or $(FILE),figures/$(MINE)$(filter smoke,$(SCALE)) results/$(MINE)$(BUILT))

crate: $(INSTALLED) ## export the records as a Provenance Run Crate to crate/SCALE
	$(PYTHON) scripts/crate.py --scale $(BUILT) --output crate/$(BUILT)

bench: .venv/benchmarks ## compare the speed with other ways of training (installs PyTorch first)
	$(PYTHON) benchmarks/speed.py

test: lint ## check the style, then run the tests, the smoke pipeline included
	$(PYTHON) -m pytest -n auto

coverage: $(INSTALLED) ## run the tests, and say which statements of scripts/ that reaches
	$(PYTHON) -m coverage run -m pytest -n auto
	$(PYTHON) -m coverage combine -q
	$(PYTHON) -m coverage report

lint: $(INSTALLED) ## check the style and the types of the code, and the style of the pipeline
	ruff check $(wildcard $(SOURCES))
	ruff format --check $(wildcard $(SOURCES))
	mypy
	mypy scripts/figures/*.py
	snakefmt --check Snakefile
	$(PYTHON) -m snakemake --lint

format: $(INSTALLED) ## put the code and the pipeline into the style that lint asks for
	ruff check --fix $(wildcard $(SOURCES))
	ruff format $(wildcard $(SOURCES))
	snakefmt Snakefile

clean: ## remove what was made (results, figures, logs), keeping the data and .venv
	rm -rf results figures/*/ crate logs .snakemake

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The first Python that will do makes .venv; the pinned uv in it installs the lock, at the exact hashes.
$(INSTALLED): envs/bootstrap.lock envs/requirements.lock envs/tests.lock
	@$(PYTHON) -c '' 2>/dev/null || { \
	    for python in python3 python3.14 python3.13 python3.12 python3.11 none; do \
	        $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    done; \
	    [ $$python != none ] || { \
	        echo 'make: no Python 3.11 or newer with venv found: install one (Debian: python3-venv)' >&2; exit 1; }; \
	    echo "Setting up .venv with $$python" >&2; \
	    $$python -m venv --clear .venv; }
	@$(PYTHON) -m pip install -qq --require-hashes -r envs/bootstrap.lock
	@uv pip sync -q --compile-bytecode --python $(PYTHON) --require-hashes envs/requirements.lock envs/tests.lock
	@touch $@

.venv/benchmarks: envs/bench.in $(INSTALLED)
	@$(PYTHON) -m pip install -qq -r $<
	@touch $@

lock: $(INSTALLED) ## resolve envs/*.in anew into the exact locks and the conda file
	for part in bootstrap requirements; do \
	    uv pip compile -q --upgrade --universal --python-version 3.11 --fork-strategy fewest \
	        --generate-hashes --no-header --no-annotate envs/$$part.in -o envs/$$part.lock || exit 1; \
	done
	uv pip compile -q --upgrade --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	    --no-header --no-annotate -c envs/requirements.lock envs/tests.in -o envs/tests.lock
	{ sed '/==/d' envs/environment.yml; sed -n 's/^\([a-z].*==.*[^ ]\) *\\$$/      - \1/p' envs/requirements.lock; } \
	    > envs/environment.new
	mv envs/environment.new envs/environment.yml
