"""ClickHouse: the only source of truth and the only SQL."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from neonblue.stores.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neonblue.stores.aggregates import Aggregates
    from neonblue.stores.anchor_file import AnchorFile, AnchorFolder
    from neonblue.stores.approvals import Approvals
    from neonblue.stores.audit_entries import AuditEntries
    from neonblue.stores.catalog import Catalog
    from neonblue.stores.claims import Claims
    from neonblue.stores.dead_letters import DeadLetters
    from neonblue.stores.definition_rows import DefinitionRows
    from neonblue.stores.documents import Documents
    from neonblue.stores.enrichments import Enrichments
    from neonblue.stores.events import Events
    from neonblue.stores.experiment_history import ExperimentHistory
    from neonblue.stores.experiments import Experiments
    from neonblue.stores.exposure_properties import ExposureProperties
    from neonblue.stores.exposures import Exposures
    from neonblue.stores.forecasts import Forecasts
    from neonblue.stores.forgetting import Forgetting
    from neonblue.stores.forgotten import Forgotten
    from neonblue.stores.funnels import Funnels
    from neonblue.stores.halts import Halts
    from neonblue.stores.health import Health
    from neonblue.stores.ingest_workers import IngestWorkers
    from neonblue.stores.journey_facts import Journeys
    from neonblue.stores.journey_marks import JourneyMarks
    from neonblue.stores.layout import Cluster
    from neonblue.stores.loads import Loads
    from neonblue.stores.looks import Looks
    from neonblue.stores.loop_records import LoopRecords
    from neonblue.stores.lost_events import LostEvents
    from neonblue.stores.model_calls import ModelCalls
    from neonblue.stores.moments import Moments
    from neonblue.stores.named_users import NamedUsers
    from neonblue.stores.outcomes import Outcomes
    from neonblue.stores.published_changes import PublishedChanges
    from neonblue.stores.quantiles import Quantiles
    from neonblue.stores.read_only import ReadOnlySql
    from neonblue.stores.sessions import Sessions
    from neonblue.stores.text_vectors import TextVectors
    from neonblue.stores.traffic import Traffic
    from neonblue.stores.traffic_batches import TrafficBatches
    from neonblue.stores.tuning_records import TuningRecords
    from neonblue.stores.unit_rows import UnitRows
    from neonblue.stores.unit_sketches import UnitSketches
    from neonblue.stores.unit_starts import UnitStarts
    from neonblue.stores.variant_signs import VariantSigns
    from neonblue.stores.verdicts import Verdicts
    from neonblue.stores.verified_questions import VerifiedQuestions


class Store:
    """What is kept in ClickHouse, one attribute a topic, each made when first used."""

    def __init__(
        self,
        database: Database,
        *,
        anchors: Sequence[AnchorFolder] = (),
    ) -> None:
        self.database = database
        self._anchors = tuple(anchors)

    @cached_property
    def events(self) -> Events:
        """Exposures and what units did."""
        from neonblue.stores.events import Events

        return Events(self.database)

    @cached_property
    def exposure_properties(self) -> ExposureProperties:
        """What exposures carry, and how units split by it."""
        from neonblue.stores.exposure_properties import ExposureProperties

        return ExposureProperties(self.database)

    @cached_property
    def exposures(self) -> Exposures:
        """The variants that units were exposed to first."""
        from neonblue.stores.exposures import Exposures

        return Exposures(self.database)

    @cached_property
    def experiments(self) -> Experiments:
        """Definitions with versions, statuses with history."""
        from neonblue.stores.experiments import Experiments

        return Experiments(self.database)

    @cached_property
    def experiment_history(self) -> ExperimentHistory:
        """Every step of every experiment, appended once."""
        from neonblue.stores.experiment_history import ExperimentHistory

        return ExperimentHistory(self.database)

    @cached_property
    def published_changes(self) -> PublishedChanges:
        """How far the history of experiments has been published."""
        from neonblue.stores.published_changes import PublishedChanges

        return PublishedChanges(self.database)

    @cached_property
    def loop(self) -> LoopRecords:
        """Goals of the loop, its proposals and its steps."""
        from neonblue.stores.loop_records import LoopRecords

        return LoopRecords(self.database)

    @cached_property
    def verdicts(self) -> Verdicts:
        """What recorded looks concluded."""
        from neonblue.stores.verdicts import Verdicts

        return Verdicts(self.database)

    @cached_property
    def model_calls(self) -> ModelCalls:
        """What language models were asked and what it cost."""
        from neonblue.stores.model_calls import ModelCalls

        return ModelCalls(self.database)

    @cached_property
    def traffic_batches(self) -> TrafficBatches:
        """The chances of each batch under adaptive allocation, and what was proposed next."""
        from neonblue.stores.traffic_batches import TrafficBatches

        return TrafficBatches(self.database)

    @cached_property
    def tuning(self) -> TuningRecords:
        """Studies that tune parameters: what was declared, asked and told."""
        from neonblue.stores.tuning_records import TuningRecords

        return TuningRecords(self.database)

    @cached_property
    def aggregates(self) -> Aggregates:
        """Uploaded summaries of experiments whose events live elsewhere."""
        from neonblue.stores.aggregates import Aggregates

        return Aggregates(self.database)

    @cached_property
    def moments(self) -> Moments:
        """Sufficient statistics for the analysis, computed from events."""
        from neonblue.stores.moments import Moments

        return Moments(self.database)

    @cached_property
    def quantiles(self) -> Quantiles:
        """Quantile metrics with their order-statistic intervals."""
        from neonblue.stores.quantiles import Quantiles

        return Quantiles(self.database)

    @cached_property
    def health(self) -> Health:
        """Counts that tell whether an experiment can be trusted."""
        from neonblue.stores.health import Health

        return Health(self.database)

    @cached_property
    def lost_events(self) -> LostEvents:
        """What an experiment's exposures do not cover."""
        from neonblue.stores.lost_events import LostEvents

        return LostEvents(self.database)

    @cached_property
    def loads(self) -> Loads:
        """Bulk loads: staged, then committed as a whole."""
        from neonblue.stores.loads import Loads

        return Loads(self.database)

    @cached_property
    def documents(self) -> Documents:
        """What the memory holds: texts, metadata and vectors."""
        from neonblue.stores.documents import Documents

        return Documents(self.database)

    @cached_property
    def forecasts(self) -> Forecasts:
        """Forecasts and how they turned out, append-only."""
        from neonblue.stores.forecasts import Forecasts

        return Forecasts(self.database, self._anchor_file("forecast-log"))

    @cached_property
    def audit(self) -> AuditEntries:
        """Every act, approval and refusal, append-only."""
        from neonblue.stores.audit_entries import AuditEntries

        return AuditEntries(self.database, self._anchor_file("audit-log"))

    def _anchor_file(self, log: str) -> AnchorFile:
        from neonblue.stores.anchor_file import AnchorFile, anchor_paths

        embedded = self.database.embedded
        paths = anchor_paths(self._anchors, log, data=self.database.name, embedded=embedded)
        return AnchorFile(*paths, sole=embedded)

    @cached_property
    def verified_questions(self) -> VerifiedQuestions:
        """Questions with plans that somebody checked."""
        from neonblue.stores.verified_questions import VerifiedQuestions

        return VerifiedQuestions(self.database)

    @cached_property
    def approvals(self) -> Approvals:
        """Acts that wait for a person, and what became of them."""
        from neonblue.stores.approvals import Approvals

        return Approvals(self.database)

    @cached_property
    def claims(self) -> Claims:
        """Things that one taker alone may have."""
        from neonblue.stores.claims import Claims

        return Claims(self.database)

    @cached_property
    def halts(self) -> Halts:
        """The kill switch: thrown and lifted."""
        from neonblue.stores.halts import Halts

        return Halts(self.database)

    @cached_property
    def looks(self) -> Looks:
        """The ledger of looks: whenever outcomes by variant were shown."""
        from neonblue.stores.looks import Looks

        return Looks(self.database)

    @cached_property
    def outcomes(self) -> Outcomes:
        """How finished experiments came out."""
        from neonblue.stores.outcomes import Outcomes

        return Outcomes(self.database)

    @cached_property
    def enrichments(self) -> Enrichments:
        """What the worker found out about each event."""
        from neonblue.stores.enrichments import Enrichments

        return Enrichments(self.database)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Messages that could not be used."""
        from neonblue.stores.dead_letters import DeadLetters

        return DeadLetters(self.database)

    @cached_property
    def definition_rows(self) -> DefinitionRows:
        """Rows of the platform's definition tables, by change capture."""
        from neonblue.stores.definition_rows import DefinitionRows

        return DefinitionRows(self.database)

    @cached_property
    def ingest_workers(self) -> IngestWorkers:
        """How each ingest worker fares."""
        from neonblue.stores.ingest_workers import IngestWorkers

        return IngestWorkers(self.database)

    @cached_property
    def journeys(self) -> Journeys:
        """What units did, as facts."""
        from neonblue.stores.journey_facts import Journeys

        return Journeys(self.database)

    @cached_property
    def journey_marks(self) -> JourneyMarks:
        """Which journeys changed since they were indexed."""
        from neonblue.stores.journey_marks import JourneyMarks

        return JourneyMarks(self.database)

    @cached_property
    def text_vectors(self) -> TextVectors:
        """Vectors of texts by hash."""
        from neonblue.stores.text_vectors import TextVectors

        return TextVectors(self.database)

    @cached_property
    def traffic(self) -> Traffic:
        """How many units come a day."""
        from neonblue.stores.traffic import Traffic

        return Traffic(self.database)

    @cached_property
    def sessions(self) -> Sessions:
        """Users' events as sessions, with behavioural vectors."""
        from neonblue.stores.sessions import Sessions

        return Sessions(self.database)

    @cached_property
    def named_users(self) -> NamedUsers:
        """Who is behind the pseudonyms of answers."""
        from neonblue.stores.named_users import NamedUsers

        return NamedUsers(self.database)

    @cached_property
    def funnels(self) -> Funnels:
        """How many users go how far through steps."""
        from neonblue.stores.funnels import Funnels

        return Funnels(self.database)

    @cached_property
    def unit_rows(self) -> UnitRows:
        """Units of an experiment with properties, variant and outcome."""
        from neonblue.stores.unit_rows import UnitRows

        return UnitRows(self.database)

    @cached_property
    def unit_sketches(self) -> UnitSketches:
        """Which experiments have the same units in the same split."""
        from neonblue.stores.unit_sketches import UnitSketches

        return UnitSketches(self.database, self.unit_starts, self.loads)

    @cached_property
    def unit_starts(self) -> UnitStarts:
        """Starts on other units under the same id."""
        from neonblue.stores.unit_starts import UnitStarts

        return UnitStarts(self.database)

    @cached_property
    def catalog(self) -> Catalog:
        """Which event types and properties there are."""
        from neonblue.stores.catalog import Catalog

        return Catalog(self.database)

    @cached_property
    def read_only(self) -> ReadOnlySql:
        """Statements from outside that were checked, run so that they can only read."""
        from neonblue.stores.read_only import ReadOnlySql

        return ReadOnlySql(self.database)

    @cached_property
    def variant_signs(self) -> VariantSigns:
        """What events of an experiment's units could give away about their variant."""
        from neonblue.stores.variant_signs import VariantSigns

        return VariantSigns(self.database)

    @cached_property
    def forgotten(self) -> Forgotten:
        """Users whose events are not taken any more, without their ids."""
        from neonblue.stores.forgotten import Forgotten

        return Forgotten(self.database, self.sessions)

    @cached_property
    def forgetting(self) -> Forgetting:
        """Removing a user everywhere."""
        from neonblue.stores.forgetting import Forgetting

        return Forgetting(self.database)

    def close(self) -> None:
        """Close the database under it, and what was opened beside its pool."""
        if "read_only" in self.__dict__:
            self.read_only.close()
        self.database.close()


def open_store(
    dsn: str,
    *,
    max_memory_fraction: float = 0.5,
    cluster: Cluster = "none",
    anchors: Sequence[AnchorFolder] = (),
) -> Store:
    """Open the database behind a DSN and bring its schema up to date.

    ``chdb:///path`` or ``clickhouse://user:password@host:8123/database``; ``cluster`` says how our
    tables lie there. ``anchors`` are the folders that keep where append-only logs end; without
    them this process alone knows.
    Raises ``StoreBusyError`` when another process holds a chDB path and ``UnavailableError`` when a
    server does not answer or stored data is damaged.
    """
    from neonblue.errors import UnavailableError
    from neonblue.stores.damage import refuse_set_aside
    from neonblue.stores.migrations import migrate

    database = Database(dsn, max_memory_fraction=max_memory_fraction, cluster=cluster)
    try:
        refuse_set_aside(database)
    except UnavailableError:
        database.close()
        raise
    store = Store(database, anchors=anchors)
    migrate(database)
    if database.may_write():
        store.loads.recover()
    return store
