"""``neonblue serve``: the hub or one server, on stdio or over HTTP."""

import argparse

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


def run(arguments: argparse.Namespace) -> int:
    """Serve until the client leaves."""
    from neonblue.cli.log import log_to_stderr

    log_to_stderr()
    from neonblue.servers.embedded import serve_stdio

    serve_stdio(arguments.server)
    return 0
