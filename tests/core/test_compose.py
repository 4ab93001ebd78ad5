"""docker-compose.yml and what it mounts, without an engine: every command is one of ours, every file is there, every metric has a name here."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml
from typer.main import get_command

from service.cli.app import app
from service.engine.asked import Heard, States
from service.engine.owners import Lag
from service.meter.snapshot import MeterFold
from service.policy import load
from service.shells.republish import Passed
from service.shells.telemetry import Couriers, Shift, Telemetry, of_owners, of_worker
from service.warden.snapshot import WardenFold
from tests.prometheus import DASHBOARD, EXPRESSIONS, PANELS, ROOT, RULES, selectors

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUNBOOK = (ROOT / "deploy/runbook.md").read_text(encoding="utf-8")
OURS = [name for name, service in SERVICES.items() if "build" in service]


def commands(service: dict[str, Any]) -> list[list[str]]:
    """The words of each `spendwarden` that a service runs."""
    words: list[str] = service["command"]
    if service.get("entrypoint") != ["sh", "-c"]:
        return [words]
    [(name, values, body)] = re.findall(r"^for (\w+) in ([\w ]+); do (.+); done$", words[0].replace("$$", "$"))
    found = re.findall(r"spendwarden ([^>;|&]+)", body)
    return [shlex.split(part.replace(f"${name}", value)) for part in found for value in values.split()]


def checked(words: list[str]) -> None:
    """Read as the command line reads them, without doing anything: raises where a command or an option is unknown, lacking or of another kind."""
    command: Any = get_command(app)
    context = command.make_context("spendwarden", [], resilient_parsing=True)
    words = list(words)
    while hasattr(command, "get_command"):
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, name
    command.make_context(command.name, words)


def variables(service: dict[str, Any]) -> set[str]:
    return {name for name in service.get("environment", {}) if name.startswith("SPENDWARDEN_")}


def known_variables() -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service/cli").glob("*.py"))
    return set(re.findall(r"envvar=\"(SPENDWARDEN_\w+)\"", text))


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_ours_with_options_that_it_has(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = commands(SERVICES[name])
    for variable in variables(SERVICES[name]):
        monkeypatch.setenv(variable, SERVICES[name]["environment"][variable])
    assert found
    for words in found:
        checked(words)
    assert variables(SERVICES[name]) <= known_variables()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["worker", "--id", "x", "--brokers", "k:1", "--colour", "x"], "No such option"),
        (["wroker"], "wroker"),
        (["topics", "--brokers", "k:1", "--partitions", "many"], "valid integer"),
        (["worker", "--brokers", "k:1"], "worker_id"),
    ],
)
def test_a_command_that_is_not_would_be_found(words: list[str], found: str) -> None:
    with pytest.raises(Exception, match=found):
        checked(words)


def test_every_image_is_pinned() -> None:
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    assert len(images) == 4
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?", image) for image in images), images
    assert {SERVICES[name]["image"] for name in OURS} == {"spendwarden:local"}


def test_every_mounted_file_is_there_and_every_volume_is_named() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], (name, mount)
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split()[:-1]), line
    assert "\nUSER spendwarden\n" in dockerfile
    load((ROOT / "deploy/examples/compose.yaml").read_text(encoding="utf-8"))


def test_dependencies_are_waited_for_and_workers_are_started_again() -> None:
    for name in OURS:
        for other, how in SERVICES[name]["depends_on"].items():
            waits_for_health = how["condition"] == "service_healthy"
            assert "healthcheck" in SERVICES[other] if waits_for_health else "command" in SERVICES[other], (name, other)
    workers = [SERVICES[name] for name in OURS if SERVICES[name]["command"][0] == "worker"]
    assert [worker["restart"] for worker in workers] == ["always", "always"]
    ids = [worker["command"][worker["command"].index("--id") + 1] for worker in workers]
    assert len(set(ids)) == 2


def test_doors_are_open_to_this_machine_only_and_secrets_come_from_outside() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    secrets = [
        str(value) for service in SERVICES.values() for name, value in service.get("environment", {}).items() if "PASSWORD" in name or "DATABASE" in name
    ]
    assert secrets
    assert all(re.search(r"\$\{\w+_PASSWORD:-for-the-demo-only\}", value) for value in secrets)


def test_prometheus_asks_where_workers_and_door_show_themselves() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]}
    shown = {name: SERVICES[name]["command"][-1].rpartition(":")[2] for name in OURS if SERVICES[name]["command"][0] == "worker"}
    assert jobs["worker"]["static_configs"][0]["targets"] == [f"{name}:{port}" for name, port in shown.items()]
    assert jobs["serve"]["static_configs"][0]["targets"] == ["serve:8484"]
    assert "tokens:/tokens:ro" in SERVICES["prometheus"]["volumes"]


def names_shown() -> set[str]:
    """Every sample's name that door and workers can show."""
    lanes = [{"receiver": "hook", "lane": "orders", "pending": 1, "circuit": "open"}]
    couriers = Couriers(lanes, {"chat"})
    states = States({0: MeterFold(1).empty(0)}, {0: WardenFold(1).empty(0)})
    door = Telemetry().exposition(Heard(), Lag(), states, couriers, 0, books_wait=False)
    worker = [*of_worker(Heard(), Lag(), Shift({}, Passed(), couriers), 0), *of_owners([], [], 0)]
    counted = [f"{it.name}_total" if it.type == "counter" else it.name for it in worker]
    return set(re.findall(r"^# TYPE (\S+)", door, re.MULTILINE)) | set(counted)


def test_every_metric_that_is_asked_for_is_shown() -> None:
    asked = {it.name for expression in EXPRESSIONS for it in selectors(expression) if it.name.startswith("spendwarden_")}
    assert asked <= names_shown()
    assert len(asked) > 25


def test_every_alert_has_its_part_of_the_runbook_and_says_how_bad_it_is() -> None:
    for rule in RULES:
        assert f"### {rule['alert']}\n" in RUNBOOK, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")


def test_every_log_event_has_a_line_in_the_runbook() -> None:
    calls = [
        event
        for path in (ROOT / "service").rglob("*.py")
        for event in re.findall(r"\.(?:info|warning|error|critical|exception)\(\s*\"(\w+)\"", path.read_text(encoding="utf-8"))
    ]
    assert len(calls) > 10
    assert {event for event in calls if f"`{event}`" not in RUNBOOK} == set()


def test_panels_lie_apart_and_say_what_they_show() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places = [
        (x, y)
        for it in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(it["x"], it["x"] + it["w"])
        for y in range(it["y"], it["y"] + it["h"])
    ]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) == 23
    assert all(panel["title"] and panel["description"] and panel["datasource"]["uid"] == "prometheus" for panel in PANELS)
