from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from service.records_schema import records_schema
from service.settings import SECRET_BYTES_MAX, Settings, secret


def test_defaults_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Settings().address, Settings().partitions, Settings().insecure_loopback) == (("127.0.0.1", 8484), 12, False)
    monkeypatch.setenv("SPENDWARDEN_LISTEN", "[::1]:9000")
    monkeypatch.setenv("SPENDWARDEN_POLICY", "p.yaml")
    monkeypatch.setenv("SPENDWARDEN_PARTITIONS", "3")
    monkeypatch.setenv("SPENDWARDEN_INSECURE_LOOPBACK", "true")
    settings = Settings()
    assert (settings.address, settings.policy, settings.partitions, settings.insecure_loopback) == (("::1", 9000), Path("p.yaml"), 3, True)
    assert Settings(partitions=5).partitions == 5, "what is given wins"


@pytest.mark.parametrize("listen", ["8484", "localhost", "localhost:x", "localhost:70000", ":1"])
def test_what_is_no_address(listen: str) -> None:
    with pytest.raises(ValidationError, match="HOST:PORT"):
        Settings(listen=listen)


def test_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SW_TEST", " hush\n")
    monkeypatch.setenv("SW_EMPTY", " ")
    (tmp_path / "s").write_text("quiet\n")
    (tmp_path / "big").write_text("x" * (SECRET_BYTES_MAX + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert secret("env:SW_TEST") == "hush"
    assert secret(f"file:{tmp_path / 's'}") == "quiet"
    for reference in ("env:SW_EMPTY", "env:SW_NONE", f"file:{tmp_path}", f"file:{tmp_path / 'big'}", f"file:{tmp_path / 'binary'}", "hush", ""):
        assert secret(reference) is None


GOOD: list[dict[str, Any]] = [
    {"id": "a", "time": 1.5},
    {"type": "usage", "id": "a", "time": "2026-11-24T08:00:00Z", "cost_usd": "0.1", "labels": {"team": "x"}, "unheard_of": 1},
    {"type": "outcome", "id": "a", "time": 1, "execution_id": "r", "success": True},
    {"id": "a", "time": 1, "cost": 3, "currency": "eur"},
    {"type": "change", "id": "a", "time": 1, "what": "deploy", "scope": {"agent": "x"}},
]
BAD: list[dict[str, Any]] = [
    {"time": 1},
    {"id": "a"},
    {"id": "", "time": 1},
    {"id": "a", "time": 1, "input_tokens": -1},
    {"type": "outcome", "id": "a", "time": 1, "execution_id": "r", "success": "yes"},
    {"type": "outcome", "id": "a", "time": 1, "success": True},
    {"type": "change", "id": "a", "time": 1},
    {"id": "a", "time": 1, "cost": 3, "currency": "euros"},
    {"type": "change", "id": "a", "time": 1, "what": "party"},
    {"type": "other", "id": "a", "time": 1},
]


def test_the_schema_of_records() -> None:
    schema = records_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for record in GOOD:
        validator.validate(record)
    for record in BAD:
        assert list(validator.iter_errors(record)), record
    for name, definition in schema["$defs"].items():
        undescribed = [field for field, part in definition["properties"].items() if "description" not in part]
        assert set(undescribed) <= {"type", "user", "customer", "success", "status", "prompt_id", "prompt_version"}, name
