"""``neonblue serve``: the hub or one server, on stdio or over HTTP."""

import argparse
import json
import sys

from neonblue.errors import InvalidInputError

SERVERS = (
    "neonblue",
    "experiment_intelligence",
    "user_behavior_intelligence",
    "optimization_engine",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "server", nargs="?", default="neonblue", choices=SERVERS, help="default: all as one hub"
    )
    parser.add_argument(
        "--http",
        metavar="HOST:PORT",
        help="serve streamable HTTP at http://HOST:PORT/mcp instead of stdio, for clients that "
        "send the token NEONBLUE_HTTP_TOKEN or, where none is set, the one that is kept in the "
        "data directory (on loopback only)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until the client leaves, or over HTTP until SIGTERM."""
    from neonblue.cli.log import log_to_stderr

    log_to_stderr()
    if arguments.http is None:
        from neonblue.owner.embedded import serve_stdio

        serve_stdio(arguments.server)
        return 0
    host, port = split_address(arguments.http)
    print("\n".join(connection_lines(host, port)), file=sys.stderr)
    from neonblue.owner.http_server import serve_http

    serve_http(arguments.server, host, port)
    return 0


def connection_lines(host: str, port: int) -> list[str]:
    """Where the server will be, and what to paste into a client; the token itself is not shown."""
    address = f"[{host}]" if ":" in host else host
    server = {
        "type": "http",
        "url": f"http://{address}:{port}/mcp",
        "headers": {"Authorization": "Bearer ${NEONBLUE_HTTP_TOKEN}"},
    }
    return [
        f"neonblue: serving at {server['url']}; Ctrl-C ends it. For a client (.mcp.json):",
        json.dumps({"mcpServers": {"neonblue": server}}, indent=2),
    ]


def split_address(address: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[IPv6]:PORT`` as a pair."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidInputError(f"--http takes HOST:PORT, e.g. 127.0.0.1:8765; got {address!r}")
    return host.strip("[]"), int(port)
