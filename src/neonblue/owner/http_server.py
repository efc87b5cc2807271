"""Serves over HTTP: as the owner of the data directory, or passing every call on to the owner."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from neonblue.owner import grant_approval
from neonblue.owner.data_directory import DataDirectory
from neonblue.owner.embedded import run_job
from neonblue.owner.handshake import Request
from neonblue.owner.preload import build_imported
from neonblue.owner.shutdown import unwinding_on_sigterm
from neonblue.servers.build import Surface, build_server
from neonblue.servers.ofrep import Flags, OwnersFlags, OwnFlags
from neonblue.servers.over_http import known_tokens, run_over_http
from neonblue.settings import HttpSettings, StoreSettings
from neonblue.workspace import authority_files, open_workspace

if TYPE_CHECKING:
    from fastmcp import FastMCP

APPROVING = Surface(name="approvals", instructions="", modules=(grant_approval,))


def serve_http(name: str, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then close what is open; through the owner if there is one.

    Raises ``InvalidInputError`` when other machines could reach ``host`` and nobody set a token.
    """
    settings, http = StoreSettings(), HttpSettings()
    tokens = known_tokens(host, http, settings.data_dir)
    with unwinding_on_sigterm(status=0), ExitStack() as stack:
        server, flags = _served(name, settings, stack)
        server.mount(build_server(APPROVING))
        approvers = authority_files(settings).approvers
        run_over_http(server, flags, host, port, tokens, http.hosts, approvers=approvers)


def _served(name: str, settings: StoreSettings, stack: ExitStack) -> tuple[FastMCP, Flags]:
    if not settings.embedded:
        return build_imported(name, settings.read_only), _own_flags(settings, stack)
    directory = DataDirectory(settings.owned_directory, serving=True)
    stack.callback(directory.close)
    if directory.own():
        return build_imported(name, settings.read_only), _own_flags(settings, stack)
    from fastmcp.server import create_proxy

    from neonblue.owner.client_transport import OwnerTransport

    request = Request(kind="session", name=name, read_only=settings.read_only)
    server = create_proxy(OwnerTransport(directory, request), name=name)
    return server, OwnersFlags(run_job, records=not settings.read_only)


def _own_flags(settings: StoreSettings, stack: ExitStack) -> OwnFlags:
    return OwnFlags(stack.enter_context(open_workspace()), records=not settings.read_only)
