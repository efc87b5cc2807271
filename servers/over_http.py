"""Serves MCP at ``/mcp``, and OFREP: never without a token, and checks Host and Origin.

Scopes: ``NEONBLUE_HTTP_TOKEN`` may read and write, ``NEONBLUE_HTTP_READ_TOKEN`` may read; a tool
that the token may not call is not listed either. An approver's token may read and approve, and no
other token may approve. Without either, the token kept in the data
directory may read and write, on loopback alone.
"""

from __future__ import annotations

import ipaddress
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from fastmcp.server.auth import restrict_tag
from fastmcp.server.middleware.authorization import AuthMiddleware

from neonblue.errors import InvalidInputError
from neonblue.servers.header_limit import header_limited
from neonblue.servers.http_token import (
    APPROVE,
    READ,
    WRITE,
    KnownTokens,
    configured_tokens,
    kept_token,
)
from neonblue.servers.json_rpc_http import JsonRpcBodies
from neonblue.servers.ofrep import Flags, Ofrep
from neonblue.settings import HttpSettings
from neonblue.tools.effect import APPROVES, WRITES

if TYPE_CHECKING:
    from fastmcp import FastMCP

logger = logging.getLogger(__name__)

BODIES: Any = [(JsonRpcBodies, (), {})]  # as starlette's Middleware, which is not ours to import

Tokens = dict[str, list[str]]


def known_tokens(host: str, http: HttpSettings, data_directory: Path) -> Tokens:
    """The tokens that clients may show, with their scopes.

    Raises ``InvalidInputError`` when other machines could reach ``host`` and nobody set a token.
    """
    return configured_tokens(http) or _own_token(host, data_directory)


def run_over_http(
    server: FastMCP,
    flags: Flags,
    host: str,
    port: int,
    tokens: Tokens,
    allowed_hosts: list[str],
    *,
    approvers: Path,
) -> None:
    """Serve until SIGTERM or Ctrl-C to whoever shows one of the tokens, or a token that the
    registry in the file ``approvers`` knows."""
    server.auth = KnownTokens(tokens, approvers)
    server.add_middleware(AuthMiddleware(auth=restrict_tag(WRITES, scopes=[WRITE])))
    server.add_middleware(AuthMiddleware(auth=restrict_tag(APPROVES, scopes=[APPROVE])))
    anyio.run(partial(_run, server, flags, host, port, allowed_hosts))


def _own_token(host: str, data_directory: Path) -> Tokens:
    """Nobody set a token: on loopback one is made and kept, elsewhere the server does not start."""
    if not is_loopback(host):
        raise InvalidInputError(
            f"serving on {host!r} lets other machines in, so it needs a token: set "
            "NEONBLUE_HTTP_TOKEN to a long random text, or serve on 127.0.0.1"
        )
    token, path = kept_token(data_directory)
    logger.warning("clients have to send the bearer token that is in %s", path)
    return {token: [READ, WRITE]}


async def _run(
    server: FastMCP, flags: Flags, host: str, port: int, allowed_hosts: list[str]
) -> None:
    middleware: Any = [(Ofrep, (flags,), {}), *BODIES]
    await server.run_http_async(
        show_banner=False,
        host=host,
        port=port,
        host_origin_protection=True if is_loopback(host) or allowed_hosts else "auto",
        allowed_hosts=[host, *allowed_hosts] if is_loopback(host) or allowed_hosts else None,
        middleware=middleware,
        uvicorn_config={"log_config": None, "access_log": False, "http": header_limited()},
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name: it may resolve to anything
        return False
