"""An event goes through few files on its way to a row, so one can read them all."""

from collections.abc import Callable

from tests.services.files_crossed import watched

from neonblue.ingest.stream.pipeline import Pipeline
from neonblue.ingest.stream.record import LineRecord

Message = Callable[[int], tuple[bytes, bytes]]


def records(make_message: Message, first: int, count: int) -> list[LineRecord]:
    numbers = range(first, first + count)
    return [LineRecord("events", 0, number, *make_message(number)) for number in numbers]


def test_an_event_goes_through_nine_files_behind_the_worker(
    pipeline: Pipeline, make_message: Message
) -> None:
    pipeline.write(pipeline.prepare(records(make_message, 0, 50)))
    batch = records(make_message, 50, 50)
    with watched("ingest") as crossed:
        written = pipeline.write(pipeline.prepare(batch))
    assert written.events == 50
    assert crossed.files == {
        "ingest/messages/decode.py",
        "ingest/messages/envelope.py",
        "ingest/messages/validate.py",
        "ingest/stream/activity.py",
        "ingest/stream/batch.py",
        "ingest/stream/enrich.py",
        "ingest/stream/pipeline.py",
        "ingest/stream/scorer.py",
        "ingest/stream/texts.py",
    }
