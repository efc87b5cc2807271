"""The composition root: settings in, opened parts out, each opened when first needed.

Tools take it as ``workspace: Workspace = Shared(open_workspace)``. However many servers and jobs a
process runs, they share one workspace for one place of data, because the engine can be opened only
once there; the last one to leave closes it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from neonblue.models.reader import Reader, current_reader, reading
from neonblue.settings import AlertSettings, AuthoritySettings, StoreSettings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from neonblue.behavior.conversion_events import EventKinds
    from neonblue.behavior.model_files import ModelFiles
    from neonblue.behavior.policies import Policies
    from neonblue.ingest.stream.audit_feed import AuditFeed
    from neonblue.ingest.stream.change_feed import ChangeFeed
    from neonblue.intelligence.chart_cache import ChartCache
    from neonblue.intelligence.recollection.learning import Learner
    from neonblue.intelligence.text_model.current import CurrentTextModel
    from neonblue.intelligence.text_model.retraining import Retrainer
    from neonblue.llm.language_model import LanguageModel, ModelCall
    from neonblue.memory.embedding import Embedder
    from neonblue.memory.library import Memory
    from neonblue.optimization.alerts import AlertFeed
    from neonblue.optimization.assigner import Assigner
    from neonblue.optimization.authority import Authority
    from neonblue.optimization.authority_files import AuthorityFiles
    from neonblue.optimization.codes import Codes
    from neonblue.optimization.exposure_log import ExposureLog
    from neonblue.query.answering import Answerer
    from neonblue.query.metric_layer import LayerMetric
    from neonblue.query.raw_sql import RawSql
    from neonblue.query.telling import HiddenSigns
    from neonblue.stores import Store
    from neonblue.stores.anchor_file import AnchorFolder

Value = TypeVar("Value")


class part(Generic[Value]):  # noqa: N801 - a descriptor, read like cached_property
    """A part that is opened when first read, by one thread, and closed with the workspace."""

    def __init__(self, open_it: Callable[[Any], Value]) -> None:
        self._open = open_it
        self.__doc__ = open_it.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, workspace: None, owner: type) -> part[Value]: ...
    @overload
    def __get__(self, workspace: Workspace, owner: type) -> Value: ...
    def __get__(self, workspace: Workspace | None, owner: type) -> part[Value] | Value:
        if workspace is None:
            return self
        with workspace.guard:
            if self._name not in workspace.opened:
                with reading(Reader()):  # opening is the process's own affair, not the caller's
                    workspace.opened[self._name] = self._open(workspace)
            value: Value = workspace.opened[self._name]
            return value


class Workspace:
    """Everything a service may need, opened lazily and closed once."""

    def __init__(self, settings: StoreSettings | None = None) -> None:
        self.settings = settings or StoreSettings()
        self.guard = threading.RLock()
        self.opened: dict[str, Any] = {}

    @part
    def store(self) -> Store:
        """ClickHouse, migrated to the newest schema."""
        from neonblue.stores import open_store

        settings = self.settings
        return open_store(
            settings.dsn,
            max_memory_fraction=settings.max_memory_fraction,
            cluster=settings.clickhouse_cluster,
            anchors=anchor_folders(settings),
        )

    @part
    def authority(self) -> Authority:
        """Decides what may be done: kill switch, policy, approvals, and the log of it all."""
        from neonblue.optimization.authority import Authority

        _ = self.audit_copies, self.webhook_alerts, self.file_alerts  # reading them starts them
        history = self.store.experiment_history
        return Authority(
            self.store, authority_files(self.settings), state_version=history.state_version
        )

    @part
    def codes(self) -> Codes:
        """Approving with one-time codes."""
        from neonblue.optimization.codes import Codes

        return Codes(self.store, self.authority)

    @part
    def embedder(self) -> Embedder:
        """The embedding model that is configured; its files are read at the first text."""
        from neonblue.memory.embedding import open_embedder
        from neonblue.settings import EmbeddingSettings, LanguageModelSettings

        settings, keys = EmbeddingSettings(), LanguageModelSettings()
        return open_embedder(
            settings.provider,
            model_path=settings.model_path,
            openai_model=settings.openai_model,
            openai_api_key=revealed(keys.openai_api_key),
            openai_base_url=settings.openai_base_url,
            timeout_seconds=keys.timeout_seconds,
        )

    @part
    def memory(self) -> Memory:
        """Past experiments, journeys and patterns; its index is checked in the background."""
        from neonblue.memory.library import Memory
        from neonblue.memory.vector_index import ChromaServer
        from neonblue.settings import ChromaSettings

        chroma = ChromaSettings()
        place: Path | ChromaServer = self.settings.data_dir / "chroma"
        if chroma.host is not None:
            place = ChromaServer(
                host=chroma.host,
                port=chroma.port,
                ssl=chroma.ssl,
                token=revealed(chroma.token),
                api_key=revealed(chroma.api_key),
                tenant=chroma.tenant,
                database=chroma.database,
                deployment=self.store.claims.deployment(),
            )
        return Memory(self.store.documents, self.embedder, place).start()

    @part
    def charts(self) -> ChartCache:
        """Charts that were drawn lately."""
        from neonblue.intelligence.chart_cache import ChartCache

        return ChartCache()

    @part
    def learner(self) -> Learner:
        """Lets finished experiments enter the memory and resolve forecasts."""
        from neonblue.intelligence.recollection.learning import Learner

        learner = Learner(self.store, self.memory)
        if self.settings.read_only:
            return learner
        self.retrainer  # noqa: B018 - opened, it looks by itself
        return learner.start()

    @part
    def retrainer(self) -> Retrainer:
        """Trains the text model again, in a process of its own, as experiments finish."""
        from neonblue.intelligence.text_model.retraining import Retrainer, RetrainingPlan
        from neonblue.settings import ForecastSettings

        one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        place = {"NEONBLUE_DATA_DIR": str(self.settings.data_dir.absolute())}
        plan = RetrainingPlan(
            after=ForecastSettings().retrain_after,
            command=(sys.executable, "-m", "neonblue.jobs.retrain"),
            environment={**os.environ, **one_core, **place},
        )
        retrainer = Retrainer(self.store, self.text_models, plan)
        return retrainer if self.settings.read_only else retrainer.start()

    @part
    def language_model(self) -> LanguageModel | None:
        """The language model that phrases answers and reads questions, or None: rules do."""
        from neonblue.llm.budget import Budget
        from neonblue.llm.language_model import open_language_model
        from neonblue.settings import LanguageModelSettings

        settings = LanguageModelSettings()
        return open_language_model(
            provider=settings.provider,
            model=settings.model,
            cheap_model=settings.cheap_model,
            base_url=settings.base_url,
            timeout_seconds=settings.timeout_seconds,
            price=settings.price,
            budget=Budget(
                settings.daily_budget_usd, lambda since: self.store.model_calls.spent_since(since)
            ),
            record=self._record_model_call,
            anthropic_api_key=revealed(settings.anthropic_api_key),
            openai_api_key=revealed(settings.openai_api_key),
        )

    def _record_model_call(self, call: ModelCall) -> bool:
        """Keep what a call cost; not where nothing may be written."""
        from dataclasses import asdict

        from neonblue.stores.model_calls import ModelCallRow

        reader = current_reader()
        if self.settings.read_only or not reader.records:
            return False
        self.store.model_calls.add(ModelCallRow(tool=reader.tool, **asdict(call)))
        return True

    @part
    def model_files(self) -> ModelFiles:
        """The behaviour models trained on this data, as versioned files."""
        from neonblue.behavior.model_files import ModelFiles

        return ModelFiles(self.settings.data_dir / "models")

    def event_kinds(self) -> EventKinds:
        """What event types are taken for, by the setting and the experiments there are now."""
        from neonblue.behavior.conversion_events import known_kinds
        from neonblue.settings import BehaviorSettings

        experiments = self.store.experiments.defined().values()
        return known_kinds(experiments, BehaviorSettings().conversions)

    @property
    def text_models(self) -> Path:
        """The folder of the trained text models."""
        return self.settings.data_dir / "models" / "text"

    @part
    def text_model(self) -> CurrentTextModel:
        """The text model in use, kept in memory until another one is trained."""
        from neonblue.intelligence.text_model.current import CurrentTextModel

        return CurrentTextModel(self.text_models)

    @part
    def changes(self) -> ChangeFeed:
        """Changes of experiments on their way to Kafka, where it is configured."""
        from neonblue.ingest.stream.change_feed import ChangeFeed
        from neonblue.settings import KafkaSettings

        feed = ChangeFeed(self.store, KafkaSettings())
        return feed if self.settings.read_only else feed.start()

    @part
    def audit_copies(self) -> AuditFeed:
        """Entries of the audit log on their way to Kafka, where a topic is configured for them."""
        from neonblue.ingest.stream.audit_feed import AuditFeed
        from neonblue.settings import KafkaSettings

        feed = AuditFeed(self.store, KafkaSettings())
        return feed if self.settings.read_only else feed.start()

    @part
    def webhook_alerts(self) -> AlertFeed:
        """Alerts on their way to a webhook, where one is set."""
        from neonblue.optimization.alerts import AlertFeed, to_webhook

        url = revealed(AlertSettings().webhook)
        feed = AlertFeed(self.store, "webhook", None if url is None else to_webhook(url))
        return feed if self.settings.read_only else feed.start()

    @part
    def file_alerts(self) -> AlertFeed:
        """Alerts on their way to a file, where one is set."""
        from neonblue.optimization.alerts import AlertFeed, to_file

        path = AlertSettings().file
        feed = AlertFeed(self.store, "file", None if path is None else to_file(path))
        return feed if self.settings.read_only else feed.start()

    @part
    def policies(self) -> Policies:
        """Personalisation policies of experiments, learnt when first asked for."""
        from neonblue.behavior.policies import Policies

        return Policies(self.store.unit_rows)

    @property
    def metric_catalogue(self) -> tuple[LayerMetric, ...]:
        """The metrics of the catalogue file; none where there is no file."""
        from neonblue.query.metric_layer import read_catalogue

        try:
            text = self.settings.metrics_path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        return read_catalogue(text)

    @part
    def hidden_signs(self) -> HiddenSigns:
        """What tells the variants of experiments that run, for questions and for raw SQL."""
        from neonblue.query.telling import HiddenSigns

        return HiddenSigns()

    @part
    def answerer(self) -> Answerer:
        """Answers questions in words; the memory is opened when one needs it."""
        from neonblue.query.answering import Answerer

        return Answerer(self.store, lambda: self.memory, self.event_kinds, self.hidden_signs)

    @part
    def raw_sql(self) -> RawSql:
        """Checked SQL from outside, and what it may not see while experiments run."""
        from neonblue.query.raw_sql import RawSql

        return RawSql(self.store, self.hidden_signs)

    @part
    def assigner(self) -> Assigner:
        """Says which variant a unit gets."""
        from neonblue.optimization.assigner import Assigner

        return Assigner(self.store)

    @part
    def exposure_log(self) -> ExposureLog:
        """Takes exposures that assignment records, for Kafka where it is configured."""
        from neonblue.ingest.stream.own_events import SOURCE, ToKafka, ToPipeline
        from neonblue.ingest.stream.service import open_pipeline
        from neonblue.optimization.exposure_log import ExposureLog
        from neonblue.settings import KafkaSettings

        kafka = KafkaSettings()
        if kafka.bootstrap_servers:
            return ExposureLog(self.store.exposures, ToKafka(kafka))
        pipeline = open_pipeline(
            self.store, source=SOURCE, models=self.model_files, kinds=self.event_kinds
        )
        origin = f"{os.getpid()}-{time.time_ns()}"
        return ExposureLog(self.store.exposures, ToPipeline(pipeline, origin))

    def close(self) -> None:
        """Close what was opened and can be closed, the last one first."""
        with self.guard:
            while self.opened:
                _, value = self.opened.popitem()
                if callable(close := getattr(value, "close", None)):
                    close()


def authority_files(settings: StoreSettings) -> AuthorityFiles:
    """Policy, registry and kill switch: beside the data, or where NEONBLUE_POLICY says."""
    from dataclasses import replace

    from neonblue.optimization.authority_files import AuthorityFiles

    chosen = AuthoritySettings()
    if chosen.policy is None:
        files = AuthorityFiles.in_folder(settings.authority_directory)
    else:
        files = AuthorityFiles.in_folder(chosen.policy.parent)
        files = replace(files, policy=chosen.policy, policy_named=True)
    return files if chosen.approvers is None else replace(files, approvers=chosen.approvers)


def anchor_folders(settings: StoreSettings) -> tuple[AnchorFolder, AnchorFolder]:
    """Where the ends of logs are kept: beside the policy, and in the data directory."""
    from neonblue.stores.anchor_file import AnchorFolder

    policy = AuthoritySettings().policy
    outside = settings.authority_directory if policy is None else policy.parent
    data = settings.owned_directory if settings.embedded else settings.data_dir
    return AnchorFolder(path=outside, shared=policy is not None), AnchorFolder(path=data)


def revealed(secret: SecretStr | None) -> str | None:
    """The plain text of a secret, for the client that needs it."""
    return None if secret is None else secret.get_secret_value()


_guard = threading.Lock()
_shared: dict[str, tuple[Workspace, int]] = {}


@contextmanager
def open_workspace() -> Iterator[Workspace]:
    """The process's workspace for the environment's settings; the last user closes it."""
    settings = StoreSettings()
    with _guard:
        workspace, users = _shared.get(settings.dsn) or (Workspace(settings), 0)
        _shared[settings.dsn] = (workspace, users + 1)
    try:
        yield workspace
    finally:
        _leave(settings.dsn)


def _leave(dsn: str) -> None:
    with _guard:
        workspace, users = _shared.pop(dsn)
        if users > 1:
            _shared[dsn] = (workspace, users - 1)
            return
        workspace.close()
