"""How Kafka clients prove who they are and whom they trust: TLS and SASL as aiokafka has them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neonblue.errors import InvalidInputError

if TYPE_CHECKING:
    import ssl

    from aiokafka.abc import AbstractTokenProvider

    from neonblue.settings import KafkaSettings

WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def security_options(settings: KafkaSettings) -> dict[str, Any]:
    """Arguments for every client of aiokafka; raises ``InvalidInputError`` when a part is missing
    or a file cannot be read."""
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _tls(settings)
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options |= _credentials(settings)
    return options


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    """Servers are checked against the CA file or the system's; we show a certificate if we have
    one."""
    import ssl

    from aiokafka.helpers import create_ssl_context

    password = settings.ssl_password
    try:
        context: ssl.SSLContext = create_ssl_context(
            cafile=_given(settings.ssl_cafile),
            certfile=_given(settings.ssl_certfile),
            keyfile=_given(settings.ssl_keyfile),
            password=None if password is None else password.get_secret_value(),
        )
    except (OSError, ssl.SSLError) as error:
        raise InvalidInputError(
            f"a TLS file for Kafka cannot be used ({error}): correct KAFKA_SSL_CAFILE, "
            "KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE or KAFKA_SSL_PASSWORD"
        ) from error
    if not settings.ssl_check_hostname:
        context.check_hostname = False
    return context


def _given(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser())


def _credentials(settings: KafkaSettings) -> dict[str, Any]:
    mechanism = settings.sasl_mechanism
    if mechanism in WITH_PASSWORD:
        if settings.sasl_username is None or settings.sasl_password is None:
            raise InvalidInputError(
                f"KAFKA_SASL_MECHANISM={mechanism!r} needs KAFKA_SASL_USERNAME and "
                "KAFKA_SASL_PASSWORD: set both"
            )
        return {
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value(),
        }
    if mechanism == "OAUTHBEARER":
        return {"sasl_oauth_token_provider": _token_provider(settings.sasl_oauth_token_file)}
    return {
        "sasl_kerberos_service_name": settings.sasl_kerberos_service_name,
        "sasl_kerberos_domain_name": settings.sasl_kerberos_domain_name,
    }


def _token_provider(path: Path | None) -> AbstractTokenProvider:
    """The token is read anew for each connection: whoever renews it writes it into the file."""
    from aiokafka.abc import AbstractTokenProvider

    if path is None or not path.expanduser().is_file():
        raise InvalidInputError(
            "KAFKA_SASL_MECHANISM='OAUTHBEARER' needs KAFKA_SASL_OAUTH_TOKEN_FILE, a file with the "
            "token, which is read anew for each connection"
        )
    file = path.expanduser()

    class TokenFile(AbstractTokenProvider):  # type: ignore[misc]
        async def token(self) -> str:
            return (await asyncio.to_thread(file.read_text)).strip()

    return TokenFile()
