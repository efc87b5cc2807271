"""What the environment sets: one place of data, and one line for what cannot be used."""

from pathlib import Path

import pytest

from neonblue.errors import InvalidInputError
from neonblue.settings import (
    ChromaSettings,
    HttpSettings,
    Settings,
    StoreSettings,
    default_data_dir,
)
from neonblue.stores import open_store


@pytest.mark.parametrize("name", ["with space", "ünïcode", "50% #1", "a+b&c"])
def test_all_parts_use_the_folder_that_was_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEONBLUE_DATA_DIR", str(tmp_path / name))
    settings = StoreSettings()
    assert settings.owned_directory == settings.data_dir == tmp_path / name
    store = open_store(settings.dsn)
    assert str(tmp_path / name) in store.database.name
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("given", "meant"), [("some/where", "work/some/where"), ("~/nb", "nb")])
def test_a_relative_folder_is_one_place(
    given: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NEONBLUE_DATA_DIR", given)
    assert StoreSettings().owned_directory == StoreSettings().data_dir == tmp_path / meant


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NEONBLUE_DATA_DIR", "NEONBLUE_READ_ONLY", "NEONBLUE_CLICKHOUSE_DSN"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("NEONBLUE_HTTP_TOKEN", "")
    assert StoreSettings().data_dir == default_data_dir()
    assert StoreSettings().embedded
    assert not StoreSettings().read_only
    assert HttpSettings().token is None


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        (StoreSettings, "NEONBLUE_READ_ONLY", "maybe"),
        (StoreSettings, "NEONBLUE_MAX_MEMORY_FRACTION", "7"),
        (ChromaSettings, "CHROMADB_PORT", "abc"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(
    group: type[Settings], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=f"^{name}='{value}' cannot be used: ") as raised:
        group()
    assert "\n" not in str(raised.value)
