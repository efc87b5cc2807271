"""What two parsers let through, on both engines: nothing hostile, everything harmless."""

import pytest
from benchmarks.sql_statements import HARMLESS, hostile, varied

from neonblue.errors import UnsafeQueryError
from neonblue.query.raw_sql import RawSql, check_sql
from neonblue.query.statement import read_statement
from neonblue.stores import Store

SEED = 15


def test_the_lists_are_as_long_as_they_are_said_to_be() -> None:
    assert len(hostile()) >= 250
    assert len(set(HARMLESS)) >= 100


def test_no_hostile_statement_passes(either: Store) -> None:
    """One half as they are, the other written in another way; the benchmark has many of each."""
    through = []
    for number, original in enumerate(hostile()):
        written = varied(original, SEED + number) if number % 2 else original
        try:
            check_sql(either, written)
        except UnsafeQueryError:
            continue
        through.append((original, written))
    assert through == []


def test_no_harmless_statement_is_refused_and_each_runs(either: Store) -> None:
    raw = RawSql(either)
    names = {"footer_colour": "shop"}
    for number, original in enumerate(HARMLESS):
        written = varied(original, SEED + number) if number % 2 else original
        for old, new in names.items():
            written = written.replace(old, new)
        result = raw.run(written, limit=5)
        assert result.columns, original


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT * FROM looks", "no table 'looks'"),
        ("SELECT count() FROM events WHERE user_id IN looks", "IN needs a list"),
        ("SELECT sleep(3)", "the function 'sleep'"),
        ("SELECT secret FROM events", "no column 'secret'"),
        ("SELECT 1 SETTINGS readonly = 0", "SETTINGS"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("SELECT * APPLY(sum) FROM events", "APPLY"),
    ],
)
def test_a_refusal_says_what_and_names_what_there_is(sql: str, what: str) -> None:
    with pytest.raises(UnsafeQueryError, match=what) as raised:
        read_statement(sql)
    assert "events(experiment_id, variant_id" in str(raised.value)
    assert "analyze_experiment_performance" in str(raised.value)


def test_what_a_comment_hides_is_not_in_what_runs() -> None:
    statement = read_statement("SELECT count() -- ; DROP TABLE events\nFROM /* looks */ events")
    assert statement.text == "SELECT count() FROM visible_events AS events"


def test_own_subqueries_get_names_that_no_stored_table_has() -> None:
    sql = "WITH looks AS (SELECT 1 AS a) SELECT a FROM looks"
    assert "own_looks" in read_statement(sql).text
    with pytest.raises(UnsafeQueryError, match="no table 'looks'"):
        read_statement(f"SELECT * FROM ({sql}) AS x, looks")
