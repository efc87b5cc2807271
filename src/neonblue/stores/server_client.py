"""A client of a ClickHouse server: its address, and the settings that its statements carry.

``clickhouse://USER:PASSWORD@HOST:PORT/DATABASE?name=value`` (``clickhouses://`` over TLS): what the
driver knows as an option of the connection goes to the driver, anything else is a setting of
ClickHouse and is sent with every statement. A user who may not change settings sends none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

from neonblue.errors import InvalidInputError
from neonblue.models.reader import current_reader

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

UNKNOWN_DATABASE = 81
SCHEMES = ("clickhouse", "clickhouses", "http", "https")
OPTIONS = frozenset(
    {
        *("ca_cert", "client_cert", "client_cert_key", "server_host_name", "verify", "tls_mode"),
        *("compress", "connect_timeout", "send_receive_timeout", "query_retries"),
        *("http_proxy", "https_proxy", "proxy_path", "client_name"),
    }
)
NUMBERS = frozenset({"connect_timeout", "send_receive_timeout", "query_retries"})
CREDENTIALS = frozenset({"user", "username", "user_name", "password", "access_token", "database"})
# An acknowledged row is there for the next read, a deletion is over when it returns, and a
# statement ends when whoever waits for it has gone.
PINNED: Mapping[str, str] = {
    "async_insert": "0",
    "wait_for_async_insert": "1",
    "insert_deduplicate": "1",
    "mutations_sync": "2",
    "lightweight_deletes_sync": "2",
    "alter_sync": "2",
    "cancel_http_readonly_queries_on_client_close": "1",
}
# Reads see what any replica has acknowledged.
SEVERAL_REPLICAS: Mapping[str, str] = {
    "insert_quorum": "auto",
    "insert_quorum_parallel": "0",
    "select_sequential_consistency": "1",
}
READ_SECONDS = "300"
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
UNREADABLE = (
    "NEONBLUE_CLICKHOUSE_DSN cannot be read: write "
    "clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, user and password before the host and "
    "not behind a ?, with / : @ ? # % in them as %2F %3A %40 %3F %23 %25"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A DSN, taken apart: ``options`` are the driver's, ``settings`` ClickHouse's."""

    host: str
    port: int | None
    database: str
    username: str | None
    password: str = field(repr=False)
    secure: bool
    options: Mapping[str, Any]
    settings: Mapping[str, str]


def read_address(dsn: str) -> Address:
    """Take a DSN apart; ``InvalidInputError`` when it cannot be read, without a word of it."""
    try:
        parsed = urlsplit(dsn)
        port, host = parsed.port, parsed.hostname
    except ValueError:
        raise InvalidInputError(UNREADABLE) from None
    named = dict(parse_qsl(parsed.query, keep_blank_values=True))
    escaped = (parsed.username, parsed.password, parsed.path)
    broken = any(BROKEN_ESCAPE.search(part or "") for part in escaped)
    if not host or parsed.fragment or parsed.scheme not in SCHEMES or broken:
        raise InvalidInputError(UNREADABLE)
    if CREDENTIALS & named.keys():
        raise InvalidInputError(UNREADABLE)
    return Address(
        host=host,
        port=port,
        database=unquote(parsed.path.strip("/")) or "default",
        username=unquote(parsed.username) if parsed.username else None,
        password=unquote(parsed.password or ""),
        secure=parsed.scheme in ("clickhouses", "https"),
        options={name: _option(name, named[name]) for name in named if name in OPTIONS},
        settings={name: value for name, value in named.items() if name not in OPTIONS},
    )


def open_server(dsn: str, *, several_replicas: bool) -> Client:
    """A client of the server behind a DSN; the database is made when it is not there."""
    from clickhouse_connect.driver.exceptions import DatabaseError

    address = read_address(dsn)
    try:
        client = _client(address, address.database)
    except DatabaseError as error:
        if error.code != UNKNOWN_DATABASE:
            raise
        with _client(address, "default") as before:
            before.command(
                "CREATE DATABASE IF NOT EXISTS {name:Identifier}", {"name": address.database}
            )
        client = _client(address, address.database)
    wanted = {**PINNED, **(SEVERAL_REPLICAS if several_replicas else {}), **address.settings}
    for name, value in changeable(client, wanted).items():
        client.set_client_setting(name, value)
    return client


def changeable(client: Client, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Those settings that the server knows and this user may change."""
    known = client.server_settings
    return {
        name: value
        for name, value in (settings or {}).items()
        if name in known and not known[name].readonly
    }


def spoken_for(client: Client, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings of one statement: those given, and the name of the tool for the server's own logs.

    ``system.query_log`` has it in ``log_comment`` and in the query's id.
    """
    tool = current_reader().tool or "neonblue"
    named = changeable(client, {"log_comment": f"neonblue {tool}", **(settings or {})})
    return {"query_id": f"neonblue-{tool}-{uuid4().hex}", **named}


def read_limit(client: Client) -> dict[str, str]:
    """How long a read may take: as the DSN says, else as the profile says, else 300 s."""
    if client.get_client_setting("max_execution_time") is not None:
        return {}
    known = client.server_settings.get("max_execution_time")
    return {} if known is None or known.value != "0" else {"max_execution_time": READ_SECONDS}


def _option(name: str, value: str) -> Any:
    if name not in NUMBERS:
        return value
    try:
        return int(value)
    except ValueError:
        raise InvalidInputError(
            f"{name}={value!r} in NEONBLUE_CLICKHOUSE_DSN is not a whole number: write {name}=60"
        ) from None


def _client(address: Address, database: str) -> Client:
    """A client; an address that the driver cannot read is refused without a word of it."""
    import clickhouse_connect

    try:
        return clickhouse_connect.get_client(
            host=address.host,
            port=address.port or 0,
            username=address.username,
            password=address.password,
            database=database,
            interface="https" if address.secure else "http",
            autogenerate_session_id=False,
            **address.options,
        )
    except (TypeError, ValueError):
        raise InvalidInputError(UNREADABLE) from None
