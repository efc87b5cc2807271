"""A real chDB in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neonblue.stores import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"chdb://{tmp_path / 'clickhouse'}")
    yield opened
    opened.close()
