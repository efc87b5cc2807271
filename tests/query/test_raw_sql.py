"""Raw SQL reads and nothing else, and never shows the variants of what runs before its plan."""

import pytest
from tests.query.conftest import UNITS

from neonblue.errors import ConflictError, InvalidInputError, NotFoundError
from neonblue.query.raw_sql import RawSql
from neonblue.stores import Store
from neonblue.stores.read_only import Limits, ReadOnlySql


@pytest.fixture
def raw(either: Store) -> RawSql:
    return RawSql(either)


def test_variants_of_an_ended_experiment_are_shown_and_each_time_a_look(
    either: Store, raw: RawSql
) -> None:
    before = len(either.looks.history("shop", metric="", limit=100))
    sql = "SELECT variant_id, count() FROM events WHERE experiment_id = 'shop' GROUP BY 1"
    result = raw.run(sql, limit=10)
    assert {row[0] for row in result.rows} == {"control", "treatment"}
    assert result.by_variant_of == ("shop",)
    assert len(either.looks.history("shop", metric="", limit=100)) == before + 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT variant_id, count() FROM events WHERE experiment_id = 'prices' GROUP BY 1",
        "SELECT count() FROM events WHERE variant_id = 'control' AND experiment_id IN ('prices')",
        "SELECT e.variant_id FROM events AS e WHERE e.experiment_id LIKE 'pri%' "
        "OR experiment_id = 'prices'",
    ],
)
def test_variants_of_a_running_experiment_are_refused(raw: RawSql, sql: str) -> None:
    with pytest.raises(ConflictError, match="analyze_experiment_performance"):
        raw.run(sql, limit=10)


def test_a_statement_by_variant_names_its_experiments(raw: RawSql) -> None:
    with pytest.raises(NotFoundError, match="recorded look"):
        raw.run("SELECT variant_id, count() FROM events GROUP BY 1", limit=10)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DISTINCT variant_id FROM events WHERE experiment_id != 'shop'",
        "SELECT DISTINCT variant_id FROM events WHERE experiment_id = concat('pri', 'ces') "
        "AND 'shop' = 'shop'",
        "SELECT * FROM events WHERE experiment_id = 'prices' AND event_type = 'exposure'",
        "SELECT DISTINCT properties['cell'] FROM events WHERE experiment_id = 'prices'",
        "SELECT DISTINCT substring(properties['cookie'], 1, 1) FROM events "
        "WHERE experiment_id = 'prices'",
        "SELECT DISTINCT value FROM events WHERE event_type = 'order'",
    ],
)
def test_nothing_gives_a_running_variant_away(raw: RawSql, sql: str) -> None:
    """Neither the column, nor a property that says it in other words, nor the price."""
    shown = str(raw.run(sql, limit=1000).rows)
    for sign in ("treatment", "control", "'A", "'B", "12.99", "9.99"):
        assert sign not in shown


def test_what_does_not_tell_is_shown_and_what_is_hidden_is_said(raw: RawSql) -> None:
    sql = "SELECT properties['country'] AS c, uniqExact(user_id) FROM events GROUP BY c"
    result = raw.run(sql, limit=10)
    assert {row[0] for row in result.rows} >= {"DE", "US", "IN"}
    assert result.hidden.properties == ("cell", "cookie")
    assert result.hidden.silent == ("order",)
    assert result.hidden.concealed == ("new_page_prices",)


def test_a_page_of_one_variant_tells_nothing_while_it_runs(raw: RawSql) -> None:
    """Users of the treatment's page who bought are the treatment's buyers."""
    sql = (
        "SELECT uniqExact(user_id) FROM events WHERE event_type = 'order' AND user_id IN "
        "(SELECT user_id FROM events WHERE event_type = 'new_page_{}')"
    )
    assert raw.run(sql.format("prices"), limit=1).rows == ((0,),)
    shown = raw.run("SELECT count() FROM events WHERE event_type = 'new_page_shop'", limit=1)
    assert shown.rows[0][0] > 0


def test_user_ids_are_pseudonyms_that_join(raw: RawSql) -> None:
    result = raw.run("SELECT uniqExact(user_id), any(user_id) FROM events", limit=1)
    assert result.rows[0][0] == 2 * UNITS
    assert "@" not in result.rows[0][1]


def test_pages_follow_each_other(raw: RawSql) -> None:
    sql = "SELECT user_id FROM events WHERE event_type = 'exposure' ORDER BY user_id"
    seen, cursor = [], None
    while True:
        page = raw.run(sql, limit=300, cursor=cursor)
        seen += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 2 * UNITS
    assert seen == sorted(seen)


def test_texts_that_look_like_parameters_stay_as_they_are(raw: RawSql) -> None:
    sql = "SELECT '{opened:Array(String)}' AS a, '100 %s' AS b FROM experiments LIMIT 1"
    assert raw.run(sql, limit=1).rows == (("{opened:Array(String)}", "100 %s"),)


def test_what_the_engine_cannot_run_is_the_callers_to_mend(raw: RawSql) -> None:
    with pytest.raises(InvalidInputError, match="ClickHouse cannot run"):
        raw.run("SELECT toDate('nonsense') FROM events", limit=1)
    assert raw.run("SELECT 2 AS two", limit=1).rows == ((2,),)


WRITES = (
    "INSERT INTO events (event_id) VALUES ('x')",
    "DROP TABLE events",
    "SET readonly = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "ALTER TABLE events DELETE WHERE 1",
)


@pytest.mark.parametrize("sql", WRITES)
def test_the_handle_itself_cannot_write(either: Store, sql: str) -> None:
    """Were both parsers wrong, the engine would still refuse."""
    from clickhouse_connect.driver.exceptions import Error

    from neonblue.errors import NeonBlueError

    count = either.events.count()
    with pytest.raises((NeonBlueError, Error)):
        either.read_only.run(sql, {})
    assert either.events.count() == count


def test_limits_end_a_statement_and_say_how_to_narrow_it(either: Store) -> None:
    small = ReadOnlySql(either.database, Limits(rows_read=10))
    with pytest.raises(InvalidInputError, match="reads more rows"):
        small.run("SELECT count(), max(user_id) FROM events", {})
    small.close()
