"""What starting a server may import: fastmcp and our own modules, nothing heavy."""

import subprocess
import sys

import pytest

HEAVY = (
    "aiokafka",
    "anthropic",
    "chdb",
    "chromadb",
    "clickhouse_connect",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "openai",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "sqlglot",
    "statsmodels",
    "structlog",
    "tokenizers",
)
SHOW_IMPORTED = """
import os, sys
os.environ["FASTMCP_LOG_ENABLED"] = "false"
import {module}
print(" ".join(sys.modules))
"""


def _imported_with(module: str) -> set[str]:
    script = SHOW_IMPORTED.format(module=module)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in ended.stdout.split()}


def test_the_hub_starts_without_heavy_libraries() -> None:
    assert not _imported_with("neonblue.servers.hub") & set(HEAVY)


@pytest.mark.parametrize("module", ["neonblue.cli", "neonblue.owner.embedded"])
def test_a_process_that_only_relays_starts_without_fastmcp(module: str) -> None:
    assert not _imported_with(module) & {"fastmcp", "mcp", *HEAVY}
