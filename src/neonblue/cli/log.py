"""Logs of the command: structlog, on stderr only, because stdout belongs to the protocol."""

import logging
import os
import sys
from typing import Any

LEVEL_VARIABLE = "NEONBLUE_LOG_LEVEL"


class StderrHandler(logging.Handler):
    """Renders records through structlog, which is imported with the first record (0.1 s)."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; an error that we raised on purpose needs no traceback."""
        if _ours(record):
            record.exc_info = None
        if self.formatter is None:
            self.setFormatter(_structlog_formatter())
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # stderr is closed: there is nowhere left to say it
            return


def log_to_stderr(default_level: str = "WARNING") -> None:
    """Send logs to stderr at NEONBLUE_LOG_LEVEL. Call it before fastmcp is imported.

    DEBUG is for our own loggers: below INFO, libraries write the arguments of calls and the bodies
    of requests, and with them the ids of users.
    """
    os.environ.setdefault("FASTMCP_LOG_ENABLED", "false")
    level = os.environ.get(LEVEL_VARIABLE, default_level).upper()
    number = logging.getLevelNamesMapping().get(level, logging.WARNING)
    logging.root.handlers = [StderrHandler()]
    logging.root.setLevel(max(number, logging.INFO))
    logging.getLogger("neonblue").setLevel(number)
    if level == "WARNING":  # it warns of every call that it refused: the client knows
        logging.getLogger("fastmcp").setLevel(logging.ERROR)
    logging.captureWarnings(True)


def _ours(record: logging.LogRecord) -> bool:
    from neonblue.errors import NeonBlueError

    error = record.exc_info[1] if record.exc_info else None
    while error is not None and not isinstance(error, NeonBlueError):
        error = error.__cause__
    return error is not None


def _structlog_formatter() -> logging.Formatter:
    import structlog

    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    )
