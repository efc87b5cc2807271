"""``neonblue ingest -`` writes what has come, not only when 50,000 lines have."""

import os
import threading
import time

from neonblue.cli import ingest


def test_a_slow_stream_is_handed_on_by_time() -> None:
    reader, writer = os.pipe()
    chunks = ingest._chunks(reader, ingest.Pace(seconds=0.2))
    os.write(writer, b"one\ntw")
    began = time.monotonic()
    assert next(chunks) == [b"one"]
    assert 0.15 < time.monotonic() - began < 5
    os.write(writer, b"o\nthree")
    assert next(chunks) == [b"two"]
    os.close(writer)
    assert list(chunks) == [[b"three"]]
    os.close(reader)


def test_a_fast_stream_is_handed_on_in_whole_chunks() -> None:
    reader, writer = os.pipe()
    count = 2 * ingest.CHUNK_LINES + 7

    def write() -> None:
        with os.fdopen(writer, "wb") as pipe:
            pipe.writelines(b"%d\n" % number for number in range(count))

    thread = threading.Thread(target=write)
    thread.start()
    chunks = list(ingest._chunks(reader, ingest.Pace(seconds=60)))
    thread.join()
    os.close(reader)
    assert [len(chunk) for chunk in chunks] == [ingest.CHUNK_LINES, ingest.CHUNK_LINES, 7]
    assert [int(line) for chunk in chunks for line in chunk] == list(range(count))
