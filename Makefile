# demo, test and lint each set up .venv by themselves; needed are make and Python 3.11 or newer.
#   make demo            runs the offline demo
#   make test            runs every test, then the style and the types
#   make test ARGS=...   passes arguments on to pytest, such as ARGS="tests/plugins -k conflict"
#   make soak            the tests that `make test` leaves out, properties on a thousand examples,
#                        fifty runs of the demo killed and resumed, and small runs of every task two
#                        hundred times; half an hour
#   make dist            builds wheel and sdist of every distribution into dist/packages
#   make oldest          the core of the tests with the oldest versions that the bounds admit, in an
#                        environment of its own, without Ray, whose oldest is the one that is tested;
#                        `make soak` runs it
#   make mlflow          the tests of that tracker, whose package needs other versions than ours, in an
#                        environment of its own
#   make lint            style and types only; make format mends the style
#   make bench           measures speed against Transformers, CTranslate2 and the arithmetic, and writes
#                        docs/performance.md; thirty minutes; ARGS="--model CHECKPOINT --data MANIFEST"
#                        measures a trained Whisper too, ARGS=--quick takes two and writes nothing
#   make docs            writes the reference pages of docs/ from the code
#   make docs-serve      the documentation site on http://localhost:8000, built anew at each change
#   make docs-build      the same as files in dist/site; a link that leads nowhere is an error

PYTHON ?= python3
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
INCOMPLETE := $(VENV)/.incomplete
PYPROJECTS := $(wildcard core/pyproject.toml plugins/*/pyproject.toml)
DISTRIBUTIONS := $(PYPROJECTS:/pyproject.toml=)
EDITABLES := $(addprefix -e ,$(DISTRIBUTIONS))
# What only an extra of a plugin needs, so that its tests run too.
EXTRAS := -e 'core[av,notebook,tensorboard,trackio,vad,wandb,zstd]' -e 'plugins/datasets[excel]' \
	-e 'plugins/export[ctranslate2,ggml,onnx]' \
	-e 'plugins/verifiers[distillmos,mos,speaker]' -e 'plugins/wav2vec[align]'
# A package of which only the weights are read: what it depends on needs a compiler.
WEIGHTS := resemblyzer
TOOLS := aiohttp axe-playwright-python editables hatchling hypothesis ipykernel jiwer mypy nbclient playwright pre-commit pytest \
	pytest-cov pytest-xdist ruff types-pyyaml uv zensical
# What commands and tests import.
IMPORTED := audioforge.trainer, audioforge_whisper.adapter, audioforge_wav2vec.adapter, \
	audioforge_classification.adapter, datasets, jiwer, librosa, pandas, peft, pytest
# Ray starts ten processes, and gives one up that is not up within 15 s.
IMPORTED_BY_RAY := ray.train.torch, ray._private.log_monitor, ray.autoscaler._private.monitor, \
	ray.dashboard.dashboard, ray.dashboard.agent, ray._private.runtime_env.agent.main, \
	ray._private.workers.default_worker
# What shows whether the oldest versions do: sound, settings, every model family, data, the terminal.
OF_OLDEST := $(addprefix tests/,core/test_audio.py core/test_config.py core/test_find_adapter.py \
	classification/test_logits.py datasets/test_manifest.py datasets/test_tables_and_folders.py files \
	plugins/test_info.py terminal transcription wav2vec/test_greedy.py wav2vec/test_training.py \
	whisper/test_greedy.py whisper/test_training.py whisper/test_recordings.py)
# What only measurements need; what cannot be installed is left out of the tables, which say so.
PEERS := matplotlib

.PHONY: demo test every-test soak dist oldest mlflow bench lint format docs docs-serve docs-build

demo: $(STAMP)
	$(BIN)/audioforge demo

# Style and types are looked at beside the first tests.
test: $(STAMP)
	@$(MAKE) --no-print-directory --jobs 2 every-test lint

# As many processes as WORKERS says, with one thread of torch each: one more than cores, since some
# tests wait for a server or for a process that they start. They start hundreds of others,
# which are not to compile the sources again, even where the environment forbids to keep bytecode.
# Of each distribution the tests must reach 90 % of the lines: none hides behind another. Processes
# that tests have killed leave .coverage.* half written.
every-test: $(STAMP)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal \
		--cov --cov-report=term $(ARGS)
	@rm -f .coverage.*
	$(if $(ARGS),,@for folder in $(DISTRIBUTIONS); do \
		printf '%s: ' "$$folder"; \
		$(BIN)/coverage report --format=total --fail-under=90 --include="$$folder/src/*" || exit 1; \
	done)

soak: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'soak or hypothesis' --hypothesis-profile many \
		-n $(WORKERS) --dist worksteal
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py --runs 50 --jobs $(WORKERS)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py --runs 10 --processes 2 --short
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/kills.py --kills 200 --jobs $(WORKERS)

	@$(MAKE) --no-print-directory oldest

# Wheels are made of the sdists, so that these are whole.
dist: $(STAMP)
	rm -rf dist/packages
	@for folder in $(DISTRIBUTIONS); do \
		$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python \
			--out-dir dist/packages $$folder || exit 1; \
	done

oldest: $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-oldest
	$(BIN)/uv pip install --quiet --python .venv-oldest/bin/python --resolution lowest-direct \
		$(addprefix -e ,$(filter-out plugins/ray,$(DISTRIBUTIONS)))
	$(BIN)/uv pip install --quiet --python .venv-oldest/bin/python hatchling hypothesis pytest uv
	OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest $(OF_OLDEST)

mlflow: $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-mlflow
	$(BIN)/uv pip install --quiet --python .venv-mlflow/bin/python -e 'core[mlflow]' -e plugins/kit \
		hypothesis pytest
	OMP_NUM_THREADS=1 .venv-mlflow/bin/python -m pytest tests/trackers/test_mlflow.py

bench: $(STAMP)
	-$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt $(PEERS)
	OMP_NUM_THREADS=1 PYTHONPATH=benchmarks $(BIN)/python -m performance $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP)
	$(BIN)/python docs/write_reference.py

docs-serve: $(STAMP)
	$(BIN)/zensical serve

docs-build: $(STAMP)
	$(BIN)/zensical build --clean --strict

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The stamp is INCOMPLETE renamed: its time is that of the start, so that what changes meanwhile
# counts as newer, and a set-up that was interrupted leaves INCOMPLETE, and starts again from nothing.
# uv installs the set in a fraction of pip's time. It does not compile what it installs, or everything:
# what runs import is compiled by importing it, also where the environment forbids to keep bytecode,
# since every start with torch and transformers would take twice as long otherwise.
$(STAMP): constraints.txt pyproject.toml $(PYPROJECTS) Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "AudioForge needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@if [ -e $(INCOMPLETE) ] || ! $(BIN)/python -c '' 2>/dev/null; then rm -rf $(VENV); fi
	@mkdir -p $(VENV) && rm -f $(STAMP) && touch $(INCOMPLETE)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt uv
	$(BIN)/uv pip install --python $(BIN)/python \
		-c constraints.txt --build-constraints constraints.txt $(EDITABLES) $(EXTRAS) $(TOOLS)
	$(BIN)/uv pip install --python $(BIN)/python --no-deps -c constraints.txt $(WEIGHTS)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c 'import $(IMPORTED)'
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c 'import $(IMPORTED_BY_RAY)'
	@mv $(INCOMPLETE) $(STAMP)
