# Everything a person or CI runs. Each target makes .venv by itself.
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python,$(shell command -v $(name))))
# Tests run in this many processes.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-fast test-unlocked test-kafka kafka-jars test-clickhouse clickhouse-library check lint typecheck map format lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# What a user needs and no tools of developers; where those are installed already, they serve.
DEMO_STAMP := $(VENV)/.installed-demo
demo: $(if $(wildcard $(STAMP)),$(STAMP),$(DEMO_STAMP))
	@$(BIN)/neonblue demo

$(DEMO_STAMP): requirements-prod.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what NeonBlue needs to run into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps --disable-pip-version-check --require-hashes -r requirements-prod.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $(DEMO_STAMP)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What to run while working: nothing here starts a server, a broker or a long simulation.
FAST := tests/models tests/stats tests/llm tests/prompts tests/resources tests/docs tests/test_settings.py
test-fast: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(FAST)

# What a user may get: the newest versions that pyproject.toml allows, in an environment of its own.
UNLOCKED := .venv-unlocked
test-unlocked: $(STAMP)
	test -x $(UNLOCKED)/bin/python || $(PYTHON) -m venv $(UNLOCKED)
	$(BIN)/uv pip install --quiet --python $(UNLOCKED)/bin/python --upgrade --group dev -e .
	$(UNLOCKED)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--ignore tests/packaging/test_dependencies.py

# The broker tests against genuine Apache Kafka, and the whole road from PostgreSQL; needs java, mvn.
test-kafka: $(STAMP) kafka-jars
	NEONBLUE_TEST_BROKER=apache $(BIN)/python -m pytest tests/kafka tests/ingest

KAFKA_JARS := .cache/kafka/.fetched
kafka-jars: $(KAFKA_JARS)

$(KAFKA_JARS): tests/kafka/pom.xml
	mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
		-DoutputDirectory=$(CURDIR)/.cache/kafka
	@touch $@

# The same tests on a real ClickHouse server in the place of chDB; without its library they skip.
ON_CLICKHOUSE := tests/stores tests/experiments tests/tools/test_list_experiments.py \
	tests/tools/test_analyze_experiment.py tests/tools/test_diagnose_experiment.py \
	tests/tools/test_change_experiment.py tests/tools/test_look_gate.py tests/ingest/test_commands.py \
	tests/ingest/test_load_rows.py tests/ingest/test_load_events.py tests/ingest/test_forgotten.py \
	tests/cli/test_doctor.py
test-clickhouse: $(STAMP)
	@test -f $(CLICKHOUSE_LIBRARY) || ! command -v npm >/dev/null || $(MAKE) clickhouse-library
	NEONBLUE_TEST_ENGINE=clickhouse $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
		--no-loadscope-reorder $(ON_CLICKHOUSE)

# A real server for the tests (566 MB).
CLICKHOUSE_LIBRARY := .cache/clickhouse/package/libchdb.so
clickhouse-library: $(CLICKHOUSE_LIBRARY)

$(CLICKHOUSE_LIBRARY):
	mkdir -p .cache/clickhouse
	cd .cache/clickhouse && npm pack --silent @chdb/lib-linux-x64-gnu@26.7.3-stable.1 && \
		tar xzmf *.tgz && rm *.tgz

check: lint typecheck

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

typecheck: $(STAMP)
	$(BIN)/mypy

# Every module and what it is for, from the modules' docstrings.
map: $(STAMP)
	@$(BIN)/python .ci/module_map.py

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Hashes, no host names: a lock installs from whatever index pip is set up with. The second is what
# runs, without what tests and develops, at the same versions.
COMPILE := $(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 --universal
lock:
	$(COMPILE) --group dev -o requirements.lock
	$(COMPILE) --group build --constraints requirements.lock -o requirements-prod.lock

clean:
	rm -rf $(VENV) $(UNLOCKED) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
