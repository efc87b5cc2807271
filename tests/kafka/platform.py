"""The platform's side of the road: PostgreSQL with logical replication, and Debezium on Connect."""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from tests.services.apache_kafka import java
from tests.services.ports import free_port, wait_for_port

PREFIX = "platform"
TABLES = ("experiments", "variants", "metrics", "events")
SCHEMA = """
CREATE TABLE experiments (
    id text PRIMARY KEY, name text NOT NULL, status text NOT NULL, alpha numeric,
    started_at timestamptz
);
CREATE TABLE variants (
    id serial PRIMARY KEY, experiment_id text NOT NULL, variant_id text NOT NULL,
    weight double precision NOT NULL, is_control boolean NOT NULL
);
CREATE TABLE metrics (
    id serial PRIMARY KEY, experiment_id text NOT NULL, name text NOT NULL, kind text NOT NULL,
    event_type text NOT NULL
);
CREATE TABLE events (
    event_id text PRIMARY KEY, user_id text NOT NULL, experiment_id text, variant_id text,
    event_type text NOT NULL, "timestamp" timestamptz NOT NULL, value numeric(12, 2),
    properties jsonb
);
ALTER TABLE events REPLICA IDENTITY FULL;
"""


def missing() -> str | None:
    """Why the platform cannot run here, or None."""
    if binaries() is None:
        return "there is no PostgreSQL server on this machine"
    return None


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL that Debian installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """A fresh cluster on loopback."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._bin = binaries() or Path()
        self._folder = folder / "postgres"
        self._folder.mkdir(mode=0o700)
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
            for parent in self._folder.parents:
                if parent.owner() == pwd.getpwuid(0).pw_name and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._command("initdb", "-D", str(self._folder / "data"), "-U", "neonblue", "-A", "trust")
        words = ["-D", str(self._folder / "data"), "-p", str(self.port), "-h", "127.0.0.1"]
        words += ["-k", str(self._folder), "-c", "wal_level=logical", "-c", "fsync=off"]
        self._process = subprocess.Popen(
            [str(self._bin / "postgres"), *words],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, 30)

    def run(self, sql: str) -> str:
        """Statements through psql; the rows of the last one, a line each, columns by tabs."""
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "neonblue", "-d", "postgres"]
        for _ in range(50):
            done = subprocess.run(
                ["psql", *words, "-v", "ON_ERROR_STOP=1", "-qAt", "-F", "\t"],
                input=sql,
                capture_output=True,
                text=True,
            )
            if "starting up" not in done.stderr:
                break
            time.sleep(0.2)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _command(self, name: str, *words: str) -> None:
        subprocess.run(
            [str(self._bin / name), *words],
            user=self._user,
            cwd=self._folder,
            check=True,
            capture_output=True,
        )


class Connect:
    """Kafka Connect in standalone mode with Debezium's connector for PostgreSQL."""

    def __init__(self, folder: Path, servers: str, postgres: Postgres) -> None:
        self._folder = folder
        worker, connector = folder / "worker.properties", folder / "connector.properties"
        worker.write_text(lines(self._worker(servers)))
        connector.write_text(lines(self._connector(postgres)))
        main = "org.apache.kafka.connect.cli.ConnectStandalone"
        self._log = (folder / "connect.log").open("wb")
        self._process = subprocess.Popen(
            java(main, str(worker), str(connector)), stdout=self._log, stderr=self._log
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _worker(self, servers: str) -> dict[str, str]:
        return {
            "bootstrap.servers": servers,
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "true",
            "offset.storage.file.filename": str(self._folder / "connect.offsets"),
            "offset.flush.interval.ms": "1000",
            "listeners": f"HTTP://127.0.0.1:{free_port()}",
            "plugin.discovery": "service_load",
        }

    def _connector(self, postgres: Postgres) -> dict[str, str]:
        return {
            "name": PREFIX,
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "127.0.0.1",
            "database.port": str(postgres.port),
            "database.user": "neonblue",
            "database.password": "",
            "database.dbname": "postgres",
            "topic.prefix": PREFIX,
            "plugin.name": "pgoutput",
            "table.include.list": ",".join(f"public.{table}" for table in TABLES),
            "decimal.handling.mode": "string",
            "poll.interval.ms": "100",
        }


def lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())
