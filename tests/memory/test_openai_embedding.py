"""OpenAI embeddings through the real SDK against an HTTP endpoint on the loopback interface."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from neonblue.errors import UnavailableError
from neonblue.memory.embedding import open_embedder


@pytest.fixture
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """Answers vectors of the wanted size in reverse order, as the API may."""
    size = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            data = [
                {"object": "embedding", "index": row, "embedding": [len(text), *[0.0] * (size - 1)]}
                for row, text in enumerate(body["input"])
            ]
            answer = {"object": "list", "data": data[::-1], "model": "m", "usage": {}}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("endpoint", [1536], indirect=True)
def test_vectors_are_unit_rows_in_the_order_of_the_texts(endpoint: str) -> None:
    embedder = open_embedder("openai", openai_api_key="k", openai_base_url=endpoint)
    vectors = embedder.embed(["a", "", "abc"])
    assert vectors.shape == (3, 1536)
    np.testing.assert_allclose(vectors[:, 0], 1)
    assert embedder.fingerprint == "openai:text-embedding-3-small:1536"


@pytest.mark.parametrize("endpoint", [8], indirect=True)
def test_vectors_of_another_size_are_refused(endpoint: str) -> None:
    embedder = open_embedder("openai", openai_api_key="k", openai_base_url=endpoint)
    with pytest.raises(UnavailableError, match="1536"):
        embedder.embed(["a"])


def test_a_closed_port_is_unavailable_and_says_what_to_do() -> None:
    embedder = open_embedder(
        "openai", openai_api_key="k", openai_base_url="http://127.0.0.1:9", timeout_seconds=1
    )
    with pytest.raises(UnavailableError, match="NEONBLUE_EMBEDDING_PROVIDER=minilm"):
        embedder.embed(["a"])
