"""The compose file names what is there: services, health checks, settings that exist."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from neonblue import settings
from neonblue.cli import COMMANDS
from neonblue.cli.serve import SERVERS

FILE = Path(__file__).parents[2] / "config" / "docker-compose-ai.yml"


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def known_variables() -> set[str]:
    """Every environment variable that our settings read."""
    names: set[str] = set()
    for group in vars(settings).values():
        if isinstance(group, type) and issubclass(group, settings.BaseSettings):
            prefix = group.model_config.get("env_prefix", "")
            names |= {f"{prefix}{field}".upper() for field in group.model_fields}
            for field in group.model_fields.values():
                choices = getattr(field.validation_alias, "choices", ())
                names |= {str(choice).upper() for choice in choices}
    return names


def test_everything_that_runs_has_a_health_check(services: dict[str, Any]) -> None:
    lasting = {name for name, each in services.items() if each["restart"] != "no"}
    assert {name for name in lasting if "healthcheck" not in services[name]} == set()
    assert lasting >= {"kafka", "clickhouse", "chroma", "ingest"}


def test_our_services_use_commands_and_settings_that_exist(services: dict[str, Any]) -> None:
    ours = [each for each in services.values() if each["image"].startswith("neonblue-")]
    assert len(ours) == 4
    assert len({each["image"] for each in ours}) == 1 == sum("build" in each for each in ours)
    assert {each["command"][0] for each in ours} <= set(COMMANDS)
    served = {each["command"][1] for each in ours if each["command"][0] == "serve"}
    assert served == set(SERVERS) - {"neonblue"}
    used = {name for each in ours for name in each["environment"]}
    assert used - known_variables() == set()


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    published = [port for each in services.values() for port in each.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_is_built_from_what_is_there() -> None:
    root = FILE.parents[1]
    lines = (FILE.parent / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    left_out = {line.strip("/") for line in (root / ".dockerignore").read_text().splitlines()}
    assert copied
    assert [name for name in copied if not (root / name).exists() or name in left_out] == []
    linked = {link.name for link in (root / "src" / "neonblue").iterdir() if link.is_symlink()}
    assert linked <= set(copied)


def test_chroma_is_the_version_that_was_tried(services: dict[str, Any]) -> None:
    assert services["chroma"]["image"] == f"chromadb/chroma:{version('chromadb')}"


def test_every_topic_that_the_worker_uses_is_made(services: dict[str, Any]) -> None:
    made = " ".join(services["topics"]["command"])
    environment = services["ingest"]["environment"]
    used = [environment[f"KAFKA_{which}_TOPIC"] for which in ("EVENTS", "ENRICHED", "DEAD")]
    assert [topic for topic in used if f" {topic}" not in made] == []
    assert services["ingest"]["depends_on"]["topics"]["condition"].endswith("successfully")


def test_published_ports_are_distinct_and_listened_on(services: dict[str, Any]) -> None:
    published = [port.split(":") for each in services.values() for port in each.get("ports", ())]
    assert len({outside for _, outside, _ in published}) == len(published)
    for each in services.values():
        if "--http" in each.get("command", ()):
            (port,) = each["ports"]
            assert each["command"][-1].endswith(f":{port.split(':')[-1]}")
            assert port.split(":")[-1] in str(each["healthcheck"]["test"])


def test_chroma_is_reached_by_our_services_alone(services: dict[str, Any]) -> None:
    networks = yaml.safe_load(FILE.read_text())["networks"]
    assert "ports" not in services["chroma"]
    (network,) = services["chroma"]["networks"]
    assert networks[network]["internal"] is True
    for name in ("experiment-intelligence", "user-behavior", "optimization-engine", "ingest"):
        assert set(services[name]["networks"]) == {"default", network}
    for name in ("kafka", "topics", "clickhouse"):
        assert network not in services[name].get("networks", ())
