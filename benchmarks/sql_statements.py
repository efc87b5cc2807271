# ruff: noqa: E501
"""Statements for the check of raw SQL: hostile ones, harmless ones, and variations of both."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from benchmarks.sql_dialect import DIALECT_HARMLESS, DIALECT_HOSTILE
from neonblue.query.sql_functions import words

TABLE_FUNCTIONS = (
    "file('/etc/passwd')", "file('/etc/passwd', 'LineAsString')", "url('http://127.0.0.1/x', CSV)",
    "s3('http://127.0.0.1/b/k', 'CSV')", "hdfs('hdfs://127.0.0.1/x', 'CSV')",
    "remote('127.0.0.1', system.one)", "remoteSecure('127.0.0.1', system.one)",
    "cluster('default', system.one)", "clusterAllReplicas('default', system.one)",
    "mysql('127.0.0.1:3306', 'a', 'b', 'c', 'd')", "postgresql('127.0.0.1:5432','a','b','c','d')",
    "sqlite('/tmp/x.db', 't')", "mongodb('127.0.0.1:27017', 'a', 'b', 'c', 'd', 'e Int')",
    "jdbc('x', 'y')", "odbc('x', 'y', 'z')", "executable('id', 'TSV', 'a String')",
    "input('a String')", "numbers(10)", "numbers_mt(1000000000000)", "zeros(10)",
    "generateRandom('a Int8')", "generateSeries(1, 10)", "generate_series(1, 10)", "null('a Int')",
    "merge('.*')", "merge(currentDatabase(), '.*')", "view(SELECT * FROM looks)",
    "viewIfPermitted(SELECT 1 ELSE null('a Int'))", "values('a Int', 1)", "dictionary('d')",
    "loop(looks)", "fuzzJSON('{}')", "azureBlobStorage('x','y','z')", "gcs('http://x/y')",
    "iceberg('http://x/y')", "deltaLake('http://x/y')", "hudi('http://x/y')",
    "redis('127.0.0.1:6379', 'k', 'k String')", "mergeTreeIndex(currentDatabase(), events)",
    "urlCluster('c', 'http://x')", "fileCluster('c', '/etc/passwd')", "s3Cluster('c', 'x')",
    "format(JSONEachRow, '{\"a\":1}')", "timeSeriesData('x')", "primes(3)",
)  # fmt: skip
SCALAR_FUNCTIONS = (
    "file('/etc/passwd')", "hostName()", "hostname()", "fqdn()", "version()", "uptime()",
    "currentDatabase()", "currentUser()", "user()", "getSetting('max_threads')",
    "getMacro('shard')", "getServerPort('http_port')", "dictGet('d', 'a', 1)", "dictHas('d', 1)",
    "dictGetOrNull('d', 'a', 1)", "joinGet('events', 'value', 1)", "joinGetOrNull('t', 'v', 1)",
    "hasColumnInTable(currentDatabase(), 'looks', 'actor')", "sleep(3)", "sleepEachRow(3)",
    "throwIf(1)", "catboostEvaluate('/x', 1)", "evalMLMethod(1, 2)", "globalVariable('version')",
    "shardNum()", "tcpPort()", "serverUUID()", "buildId()", "displayName()", "initialQueryID()",
    "queryID()", "blockNumber()", "addressToLine(1)", "demangle('x')", "addressToSymbol(1)",
    "filesystemAvailable()", "filesystemCapacity()", "filesystemFree()", "getOSKernelVersion()",
    "isMergeTreePartCoveredBy('a','b')", "partitionId(1)", "currentProfiles()",
    "currentRoles()", "enabledRoles()", "defaultRoles()", "arrayReduce('sum', [1, 2])",
    "arrayReduceInRanges('sum', [(1, 2)], [1, 2])", "runningAccumulate(1)", "fuzzBits('a', 0.5)",
    "randomString(100000000)", "repeat('a', 1000000000)", "range(1000000000)",
    "arrayWithConstant(1000000000, 1)", "replicate(1, [1])", "encrypt('aes-128-ecb', 'a', 'b')",
    "decrypt('aes-128-ecb', 'a', 'b')", "formatRow('CSV', 1)", "geohashesInBox(1, 1, 2, 2, 12)",
    "reinterpretAsString(1)", "tryDecrypt('aes-128-ecb', 'a', 'b')", "sqid(1)",
    "getClientHTTPHeader('a')", "connectionId()", "finalizeAggregation(1)",
    "initializeAggregation('sum', 1)", "nativeAggregation(1)", "structureToProtobufSchema('a Int')",
    "executable('id')", "llmGenerate('x')", "url('http://127.0.0.1')", "showCertificate()",
    "transactionID()", "errorCodeToName(1)", "lowCardinalityIndices('a')", "generateULID()",
)  # fmt: skip
OTHER_TABLES = (
    "looks", "aggregates", "experiment_definitions", "experiment_statuses", "event_enrichments",
    "dead_letters", "pseudonym_keys", "named_users", "forgotten", "behavior_sessions",
    "unit_sketches", "documents", "forecast_log", "migrations", "system.tables", "system.users",
    "system.processes", "system.settings", "system.one", "system.numbers", "system.query_log",
    "information_schema.tables", "INFORMATION_SCHEMA.COLUMNS", "default.events", "neonblue.events",
    "_table_function.x", "`system`.`tables`", '"system"."tables"', "system . tables",
    "system/**/.tables", "visible_events", "own_x", "nope", "`events `", "EVENTS",
)  # fmt: skip
STATEMENTS = (
    "INSERT INTO events (event_id) VALUES ('x')", "INSERT INTO events SELECT * FROM events",
    "DELETE FROM events WHERE 1", "UPDATE events SET value = 1 WHERE 1", "DROP TABLE events",
    "TRUNCATE TABLE events", "ALTER TABLE events DELETE WHERE 1", "CREATE TABLE x (a Int) ENGINE=Log",
    "CREATE VIEW v AS SELECT 1", "CREATE FUNCTION f AS x -> x", "CREATE USER u", "RENAME TABLE events TO x",
    "ATTACH TABLE events", "DETACH TABLE events", "OPTIMIZE TABLE events FINAL", "SYSTEM SHUTDOWN",
    "SYSTEM FLUSH LOGS", "SYSTEM RELOAD CONFIG", "SYSTEM START LISTEN HTTP", "KILL QUERY WHERE 1",
    "SET readonly = 0", "SET max_memory_usage = 0", "USE system", "SHOW TABLES", "SHOW DATABASES",
    "SHOW CREATE TABLE events", "SHOW GRANTS", "DESCRIBE TABLE events", "DESC events",
    "EXISTS TABLE events", "EXPLAIN SELECT 1", "EXPLAIN AST SELECT 1", "EXPLAIN PIPELINE SELECT 1",
    "EXCHANGE TABLES events AND looks", "GRANT ALL ON *.* TO default", "REVOKE ALL ON *.* FROM default",
    "BACKUP TABLE events TO Disk('x', 'y')", "RESTORE TABLE events FROM Disk('x', 'y')",
    "WATCH v", "CHECK TABLE events", "BEGIN TRANSACTION", "COMMIT", "ROLLBACK", "UNDROP TABLE x",
    "MOVE USER a TO b", "EXECUTE AS default SELECT 1", "CALL f()", "PRAGMA x", "VALUES (1)",
    "", ";", "--", "/* nothing */", "(", "SELECT", "SELECT FROM", "WITH", "\0", "SELECT 1 \0 FROM x",
)  # fmt: skip
TRICKS = (
    "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE events", "SELECT 1;; SELECT 2",
    "SELECT 1 -- x\n; SELECT 2", "SELECT 1 /* ; */ ; DROP TABLE events", "SELECT 'a\\'; DROP TABLE x; --'; SELECT 1",
    "SELECT 1 PARALLEL WITH SELECT 2", "SELECT count() FROM events PARALLEL WITH DROP TABLE events",
    "SELECT 1 SETTINGS max_threads = 1", "SELECT 1 SETTINGS readonly = 0",
    "SELECT count() FROM events SETTINGS max_result_rows = 0", "SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)",
    "SELECT 1 FORMAT CSV", "SELECT 1 FORMAT Null", "SELECT count() FROM events FORMAT JSON",
    "SELECT 1 INTO OUTFILE '/tmp/x'", "SELECT 1 INTO OUTFILE '/tmp/x' FORMAT CSV",
    "SELECT * FROM events INTO OUTFILE '/tmp/x' TRUNCATE", "SELECT 1 INTO DUMPFILE '/tmp/x'",
    "SELECT * APPLY(sum) FROM events", "SELECT * APPLY sum FROM events", "SELECT events.* APPLY(max) FROM events",
    "SELECT * APPLY(x -> file('/etc/passwd')) FROM events", "SELECT COLUMNS('.*') FROM events",
    "SELECT COLUMNS('e.*') APPLY(max) FROM events", "SELECT * EXCEPT(value) FROM events",
    "SELECT * REPLACE(1 AS value) FROM events", "SELECT COLUMNS(event_type, value) FROM events",
    "SELECT events.COLUMNS('v.*') FROM events", "SELECT * EXCEPT STRICT (value) FROM events",
    "SELECT count() FROM events WHERE experiment_id IN looks", "SELECT 1 FROM events WHERE user_id IN named_users",
    "SELECT 1 FROM events WHERE user_id NOT IN named_users", "SELECT 'a' IN named_users",
    "SELECT count() FROM events WHERE user_id GLOBAL IN named_users", "SELECT in('a', named_users)",
    "SELECT count() FROM events WHERE (user_id, 1) IN named_users", "SELECT 1 IN system.one",
    "SELECT count() FROM events WHERE user_id IN (named_users)", "SELECT 1 IN (system.one)",
    "SELECT notIn(1, looks)", "SELECT globalIn(1, looks)", "SELECT nullIn(1, looks)", "SELECT inIgnoreSet(1, looks)",
    "SELECT count() FROM events WHERE user_id IN `named_users`", "SELECT countIf(user_id IN looks) FROM events",
    "SELECT arrayFilter(x -> x IN looks, ['a'])", "SELECT 1 = ANY (looks)", "SELECT 1 IN events",
    "SELECT * FROM events FINAL", "SELECT * FROM events SAMPLE 0.1", "SELECT * FROM events STREAM",
    "SELECT * FROM events WHERE 1 = {p:UInt8}", "SELECT {t:Identifier}", "SELECT * FROM {t:Identifier}",
    "SELECT @@version", "SELECT @@max_allowed_packet", "SELECT $1", "SELECT ?", "SELECT :name", "SELECT $$a$$",
    "SELECT $tag$; DROP TABLE events $tag$", "SELECT 1 FROM VALUES ('a Int', 1)", "SELECT * FROM (VALUES (1))",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
    "WITH events AS (SELECT * FROM looks) SELECT * FROM events", "WITH events AS (SELECT * FROM events) SELECT * FROM events",
    "WITH looks AS (SELECT 1 AS a) SELECT a FROM looks, system.one", "WITH visible_events AS (SELECT 1) SELECT 1",
    "SELECT * FROM (WITH looks AS (SELECT 1 AS a) SELECT a FROM looks) AS x, looks",
    "SELECT * FROM events AS visible_events", "SELECT 1 AS own_x", "SELECT * FROM events, looks",
    "SELECT * FROM events JOIN looks USING (experiment_id)", "SELECT * FROM events LEFT ANY JOIN named_users USING (user_id)",
    "SELECT (SELECT key FROM pseudonym_keys)", "SELECT * FROM events WHERE value > (SELECT max(units) FROM looks)",
    "SELECT 1 UNION ALL SELECT count() FROM looks", "SELECT 1 EXCEPT SELECT count() FROM looks",
    "SELECT 1 INTERSECT SELECT count() FROM looks", "SELECT exists(SELECT 1 FROM looks)", "SELECT EXISTS (SELECT 1 FROM named_users)",
    "SELECT * FROM events ARRAY JOIN (SELECT groupArray(user_id) FROM named_users) AS x", "SELECT count() FROM events WHERE NOT EXISTS (SELECT 1 FROM looks)",
    "SELECT [1, 2] AS a FROM events ARRAY JOIN looks", "SELECT toTypeName(file('/etc/passwd'))",
    "SELECT if(1, file('/etc/passwd'), '')", "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "SELECT length(/* a */ file /* b */ ('/etc/passwd'))", "SELECT fIlE('/etc/passwd')", "SELECT `file`('/etc/passwd')",
    "SELECT \"file\"('/etc/passwd')", "SELECT file\n('/etc/passwd')", "SELECT 1 FROM `file`('/etc/passwd')",
    "SELECT sum(file('/etc/passwd')) OVER () FROM events", "SELECT count() FROM events HAVING file('/etc/passwd') != ''",
    "SELECT count() FROM events GROUP BY file('/etc/passwd')", "SELECT 1 ORDER BY file('/etc/passwd')",
    "SELECT 1 LIMIT length(file('/etc/passwd'))", "SELECT count() FROM events PREWHERE file('/etc/passwd') != ''",
    "SELECT count() FROM events QUALIFY file('/etc/passwd') != ''", "SELECT sumIf(1, sleep(1) = 0) FROM events",
    "SELECT quantile(sleep(1))(value) FROM events", "SELECT CAST(file('/etc/passwd') AS String)", "SELECT file('/etc/passwd')::String",
    "SELECT sumState(value) FROM events", "SELECT sumMerge(value) FROM events", "SELECT uniqState(user_id) FROM events",
    "SELECT a.* EXCEPT (value) FROM events AS a", "SELECT 1 FROM events FINAL SAMPLE 1/2", "TABLE events",
    "FROM looks SELECT *", "SELECT * FROM events OFFSET 1 ROW FETCH FIRST 1 ROWS ONLY SETTINGS a = 1",
    "SELECT 1 ORDER BY 1 WITH FILL FROM 1 TO 1000000000", "SELECT x FROM events ORDER BY timestamp WITH FILL STEP 1 INTERPOLATE (value AS sleep(1))",
    "SELECT * FROM events AS e, file('/etc/passwd') AS f", "SELECT * FROM events CROSS JOIN numbers(10)",
    "SELECT dictionary('d')", "SELECT * FROM dictionary(d)", "SELECT 1 AS x WHERE x IN dictionary('d')",
    "SELECT 1 /* unclosed", "SELECT 'unclosed", "SELECT \"unclosed", "SELECT 1 ) FROM events", "SELECT (1", "SELECT 1 # x\n; DROP TABLE x",
    "/*! SELECT */ DROP TABLE events", "SELECT/**/*/**/FROM/**/looks", "SELECT\t*\nFROM\r\nlooks", "SeLeCt * FrOm LoOkS",
    "SELECT * FROM looks -- FROM events", "SELECT * FROM -- events\nlooks", "SELECT * FROM /* events */ looks",
    "SELECT 1 -- \n INTO OUTFILE '/tmp/x'", "SELECT 1 /* x */ FORMAT /* y */ CSV", "SELECT 1 SET/**/TINGS a = 1",
    "SELECT * FROM events WHERE event_type = 'a' OR 1 IN (SELECT 1 FROM system.tables)", "SELECT * FROM `events`.`x`",
    "SELECT * FROM events.inner", "SELECT * FROM events AS system, system.tables", "SELECT system.tables.name FROM system.tables",
    "EXPLAIN SYNTAX SELECT * FROM looks", "SELECT * FROM (EXPLAIN SELECT 1)", "SELECT * FROM (SHOW TABLES)", "SELECT * FROM (DESCRIBE events)",
    "WITH x AS (INSERT INTO events SELECT 1) SELECT 1", "SELECT 1 FROM events WHERE 1 = (DELETE FROM events)",
    "SELECT viewExplain('', '', 1)", "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))", "SELECT ignore(sleep(3))",
    "SELECT materialize(file('/etc/passwd'))", "SELECT identity(file('/etc/passwd'))", "SELECT * FROM cluster('c', 'system', 'one')",
    "SELECT __getScalar('x')", "SELECT __bitWrapperFunc(1)", "SELECT _table FROM events UNION ALL SELECT name FROM system.tables",
)  # fmt: skip


def hostile() -> tuple[str, ...]:
    """What must be refused, each different."""
    found = [
        *(f"SELECT * FROM {function}" for function in TABLE_FUNCTIONS),
        *(f"SELECT {function}" for function in SCALAR_FUNCTIONS),
        *(f"SELECT * FROM {table}" for table in OTHER_TABLES),
        *STATEMENTS,
        *TRICKS,
        *DIALECT_HOSTILE,
    ]
    return tuple(dict.fromkeys(found))


HARMLESS = (
    "SELECT 1", "SELECT 1 + 2 AS three", "SELECT count() FROM events", "SELECT count(*) FROM events",
    "select count() from events", "SELECT COUNT(1) AS n FROM events;", "SELECT uniqExact(user_id) FROM events",
    "SELECT COUNT(DISTINCT user_id) FROM events", "SELECT event_type, count() AS n FROM events GROUP BY event_type ORDER BY n DESC",
    "SELECT event_type, count() FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 3", "SELECT DISTINCT event_type FROM events ORDER BY event_type",
    "SELECT experiment_id, count() FROM events GROUP BY experiment_id HAVING count() > 10", "SELECT min(timestamp), max(timestamp) FROM events",
    "SELECT toDate(timestamp) AS day, count() FROM events GROUP BY day ORDER BY day", "SELECT toStartOfWeek(timestamp) AS week, count() FROM events GROUP BY week ORDER BY week",
    "SELECT toStartOfHour(timestamp) AS h, count() FROM events GROUP BY h ORDER BY h DESC LIMIT 24", "SELECT date_trunc('month', timestamp) AS m, count() FROM events GROUP BY m",
    "SELECT toStartOfInterval(timestamp, INTERVAL 6 HOUR) AS t, count() FROM events GROUP BY t ORDER BY t", "SELECT count() FROM events WHERE timestamp >= now() - INTERVAL 7 DAY",
    "SELECT count() FROM events WHERE timestamp BETWEEN '2026-01-01' AND '2026-12-31'", "SELECT count() FROM events WHERE timestamp > toDateTime('2026-11-01 00:00:00')",
    "SELECT count() FROM events WHERE event_type = 'purchase'", "SELECT count() FROM events WHERE event_type IN ('purchase', 'exposure')",
    "SELECT count() FROM events WHERE event_type NOT IN ('purchase')", "SELECT count() FROM events WHERE event_type IN ('purchase')",
    "SELECT count() FROM events WHERE event_type LIKE 'purch%'", "SELECT count() FROM events WHERE event_type ILIKE '%ORT%'",
    "SELECT sum(value), avg(value), median(value) FROM events WHERE event_type = 'purchase'", "SELECT quantile(0.9)(value) FROM events WHERE value > 0",
    "SELECT quantiles(0.5, 0.9, 0.99)(value) FROM events", "SELECT stddevSamp(value), varSamp(value) FROM events",
    "SELECT countIf(event_type = 'purchase') / uniqExact(user_id) AS rate FROM events", "SELECT uniqExactIf(user_id, event_type = 'purchase') FROM events",
    "SELECT sumIf(value, event_type = 'purchase') AS revenue FROM events", "SELECT round(avg(value), 2) FROM events WHERE value IS NOT NULL",
    "SELECT properties['country'] AS country, count() FROM events GROUP BY country ORDER BY count() DESC", "SELECT properties['device'], uniq(user_id) FROM events WHERE properties['device'] != '' GROUP BY 1",
    "SELECT arrayJoin(mapKeys(properties)) AS k, count() FROM events GROUP BY k", "SELECT k, count() FROM events ARRAY JOIN mapKeys(properties) AS k GROUP BY k",
    "SELECT count() FROM events WHERE mapContains(properties, 'country')", "SELECT toFloat64OrNull(properties['visits_before']) AS v, count() FROM events GROUP BY v ORDER BY v",
    "SELECT user_id, min(timestamp) AS first FROM events GROUP BY user_id ORDER BY first LIMIT 5", "SELECT avg(n) FROM (SELECT user_id, count() AS n FROM events GROUP BY user_id)",
    "WITH firsts AS (SELECT user_id, min(timestamp) AS t FROM events GROUP BY user_id) SELECT toDate(t) AS d, count() FROM firsts GROUP BY d ORDER BY d",
    "WITH a AS (SELECT user_id FROM events WHERE event_type = 'exposure'), b AS (SELECT user_id FROM events WHERE event_type = 'purchase') SELECT count() FROM a WHERE user_id IN (SELECT user_id FROM b)",
    "WITH (SELECT max(timestamp) FROM events) AS latest SELECT count() FROM events WHERE timestamp > latest - INTERVAL 1 DAY", "WITH 7 AS days SELECT days * 2",
    "SELECT * FROM events LIMIT 5", "SELECT e.* FROM events AS e LIMIT 5", "SELECT * FROM experiments", "SELECT name, status FROM experiments ORDER BY name",
    "SELECT status, count() FROM experiments GROUP BY status", "SELECT experiment_id FROM experiments WHERE status = 'running'", "SELECT * FROM outcomes ORDER BY relative_lift DESC",
    "SELECT metric, avg(relative_lift) FROM outcomes GROUP BY metric", "SELECT decision, count() FROM outcomes GROUP BY decision",
    "SELECT x.name, count() AS n FROM events AS e INNER JOIN experiments AS x ON e.experiment_id = x.experiment_id GROUP BY x.name ORDER BY n DESC",
    "SELECT name, relative_lift FROM experiments JOIN outcomes USING (experiment_id) ORDER BY relative_lift DESC LIMIT 10", "SELECT x.status, sum(o.units) FROM experiments x LEFT JOIN outcomes o ON x.experiment_id = o.experiment_id GROUP BY x.status",
    "SELECT experiment_id FROM experiments WHERE experiment_id NOT IN (SELECT experiment_id FROM outcomes)", "SELECT count() FROM events WHERE user_id IN (SELECT user_id FROM events WHERE event_type = 'purchase')",
    "SELECT 1 UNION ALL SELECT 2", "(SELECT 1) UNION ALL (SELECT 2)", "SELECT event_type FROM events UNION DISTINCT SELECT name FROM experiments", "SELECT experiment_id FROM events INTERSECT SELECT experiment_id FROM experiments",
    "SELECT experiment_id FROM experiments EXCEPT SELECT experiment_id FROM outcomes", "SELECT CASE WHEN value > 50 THEN 'large' ELSE 'small' END AS size, count() FROM events GROUP BY size",
    "SELECT if(value > 50, 'large', 'small') AS size, count() FROM events GROUP BY size", "SELECT multiIf(value > 100, 'a', value > 50, 'b', 'c') AS s, count() FROM events GROUP BY s",
    "SELECT coalesce(value, 0) FROM events LIMIT 3", "SELECT ifNull(value, 0), isNull(value) FROM events LIMIT 3", "SELECT event_type, count() AS n, n / sum(n) OVER () AS share FROM events GROUP BY event_type",
    "SELECT toDate(timestamp) AS d, count() AS n, sum(n) OVER (ORDER BY d) AS total FROM events GROUP BY d ORDER BY d", "SELECT d, n, lagInFrame(n) OVER (ORDER BY d) FROM (SELECT toDate(timestamp) AS d, count() AS n FROM events GROUP BY d)",
    "SELECT event_type, row_number() OVER (PARTITION BY event_type ORDER BY timestamp) AS r FROM events LIMIT 5", "SELECT user_id, rank() OVER (ORDER BY sum(value) DESC) FROM events GROUP BY user_id LIMIT 5",
    "SELECT windowFunnel(86400)(toDateTime(timestamp), event_type = 'exposure', event_type = 'purchase') AS level, user_id FROM events GROUP BY user_id LIMIT 5",
    "SELECT level, count() FROM (SELECT user_id, windowFunnel(3600)(toDateTime(timestamp), event_type = 'exposure', event_type = 'purchase') AS level FROM events GROUP BY user_id) GROUP BY level",
    "SELECT retention(event_type = 'exposure', event_type = 'purchase') FROM events", "SELECT sequenceMatch('(?1)(?2)')(toDateTime(timestamp), event_type = 'exposure', event_type = 'purchase') FROM events",
    "SELECT groupArray(3)(event_type) FROM events", "SELECT groupUniqArray(event_type) FROM events", "SELECT topK(3)(event_type) FROM events", "SELECT argMax(event_type, timestamp) FROM events",
    "SELECT any(event_type), anyLast(event_type) FROM events", "SELECT corr(value, toFloat64(length(event_type))) FROM events WHERE value > 0", "SELECT arrayMap(x -> x * 2, [1, 2, 3])",
    "SELECT arraySum(arrayFilter(x -> x > 1, [1, 2, 3]))", "SELECT length(splitByChar(',', 'a,b,c'))", "SELECT concat(event_type, '-', experiment_id) FROM events LIMIT 3", "SELECT upper(event_type), lower(event_type) FROM events LIMIT 1",
    "SELECT substring(event_type, 1, 3) AS s, count() FROM events GROUP BY s", "SELECT replaceRegexpAll(event_type, '_', ' ') FROM events LIMIT 1", "SELECT match(event_type, '^pur') AS m, count() FROM events GROUP BY m",
    "SELECT event_type || '!' FROM events LIMIT 1", "SELECT CAST(value AS Nullable(String)) FROM events LIMIT 1", "SELECT value::Int64 FROM events WHERE value IS NOT NULL LIMIT 1", "SELECT toInt64(round(value)) FROM events WHERE value > 0 LIMIT 1",
    "SELECT toDayOfWeek(timestamp) AS dow, toHour(timestamp) AS h, count() FROM events GROUP BY dow, h ORDER BY dow, h", "SELECT formatDateTime(timestamp, '%Y-%m') AS m, count() FROM events GROUP BY m", "SELECT dateDiff('day', min(timestamp), max(timestamp)) FROM events",
    "SELECT today(), yesterday(), now()", "SELECT toYYYYMM(timestamp) AS m, sum(value) FROM events GROUP BY m", "SELECT extract(YEAR FROM timestamp) AS y, count() FROM events GROUP BY y", "SELECT addDays(toDate('2026-01-01'), 7)",
    "SELECT event_type, count() FROM events GROUP BY event_type WITH TOTALS", "SELECT experiment_id, event_type, count() FROM events GROUP BY experiment_id, event_type WITH ROLLUP", "SELECT experiment_id, event_type, count() FROM events GROUP BY GROUPING SETS ((experiment_id), (event_type))",
    "SELECT event_type, timestamp FROM events ORDER BY timestamp DESC LIMIT 2 BY event_type", "SELECT event_type FROM events ORDER BY timestamp LIMIT 5 OFFSET 5", "SELECT count() FROM events WHERE event_type = 'a;b'", "SELECT 'it''s' AS text", "SELECT 'DROP TABLE events; -- no' AS text",
    "SELECT 'SETTINGS FORMAT CSV INTO OUTFILE' AS words", "SELECT count() -- all of them\nFROM events", "SELECT /* how many */ count() FROM events", "SELECT count() AS `n` FROM `events`", "SELECT \"event_type\" FROM \"events\" LIMIT 1", "SELECT count() FROM events WHERE properties['format'] = 'system'",
    "SELECT greatest(1, 2), least(1, 2), abs(-1), sqrt(4), pow(2, 3), 7 % 3, intDiv(7, 2)", "SELECT NOT (1 = 2) AND (3 > 2 OR 1 < 0)", "SELECT count() FROM events WHERE (event_type, experiment_id) IN (('purchase', 'footer_colour'))",
    "SELECT variant_id, count() FROM events WHERE experiment_id = 'footer_colour' AND event_type = 'exposure' GROUP BY variant_id", "SELECT variant_id, relative_lift FROM outcomes WHERE metric = 'purchase'", "SELECT quantileExact(0.5)(value) AS p50, max(value) - min(value) AS spread FROM events WHERE event_type = 'purchase'",
    "SELECT experiment_id, dateDiff('day', min(timestamp), max(timestamp)) AS days FROM events GROUP BY experiment_id", "SELECT a.d, a.n, b.n FROM (SELECT toDate(timestamp) AS d, count() AS n FROM events GROUP BY d) AS a LEFT JOIN (SELECT toDate(timestamp) AS d, count() AS n FROM events WHERE event_type = 'purchase' GROUP BY d) AS b ON a.d = b.d",
    "SELECT exists(SELECT 1 FROM events WHERE event_type = 'purchase')", "SELECT count() FROM events WHERE value > (SELECT avg(value) FROM events)", "FROM events SELECT count()", "SELECT tuple(1, 'a').1, (1, 2), [1, 2][1], map('a', 1)['a']", "SELECT uniqExact(tuple(user_id, experiment_id)) FROM events",
    *DIALECT_HARMLESS,
)  # fmt: skip

WORD = re.compile(
    r"'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|`[^`]*`|(?:--|#)[^\n]*\n?|/\*.*?\*/|\w+|\s+|.", re.DOTALL
)
KEYWORDS = words(
    "select from where group by order having limit and or in not as union all join on using with"
    " distinct case when then else end between like"
)


def varied(statement: str, seed: int) -> str:
    """The same statement written otherwise: letters, spaces, comments, a wrapping subquery.

    What it does stays the same, so a hostile one stays hostile and a harmless one harmless.
    """
    draw = random.Random(seed)
    parts = WORD.findall(statement)
    written = "".join(_respelt(part, draw) for part in parts)
    if draw.random() < 0.25 and _can_be_wrapped(statement):
        written = f"SELECT * FROM ({written.rstrip().rstrip(';')}\n) AS inner_rows"
    if draw.random() < 0.2 and statement.strip() and not statement.rstrip().endswith(";"):
        written += draw.choice((";", " ;\n", "\n-- done", " /* done */"))
    if draw.random() < 0.2 and statement[:1].isalpha():
        written = draw.choice(("\n\t", "-- first\n", "/* a; b */ ")) + written
    return written


def _can_be_wrapped(statement: str) -> bool:
    head = statement.lstrip().upper()
    return (
        head.startswith("SELECT")
        and not any(c in statement for c in ";\0#")
        and (statement.count("'") % 2 == 0 and "--" not in statement and " TOTALS" not in head)
    )


def _respelt(part: str, draw: random.Random) -> str:
    if part.isspace():
        return draw.choice((part, "  ", "\n", "\t", " /* x */ ", " -- y\n", " /* ' */ "))
    if part.lower() in KEYWORDS:
        return draw.choice((part, part.upper(), part.lower(), part.title()))
    return part


def variations(statements: tuple[str, ...], *, times: int, seed: int) -> Iterator[tuple[str, str]]:
    """Each statement as it is and varied ``times`` times: the original and the variation."""
    for number, statement in enumerate(statements):
        yield statement, statement
        for time in range(times):
            yield statement, varied(statement, seed + 1000 * number + time)
