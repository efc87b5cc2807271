# ruff: noqa: E501
"""Statements in the engine's own dialect, written without a look at the check: hostile, harmless."""

from __future__ import annotations

DIALECT_HOSTILE = (
    # table functions of late versions, and ways around the FROM that names them
    "SELECT * FROM mergeTreeProjection(currentDatabase(), 'events', 'p')",
    "SELECT * FROM mergeTreeAnalyzeIndexes(currentDatabase(), 'events')",
    "SELECT * FROM arrowFlight('127.0.0.1:9000', 'x')", "SELECT * FROM ytsaurus('http://x', '//t', 'a')",
    "SELECT * FROM icebergS3('http://127.0.0.1/x')", "SELECT * FROM paimon('http://127.0.0.1/x')",
    "SELECT * FROM prometheusQuery('default', 't', 'up', now())", "SELECT * FROM timeSeriesSelector('t', 'up', 0, 1)",
    "SELECT * FROM naturalSortKey('x')", "SELECT * FROM s3('http://127.0.0.1/b/{a,b}.csv', NOSIGN, 'CSV') AS events",
    "SELECT * FROM remote('127.0.0.{1,2}', currentDatabase(), 'looks', 'default', '')",
    "SELECT * FROM remote('127.0.0.1', view(SELECT * FROM looks))",
    "SELECT e.user_id FROM events AS e PASTE JOIN numbers(10) AS n",
    "SELECT * FROM events AS e ANY LEFT JOIN url('http://127.0.0.1/x', TSV, 'user_id String') AS u USING (user_id)",
    "SELECT * FROM executable('x.sh', TSV, 'a String', (SELECT user_id FROM events))",
    # subqueries, CTEs and aliases that carry another table
    "WITH looks AS (SELECT 1) SELECT * FROM (SELECT * FROM experiment_history) AS looks",
    "WITH t AS (SELECT * FROM system.tables) SELECT count() FROM t",
    "WITH t AS (SELECT * FROM events) SELECT * FROM t, (SELECT * FROM u) AS u", "WITH 'looks' AS events SELECT * FROM events, looks",
    "WITH x AS MATERIALIZED (SELECT * FROM looks) SELECT * FROM x", "WITH events AS (SELECT * FROM looks) SELECT * FROM events",
    "WITH (SELECT groupArray(name) FROM system.users) AS names SELECT arrayJoin(names)",
    "WITH f AS (x -> dictGet('d', 'a', x)) SELECT f(1)", "WITH (x -> file(x)) AS f SELECT f('/etc/passwd')",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count() FROM t",
    # higher-order functions and names of functions as texts
    "SELECT arrayMap(x -> getSetting('max_threads'), [1])", "SELECT arrayMap(x -> hasColumnInTable('system', 'users', x), ['name'])",
    "SELECT arrayFold((acc, x) -> acc + sleep(x), [1], toInt64(0))", "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT arrayReduce('groupArrayArray', [[1]])", "SELECT arrayFilter(x -> x IN looks, [1])",
    "SELECT mapApply((k, v) -> (k, joinGet('events', 'value', k)), map('a', 1))",
    "SELECT sumIf(value, user_id IN (SELECT actor FROM looks)) FROM events",
    # membership and tuples
    "SELECT (user_id, value) IN experiment_history FROM events", "SELECT user_id GLOBAL IN looks FROM events",
    "SELECT 1 WHERE (1, 2) IN system.numbers", "SELECT nullIn(1, looks)", "SELECT in(user_id, looks) FROM events",
    "SELECT notIn(1, system.one)", "SELECT has(looks.actor, 'a') FROM events", "SELECT user_id = ANY (SELECT actor FROM looks) FROM events",
    # parameters, settings, formats
    "SELECT {x:Identifier} FROM events", "SELECT * FROM {t:Identifier}", "SELECT count() FROM events WHERE user_id = {u:String}",
    "SELECT 1 FROM events SETTINGS additional_table_filters = {'events': '1'}", "SELECT 1 SETTINGS readonly = 0, allow_ddl = 1 FORMAT Null",
    "SELECT * FROM events LIMIT 1 FORMAT SQLInsert SETTINGS output_format_sql_insert_table_name = 'looks'",
    "SELECT @@version", "SELECT @@max_allowed_packet FROM events",
    # EXPLAIN as a table, and statements that are no SELECT
    "SELECT * FROM (EXPLAIN ESTIMATE SELECT * FROM looks)", "SELECT explain FROM (EXPLAIN AST DROP TABLE events)",
    "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:3306', 'd', 't', 'u', 'p')", "EXPLAIN CURRENT TRANSACTION", "FROM events SELECT * INTO OUTFILE 'x' TRUNCATE",
    "SELECT 1 UNION ALL VALUES (2)", "(SELECT 1) FORMAT TSV", "SELECT 1 INTO OUTFILE '/tmp/x' AND STDOUT",
    "COPY events TO '/tmp/x'", "SHOW FUNCTIONS LIKE '%file%'", "SHOW PROCESSLIST", "ALTER TABLE events ADD PROJECTION p (SELECT count())",
    "CREATE OR REPLACE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(HTTP(URL 'http://127.0.0.1')) LIFETIME(1)",
    # filling, sampling, transformers
    "SELECT toDate(timestamp) AS d FROM events ORDER BY d WITH FILL FROM toDate('1970-01-01') TO toDate('2149-01-01') STEP INTERVAL 1 SECOND",
    "SELECT COLUMNS('.*') FROM events", "SELECT events.COLUMNS('user') APPLY(sum) FROM events", "SELECT * APPLY(x -> file(x)) FROM events",
    "SELECT * REPLACE (file('/etc/passwd') AS value) FROM events", "SELECT * EXCEPT STRICT value FROM events", "SELECT * FROM events SAMPLE 0.1 OFFSET 0.5",
    # dictionaries, joins kept in memory, secrets
    "SELECT dictGetHierarchy('d', 1)", "SELECT dictGetAll('d', 'a', 'x')", "SELECT dictIsIn('d', 1, 2)", "SELECT hasThreadFuzzer()",
    "SELECT getSettingOrDefault('max_threads', 1)", "SELECT getMergeTreeSetting('index_granularity')", "SELECT getMaxTableNameLengthForDatabase('default')",
    "SELECT authenticatedUser()", "SELECT query_id()", "SELECT tcpPort() FROM events", "SELECT lowCardinalityKeys(event_type) FROM events",
    # JSON paths, virtual columns, parts
    "SELECT _part FROM events", "SELECT _partition_id, _sample_factor FROM events", "SELECT _block_number FROM events", "SELECT _path FROM events",
    "SELECT events._table FROM events", "SELECT JSONAllPaths(properties) FROM events", "SELECT CAST('{}', 'JSON').a.:String", "SELECT dynamicElement(1::Dynamic, 'UInt8')",
    # texts and letters
    "SELECT $$a$$ FROM looks", "SELECT $tag$;DROP TABLE events;$tag$", "SELECT x'41' FROM looks", "SELECT b'01000001'",
    "SELECT 'x' 'y' FROM looks", "SELECT \u2018a\u2019 FROM looks", "SELECT * FROM \u0435vents",
    "SELECT * FROM looks\u00a0", "SELECT\u3000*\u3000FROM\u3000looks", "SELECT f\u0131le('/etc/passwd')", "SELECT \uff46ile('/etc/passwd')",
    "SELECT 1 FROM events \u2014\u2014 x\n; DROP TABLE events", "SELECT * FROM `ev\u200bents`", "SELECT * FROM \"sys\\u0074em\".one", "SELECT 1\ufeff; SELECT 2",
)  # fmt: skip

DIALECT_HARMLESS = (
    "SELECT toStartOfInterval(timestamp, toIntervalMinute(15)) AS t, count() FROM events GROUP BY t ORDER BY t",
    "SELECT event_type, count() FROM events GROUP BY ALL", "SELECT event_type, count() AS c FROM events GROUP BY event_type ORDER BY ALL",
    "SELECT countIf(event_type = 'purchase') AS bought, countIf(event_type = 'exposure') AS seen, bought / seen AS share FROM events",
    "SELECT quantilesExact(0.25, 0.5, 0.75)(value) AS q FROM events WHERE value IS NOT NULL",
    "SELECT arrayZip(groupArray(event_type), groupArray(ifNull(value, 0))) FROM (SELECT event_type, value FROM events LIMIT 5)",
    "SELECT arraySort((x, y) -> -y, ['a', 'b'], [1, 2])", "SELECT arrayStringConcat(arrayMap(x -> upper(x), ['a', 'b']), '-')",
    "SELECT mapFilter((k, v) -> v != '', properties) FROM events LIMIT 2", "SELECT mapKeys(properties)[1], mapValues(properties)[1] FROM events LIMIT 2",
    "SELECT user_id, groupArray((timestamp, event_type)) AS path FROM events GROUP BY user_id LIMIT 3",
    "SELECT user_id, arrayMap(x -> x.2, arraySort(groupArray((timestamp, event_type)))) AS path FROM events GROUP BY user_id LIMIT 3",
    "SELECT sequenceCount('(?1).*(?2)')(toDateTime(timestamp), event_type = 'exposure', event_type = 'purchase') FROM events",
    "WITH toDate('2026-11-01') AS start SELECT count() FROM events WHERE timestamp >= start",
    "WITH days AS (SELECT toDate(timestamp) AS d, count() AS n FROM events GROUP BY d) SELECT d, n, avg(n) OVER (ORDER BY d ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS smooth FROM days ORDER BY d",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT x, y FROM a CROSS JOIN b",
    "SELECT dateTrunc('week', timestamp) AS w, sum(value) AS revenue FROM events WHERE event_type = 'purchase' GROUP BY w ORDER BY w",
    "SELECT toDate(timestamp) AS d, count() FROM events WHERE timestamp >= today() - 7 GROUP BY d",
    "SELECT count() FROM events WHERE timestamp >= toDateTime('2026-11-01 00:00:00', 'UTC') AND timestamp < toDateTime('2026-11-08 00:00:00', 'UTC')",
    "SELECT experiment_id, uniqExact(user_id) AS users FROM events WHERE event_type = 'exposure' GROUP BY experiment_id HAVING users >= 1000 ORDER BY users DESC",
    "SELECT properties['country'] AS country, avg(value) AS basket FROM events WHERE event_type = 'purchase' AND country IN ('US', 'DE') GROUP BY country",
    "SELECT if(properties['device'] = 'mobile', 'phone', 'other') AS kind, uniq(user_id) FROM events GROUP BY kind",
    "SELECT count() FROM events WHERE NOT (event_type = 'exposure' OR value IS NULL)", "SELECT count() FROM events WHERE event_type != 'exposure' AND value >= 10.5",
    "SELECT name FROM experiments WHERE name ILIKE '%checkout%' ORDER BY started_at DESC LIMIT 5",
    "SELECT experiment_id, relative_lift, relative_lift / nullIf(standard_error, 0) AS z FROM outcomes ORDER BY z DESC LIMIT 10",
    "SELECT x.experiment_id, x.name, o.decision FROM experiments AS x INNER JOIN outcomes AS o USING (experiment_id) WHERE o.role = 'primary'",
    "SELECT * FROM (SELECT event_type, count() AS n FROM events GROUP BY event_type) WHERE n > 5 ORDER BY n",
    "SELECT event_type, n FROM (SELECT event_type, count() AS n FROM events GROUP BY event_type) ORDER BY n DESC LIMIT 1 WITH TIES",
    "SELECT argMax(value, timestamp) AS latest FROM events WHERE event_type = 'purchase'", "SELECT max(value) FILTER (WHERE event_type = 'purchase') FROM events",
    "SELECT formatDateTime(timestamp, '%W') AS weekday, count() FROM events GROUP BY weekday", "SELECT toHour(timestamp) BETWEEN 9 AND 17 AS office, count() FROM events GROUP BY office",
    "SELECT 'drop table looks' = 'x', 'system.tables', '$$', '{x:String}'", "SELECT 'a -- b', 'c /* d */ e', 'f;g'",
    "SELECT 'a\\' FROM looks -- '",
    "SELECT count(*) AS `number of events` FROM events", "SELECT lower(trim(event_type)) AS e FROM events LIMIT 2",
    "SELECT round(100 * countIf(value > 100) / count(), 1) AS percent FROM events WHERE event_type = 'purchase'",
    "SELECT uniqExact(user_id) FROM events WHERE user_id NOT IN (SELECT user_id FROM events WHERE event_type = 'purchase')",
    "SELECT a.user_id FROM events AS a SEMI LEFT JOIN (SELECT user_id FROM events WHERE event_type = 'purchase') AS b ON a.user_id = b.user_id LIMIT 3",
    "SELECT simpleLinearRegression(toFloat64(toHour(timestamp)), value) FROM events WHERE value > 0",
    "SELECT CAST('2026-11-01' AS Date) AS d, toDate('2026-11-01') = d AS same",
)  # fmt: skip
