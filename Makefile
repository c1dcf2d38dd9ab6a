# Needs a shell, GNU make 3.81 or newer, and Python 3.11 or newer with venv; the rest is set up in .venv.

# Options: make figures SCALE=smoke CONFIG=mine.yaml CORES=2 FRESH=1
# Without SCALE, the scale of the configuration is used. FRESH=1 ignores results stored by earlier builds.
SCALE ?=
CONFIG ?=
CORES ?= all
FRESH ?=
# How many conditions `make verify` trains again.
N ?= 5
BUILT = $(or $(SCALE),paper)
# The folder of a custom experiment, named as in configuration.folder.
space := $() $()
MINE = $(addsuffix /,$(subst $(space),-,$(basename $(notdir $(CONFIG)))))

# Programs in .venv are called by their paths: the make of Macs looks for a command in the caller's PATH only.
PYTHON := .venv/bin/python
UV := .venv/bin/uv
INSTALLED := .venv/installed
TOOLS := .venv/tools
SOURCES := scripts tests benchmarks docs/tutorial.ipynb
WORKFLOW := Snakefile $(wildcard rules/*.smk)
# Snakemake uses only the last --config, so all values follow one.
VALUES = $(if $(SCALE),scale=$(SCALE)) $(if $(FRESH),fresh=true)
SNAKEMAKE = $(PYTHON) -m snakemake --cores $(CORES) \
    $(if $(strip $(VALUES)),--config $(VALUES)) $(if $(CONFIG),--configfile $(CONFIG))
# Only these modules are compiled now: 100 MB less than for all modules of all packages.
IMPORTED = jsonschema, matplotlib.pyplot, numba, optuna, pandas, pooch, rocrate, scipy.stats, seaborn, snakemake.cli, \
    vl_convert
SYNC = $(UV) pip sync -q --python $(PYTHON) --require-hashes envs/requirements.lock
OR_HINT = || { echo 'make: uv cannot install: behind a proxy, set PIP_CERT and PIP_INDEX_URL (it reads no pip.conf)' >&2; exit 1; }
# The programs in .venv have its path in them. After a move, or in a copy, it is set up again.
MOVED := $(shell made=$$(sed -n 's/^command = .* -m venv [^/]*//p' .venv/pyvenv.cfg 2>/dev/null); \
    [ -z "$$made" ] || [ "$$made" -ef .venv ] || echo moved)
# Puts scripts/ last on the path of Python: in notebooks, and if a script's own folder is not on it (python -P).
PATH_FILE = ./.venv/lib/python3.*/site-packages/scripts.pth

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# uv gets the settings of pip: certificates (of the system, if none are named) and package indexes.
export UV_SYSTEM_CERTS ?= true
ifneq ($(or $(PIP_CERT),$(REQUESTS_CA_BUNDLE)),)
export SSL_CERT_FILE ?= $(or $(PIP_CERT),$(REQUESTS_CA_BUNDLE))
endif
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_EXTRA_INDEX_URL
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
export UV_INDEX_STRATEGY ?= unsafe-best-match
endif
# Package caches and Snakemake need a home folder; it is replaced if it is not writable.
ifeq ($(shell test -w "$$HOME" && echo yes),)
export HOME := $(CURDIR)/.cache
endif

.DEFAULT_GOAL := help
.PHONY: env figures beyond redraw verify status gallery site report audit crate metadata notebook bench
.PHONY: test coverage lint format lock clean-store clean help

env: $(INSTALLED) ## set up .venv without building anything

figures: $(INSTALLED) ## build the paper's figures from raw data (SCALE=smoke, CONFIG=mine.yaml, CORES=2, FRESH=1)
	$(SNAKEMAKE)

beyond: CONFIG = beyond.yaml
beyond: $(INSTALLED) ## build the figures of beyond.yaml into figures/beyond/ (SCALE, CORES and FRESH as above)
	$(SNAKEMAKE)

redraw: $(INSTALLED) ## rebuild all figures, tables and pages from the published runs, without training
	$(PYTHON) scripts/redraw.py

verify: $(INSTALLED) ## train N random published conditions again and compare all bytes (N=5, CONFIG=beyond.yaml)
	$(PYTHON) scripts/verify.py --number $(N) $(if $(CONFIG),--configfile $(CONFIG))

status: $(INSTALLED) ## list what is done, missing and stale, why, and how long `make figures` would take
	@$(SNAKEMAKE) --workflow-profile profiles/status

gallery: figures ## update the table of figures in README.md
	$(PYTHON) scripts/gallery.py --figures figures --readme README.md

site: $(INSTALLED) ## write site/index.html: published figures whose marks answer, and all networks, on one page
	$(SNAKEMAKE) site --allowed-rules site

report: figures ## write results/SCALE/report.html: all figures, claims and run times on one page
	$(SNAKEMAKE) --report results/$(MINE)$(BUILT)/report.html

audit: $(INSTALLED) ## trace FILE (by default every figure and table) back to the raw data and verify each step
	$(PYTHON) scripts/audit.py $(or $(FILE),figures/$(MINE)$(filter smoke,$(SCALE)) results/$(MINE)$(BUILT))

crate: $(INSTALLED) ## export code, results and records to crate/SCALE as a Provenance Run Crate
	$(PYTHON) scripts/crate.py --scale $(BUILT) --output crate/$(BUILT)

metadata: $(INSTALLED) ## write what archives read (codemeta.json and others) from CITATION.cff
	$(PYTHON) scripts/metadata.py

notebook: .venv/notebook ## open docs/tutorial.ipynb in Jupyter (installs JupyterLab)
	$(PYTHON) -m jupyterlab docs/tutorial.ipynb

bench: .venv/benchmarks ## compare the speed with other ways of training (installs PyTorch)
	$(PYTHON) benchmarks/speed.py

test: lint ## check the style, then run all tests, a smoke build included
	$(PYTHON) -m pytest -n auto

coverage: $(TOOLS) ## run all tests and report which statements of scripts/ they execute
	$(PYTHON) -m coverage run -m pytest -n auto
	$(PYTHON) -m coverage combine -q
	$(PYTHON) -m coverage report

lint: $(TOOLS) ## check the style and types of the code, and the workflow
	.venv/bin/ruff check $(wildcard $(SOURCES))
	.venv/bin/ruff format --check $(wildcard $(SOURCES))
	.venv/bin/mypy
	.venv/bin/snakefmt --check $(WORKFLOW)
	$(PYTHON) -m snakemake --lint

format: $(TOOLS) ## format the code and the workflow
	.venv/bin/ruff check --fix $(wildcard $(SOURCES))
	.venv/bin/ruff format $(wildcard $(SOURCES))
	.venv/bin/snakefmt $(WORKFLOW)

clean-store: $(INSTALLED) ## delete the results stored by earlier builds
	$(PYTHON) scripts/store.py --clear

clean: ## delete results, crates, pages, logs and unpublished figures; keep the data, the store and .venv
	rm -rf results crate site logs .snakemake
	for folder in figures/*/ figures/beyond/*/; do \
	    [ "$$folder" = figures/beyond/ ] || rm -rf "$$folder"; \
	done

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The first suitable Python makes .venv; the pinned uv in it installs the locks by their hashes.
$(INSTALLED): envs/bootstrap.lock envs/requirements.lock $(MOVED) $(if $(wildcard $(PATH_FILE)),,missing)
	@$(if $(MOVED),rm -rf .venv)
	@$(PYTHON) -c '' 2>/dev/null || { \
	    for python in python3 python3.14 python3.13 python3.12 python3.11 none; do \
	        $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    done; \
	    [ $$python != none ] || { \
	        echo 'make: no Python 3.11 or newer with venv found: install one (Debian: python3-venv)' >&2; exit 1; }; \
	    echo "Setting up .venv with $$python" >&2; \
	    $$python -m venv --clear .venv; }
	@$(PYTHON) -m ensurepip >/dev/null
	@$(PYTHON) -m pip install -qq --require-hashes -r envs/bootstrap.lock
	@$(SYNC) $(if $(wildcard $(TOOLS)),envs/tools.lock) $(OR_HINT)
	@$(UV) pip uninstall -q --python $(PYTHON) pip setuptools
	@PYTHONDONTWRITEBYTECODE= $(PYTHON) -c 'import $(IMPORTED)'
	@cd $(dir $(PATH_FILE)) && echo ../../../../scripts > $(notdir $(PATH_FILE))
	@touch $@

moved missing: ;

$(TOOLS): envs/tools.lock $(INSTALLED)
	@$(SYNC) $< $(OR_HINT)
	@touch $@

.venv/benchmarks: envs/bench.in $(TOOLS)
.venv/notebook: envs/notebook.in $(INSTALLED) $(wildcard $(TOOLS))
.venv/benchmarks .venv/notebook:
	@$(PYTHON) -m ensurepip >/dev/null
	@$(PYTHON) -m pip install -qq -r $<
	@touch $@

lock: $(INSTALLED) ## update the lock files and environment.yml in envs/ to the newest versions
	for part in envs/bootstrap.in:bootstrap pyproject.toml:requirements; do \
	    $(UV) pip compile -q --upgrade --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	        --no-header --no-annotate $${part%:*} -o envs/$${part#*:}.lock || exit 1; \
	done
	$(UV) pip compile -q --upgrade --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	    --no-header --no-annotate -c envs/requirements.lock envs/tools.in -o envs/tools.lock
	{ sed '/==/d' envs/environment.yml; sed -n 's/^\([a-z].*==.*[^ ]\) *\\$$/      - \1/p' envs/requirements.lock; } \
	    > envs/environment.new
	mv envs/environment.new envs/environment.yml
