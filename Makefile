# `make` lists the commands. Everything goes into .venv and ./demo; missing system libraries are installed
# with apt-get where that needs no password, and named where it does.
# Variables: PYTHON=python3.12 (what .venv is made with), ARGS="-k sift" (for pytest and the benchmark), SETS="fox".

PYTHON ?= python3
ARGS ?=
SETS ?= fountain-P11 Herz-Jesus-P8 fox

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
# -m, because the scripts in .venv/bin break when the folder is moved.
RECON := $(VENV_PYTHON) -m recon
PIP_INSTALL := $(VENV_PYTHON) -m pip install -qq --disable-pip-version-check -c constraints.txt
# What the build leaves in the tree would, from here, hide the plugins that a later installation adds.
REMOVE_BUILD := rm -rf recon_sfm.egg-info
SIZE_NOTE := (2.5 GB on disk, some minutes the first time)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-slow lint format bench clean system-libraries

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

demo: $(VENV)/.installed ## install, reconstruct datasets/sample, and leave model, PLY and picture in ./demo
	@$(RECON) run datasets/sample/images --output demo
	@$(RECON) view demo --screenshot demo/picture.png
	@echo
	@echo "The model    demo/sparse/0   (COLMAP's format)"
	@echo "The points   demo/points.ply"
	@echo "The picture  demo/picture.png"
	@echo "Walk around in it:  $(RECON) view demo"

test: lint ## install, then check the style and run the tests
	@$(VENV_PYTHON) -m pytest -m "not slow" $(ARGS)

test-slow: $(VENV)/.installed-dev ## run the tests that take long
	@$(VENV_PYTHON) -m pytest -m slow $(ARGS)

lint: $(VENV)/.installed-dev ## check style and types
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m mypy recon plugins

format: $(VENV)/.installed-dev ## put the code into the project's format
	@$(VENV_PYTHON) -m ruff check --fix
	@$(VENV_PYTHON) -m ruff format

bench: $(VENV)/.installed-dev ## compare with pycolmap's own pipeline, on photo sets in $RECON_DATA
	@test -n "$$RECON_DATA" || { echo "RECON_DATA has to name a folder with: $(SETS)" >&2; exit 2; }
	@$(VENV_PYTHON) tests/benchmarks/pipeline.py $(SETS) $(ARGS)

clean: ## remove .venv, ./demo and what tools left
	rm -rf $(VENV) demo build recon_sfm.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

system-libraries:
	@sh .ci/system-libraries $(PYTHON)

$(VENV_PYTHON): | system-libraries
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
	    "recon needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv --clear $(VENV)

# A stamp holds the place it was made for: an environment that was moved along with its folder is mended.
ifneq ($(shell cat $(VENV)/.installed 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.installed
endif
ifneq ($(shell cat $(VENV)/.installed-dev 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.installed-dev
endif

$(VENV)/.installed: pyproject.toml constraints.txt | system-libraries $(VENV_PYTHON)
	@echo "Installing recon into $(VENV) $(SIZE_NOTE)"
	@$(PIP_INSTALL) -e .
	@$(REMOVE_BUILD)
	@echo "$(CURDIR)" > $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | system-libraries $(VENV_PYTHON)
	@echo "Installing recon and what its tests need into $(VENV) $(SIZE_NOTE)"
	@$(PIP_INSTALL) -e '.[dev]'
	@$(REMOVE_BUILD)
	@echo "$(CURDIR)" | tee $(VENV)/.installed > $@
