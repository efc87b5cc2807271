"""The smallest honest HTTP front over chDB: enough of ClickHouse's HTTP interface for its client.

Queries with bound parameters and settings in any output format, inserts with compressed bodies,
errors with their codes; one engine handle a request, so nothing leaks from one to the next.
Authentication, sessions, roles, quotas and progress are not there.
Run as a process: ``python clickhouse_front.py PORT FOLDER``.
"""

import gzip
import json
import re
import sys
import tempfile
import threading
import uuid
import zlib
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb

FORMAT = re.compile(r"\sFORMAT\s+(?P<format>\w+)\s*;?\s*$")
CODE = re.compile(r"Code: (?P<code>\d+)")
SETTING = re.compile(r"[a-z0-9_]+\Z")
# What the client says about the connection rather than about the query.
TRANSPORT = {"query", "database", "session_id", "query_id", "compress", "decompress"}
TRANSPORT |= {"enable_http_compression", "send_progress_in_http_headers", "wait_end_of_query"}
TRANSPORT |= {"http_headers_progress_interval_ms", "client_protocol_version", "default_format"}
ONE_WRITER = threading.Lock()


class Front(BaseHTTPRequestHandler):
    """One request: statement in the body or in the ``query`` argument, data after it."""

    protocol_version = "HTTP/1.1"
    folder = ""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n")
        else:
            self._run(b"")

    def do_POST(self) -> None:
        self._run(self._body())

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return decoded(body, self.headers.get("Content-Encoding", ""))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _run(self, body: bytes) -> None:
        arguments = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):  # how the client sends long parameters
            arguments |= form_fields(kind, body)
            body = b""
        try:
            answer, form = self._execute(arguments, body)
        except RuntimeError as error:
            found = CODE.search(str(error))
            code = found["code"] if found else "1000"
            self._answer(500, str(error).encode(), {"X-ClickHouse-Exception-Code": code})
        else:
            self._answer(200, answer, {"X-ClickHouse-Format": form})

    def _execute(self, arguments: dict[str, str], body: bytes) -> tuple[bytes, str]:
        statement, data = split(arguments.get("query"), body)
        handle = chdb.connect(self.folder)
        try:
            database = arguments.get("database")
            if database and database != "default":
                handle.query(f"USE `{database}`")
            for name, value in arguments.items():
                if name not in TRANSPORT and not name.startswith("param_") and SETTING.match(name):
                    handle.query(f"SET {name} = '{value}'")
            bound = {name[6:]: text for name, text in arguments.items() if name[:6] == "param_"}
            if data is not None:
                return self._insert(handle, statement, data), "TabSeparated"
            found = FORMAT.search(statement)
            form = found["format"] if found else arguments.get("default_format", "TabSeparated")
            plain = statement[: found.start()] if found else statement
            return handle.query(plain, form, params=bound).bytes() or b"", form
        finally:
            handle.close()

    def _insert(self, handle: Any, statement: str, data: bytes) -> bytes:
        with tempfile.NamedTemporaryFile(suffix=".raw") as file, ONE_WRITER:
            file.write(data)
            file.flush()
            into, _, form = statement.rpartition("FORMAT")
            handle.query(f"{into} FROM INFILE '{file.name}' FORMAT {form}", "TabSeparated")
        return b""

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        summary = json.dumps({"read_rows": "0", "written_rows": "0"})
        for name, value in {
            "Content-Length": str(len(body)),
            "X-ClickHouse-Summary": summary,
            "X-ClickHouse-Query-Id": str(uuid.uuid4()),
            "X-ClickHouse-Timezone": "UTC",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def split(query: str | None, body: bytes) -> tuple[str, bytes | None]:
    """The statement, and the data that an insert has after it."""
    if query is not None:
        is_insert = query.lstrip()[:6].upper() == "INSERT"
        return query, body if is_insert and FORMAT.search(query) else None
    head = re.match(rb"\s*INSERT INTO .*?\sFORMAT\s+\w+[ \t]*\r?\n", body, re.S | re.I)
    if head is not None:
        return head[0].decode().strip(), body[head.end() :]
    return body.decode(), None


def form_fields(kind: str, body: bytes) -> dict[str, str]:
    """The fields of a multipart form."""
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(
            decode=True
        ).decode()
        for part in form.iter_parts()
    }


def decoded(body: bytes, encoding: str) -> bytes:
    """A body without its compression."""
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    if encoding == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    if encoding == "lz4":
        import lz4.frame

        plain: bytes = lz4.frame.decompress(body)
        return plain
    return body


if __name__ == "__main__":
    Front.folder = sys.argv[2]
    kept_open = chdb.connect(Front.folder)
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Front)
    server.daemon_threads = True
    server.serve_forever()
