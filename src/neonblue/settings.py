"""What can be configured, in small groups with one environment prefix each.

Read by entry points (servers, ingest, cli) through ``workspace``; everything below receives values.
"""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote, urlparse

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from neonblue.errors import InvalidInputError


def default_data_dir() -> Path:
    """The platform's folder for application data."""
    from platformdirs import user_data_path

    return user_data_path("neonblue", appauthor=False)


class Settings(BaseSettings):
    """A group of settings; an empty variable counts as one that is not set.

    Raises ``InvalidInputError`` that names the variable when one cannot be used.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            prefix = str(self.model_config.get("env_prefix", ""))
            faults = "; ".join(_fault(prefix, detail) for detail in error.errors())
            raise InvalidInputError(f"{faults}. Correct it, or unset it") from error


def _fault(prefix: str, detail: Any) -> str:
    field, message = str(detail["loc"][0]), str(detail["msg"]).removeprefix("Value error, ")
    name = field if field.isupper() else f"{prefix}{field.upper()}"
    return f"{name}={detail['input']!r} cannot be used: {message[:1].lower()}{message[1:]}"


class StoreSettings(Settings):
    """Where data lives and how it may be used: ``NEONBLUE_DATA_DIR`` and so on."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_")

    data_dir: Path = Field(default_factory=default_data_dir)
    clickhouse_dsn: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "NEONBLUE_CLICKHOUSE_DSN", "CLICKHOUSE_DSN", "clickhouse_dsn"
        ),
    )
    clickhouse_cluster: Literal["none", "replicated", "cloud"] = "none"
    metrics_file: Path | None = None
    read_only: bool = False
    max_memory_fraction: float = Field(default=0.5, gt=0, le=0.9)

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, data_dir: Path) -> Path:
        """One place for all that use it: no shell has expanded ``~`` for a client."""
        if "?" in str(data_dir):
            raise ValueError("the engine ends a path at '?', so two folders could become one")
        return data_dir.expanduser().absolute()

    @property
    def metrics_path(self) -> Path:
        """The catalogue of metrics: ``NEONBLUE_METRICS_FILE``, or metrics.toml with the data."""
        return self.metrics_file or self.data_dir / "metrics.toml"

    @property
    def dsn(self) -> str:
        """The ClickHouse DSN: the configured server, or chDB in the data directory."""
        if self.clickhouse_dsn is not None:
            return self.clickhouse_dsn.get_secret_value()
        return f"chdb://{quote(str(self.data_dir / 'clickhouse'))}"

    @property
    def embedded(self) -> bool:
        """Whether this process (or the owner it talks to) runs the engine itself."""
        return self.dsn.startswith("chdb:")

    @property
    def owned_directory(self) -> Path:
        """The folder around the embedded engine's data, which one process owns at a time."""
        return Path(unquote(urlparse(self.dsn).path)).parent

    @property
    def authority_directory(self) -> Path:
        """The folder beside the data for what must not be in it; ``AuthoritySettings`` wins."""
        data = self.owned_directory if self.embedded else self.data_dir
        return data.with_name(f"{data.name}-authority")


class AuthoritySettings(Settings):
    """Who may do what: ``NEONBLUE_POLICY`` is the policy file, beside which the registry of
    approvers (unless ``NEONBLUE_APPROVERS``), the kill switch and the end of the audit log are."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_")

    policy: Path | None = None
    approvers: Path | None = None

    @field_validator("policy", "approvers")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()


class AlertSettings(Settings):
    """Where people hear of what the loop did and what waits for them: ``NEONBLUE_ALERT_WEBHOOK``
    and ``NEONBLUE_ALERT_FILE``."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_ALERT_")

    webhook: SecretStr | None = None
    file: Path | None = None


class ChromaSettings(Settings):
    """The Chroma server, if there is one: ``CHROMADB_HOST``, ``CHROMADB_PORT`` and so on.

    ``token`` goes to a server behind a bearer's check, ``api_key`` with ``tenant`` and
    ``database`` to Chroma Cloud.
    """

    model_config = SettingsConfigDict(env_prefix="CHROMADB_")

    host: str | None = None
    port: int = 8000
    ssl: bool = False
    token: SecretStr | None = None
    api_key: SecretStr | None = None
    tenant: str | None = None
    database: str | None = None


class KafkaSettings(Settings):
    """The event stream: ``KAFKA_BOOTSTRAP_SERVERS``, ``KAFKA_EVENTS_TOPIC`` and so on.

    ``KAFKA_SECURITY_PROTOCOL`` decides which of the ``ssl_`` and ``sasl_`` settings count.
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_")

    bootstrap_servers: str | None = None
    events_topic: str = "experiments_events"
    enriched_topic: str | None = None
    dead_topic: str = "experiments_events_dead"
    changes_topic: str = "experiment_changes"
    audit_topic: str | None = None
    definition_topics: str = ""
    group_id: str = "neonblue-ingest"
    session_timeout_ms: int = Field(default=6000, ge=500)
    batch_records: int = Field(default=10_000, ge=1, le=100_000)
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_password: SecretStr | None = None
    ssl_check_hostname: bool = True
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] = (
        "PLAIN"
    )
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_oauth_token_file: Path | None = None
    sasl_kerberos_service_name: str = "kafka"
    sasl_kerberos_domain_name: str | None = None


class LanguageModelSettings(Settings):
    """The language model that phrases answers and reads questions; without a key, rules do.

    ``NEONBLUE_LLM_MODEL`` is used for all unless ``NEONBLUE_LLM_CHEAP_MODEL`` names another for
    what is easy; ``NEONBLUE_LLM_PRICE`` is US dollars a million tokens, read and generated (2/10).
    """

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_LLM_")

    provider: Literal["anthropic", "openai", "none"] | None = None
    model: str | None = None
    cheap_model: str | None = None
    base_url: str | None = None
    timeout_seconds: float = Field(default=20.0, gt=0, le=600)
    daily_budget_usd: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    price: str | None = None
    anthropic_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("ANTHROPIC_API_KEY", "anthropic_api_key")
    )
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )


class EmbeddingSettings(Settings):
    """Which model turns text into vectors: ``NEONBLUE_EMBEDDING_PROVIDER`` and so on."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_EMBEDDING_")

    provider: Literal["minilm", "openai"] = "minilm"
    model_path: Path | None = None
    openai_model: str = "text-embedding-3-small"
    openai_base_url: str | None = None


class ForecastSettings(Settings):
    """Forecasting: ``NEONBLUE_FORECAST_RETRAIN_AFTER`` newly finished experiments with texts, the
    text model is trained again; 0 for never."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_FORECAST_")

    retrain_after: int = Field(default=10, ge=0)


class BehaviorSettings(Settings):
    """User behaviour: ``NEONBLUE_CONVERSION_EVENTS`` names the event types that are conversions."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_")

    conversion_events: str = ""

    @property
    def conversions(self) -> list[str]:
        """The event types that were named; none where nobody said."""
        return [name.strip() for name in self.conversion_events.split(",") if name.strip()]


class HttpSettings(Settings):
    """Who may talk to ``serve --http``: ``NEONBLUE_HTTP_TOKEN``, ``NEONBLUE_HTTP_READ_TOKEN``."""

    model_config = SettingsConfigDict(env_prefix="NEONBLUE_HTTP_")

    token: SecretStr | None = None
    read_token: SecretStr | None = None
    allowed_hosts: str = ""

    @property
    def hosts(self) -> list[str]:
        """Names, beside the one it listens on, under which clients may reach the server."""
        return [host.strip() for host in self.allowed_hosts.split(",") if host.strip()]
