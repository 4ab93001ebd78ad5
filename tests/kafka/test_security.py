"""Who is let in: SASL with SCRAM and PLAIN, certificates on both sides; and what those hear who are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.log.kafka import Cluster, KafkaLog, make, topics
from service.log.ports import STREAM, LogError
from service.settings import KafkaSettings
from tests.kafka.broker import Broker
from tests.kafka.guarded import MTLS, PASSWORD, SCRAM, USER

Connect = Callable[..., Cluster]


async def works(cluster: Cluster) -> None:
    await make(cluster, topics(cluster.settings.topic_prefix, 1, 1), 1)
    log = KafkaLog(cluster)
    await log.append(STREAM, 0, [b"x"])
    assert [row.value for row in await log.read(STREAM, 0, 0, 10)] == [b"x"]
    await log.trim(STREAM, 0, 1)
    assert await log.span(STREAM, 0) == (1, 1)


def sasl(broker: Broker, **settings: Any) -> dict[str, Any]:
    return {"brokers": broker.address(SCRAM), "security_protocol": "SASL_PLAINTEXT", "username": USER, "password": PASSWORD, **settings}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_by_user_and_password(guarded: Broker, connect: Connect, mechanism: str) -> None:
    await works(connect(guarded, **sasl(guarded, sasl_mechanism=mechanism)))


async def test_by_certificate(guarded: Broker, connect: Connect) -> None:
    files = {"ca_file": guarded.folder / "ca.pem", "cert_file": guarded.folder / "client.pem", "key_file": guarded.folder / "client.key"}
    await works(connect(guarded, brokers=guarded.address(MTLS), security_protocol="SSL", **files))


async def test_a_wrong_password_is_told_and_never_shown(guarded: Broker, connect: Connect) -> None:
    with pytest.raises(LogError, match=r"cannot ask stream-0|cannot ask .*no broker answers, or none lets us in") as refused:
        await KafkaLog(connect(guarded, **sasl(guarded, password="guessed"))).span(STREAM, 0)
    assert "uthentication" in str(refused.value)
    assert "guessed" not in str(refused.value)


async def test_without_a_certificate_nobody_is_let_in(guarded: Broker, connect: Connect) -> None:
    stranger = connect(guarded, brokers=guarded.address(MTLS), security_protocol="SSL", ca_file=guarded.folder / "ca.pem", request_timeout_ms=2_000)
    with pytest.raises(LogError, match="cannot ask"):
        await KafkaLog(stranger).span(STREAM, 0)


async def test_an_authority_that_we_do_not_know(guarded: Broker, connect: Connect) -> None:
    with pytest.raises(LogError, match=r"(?i)cannot ask .*certificate verify failed"):
        await KafkaLog(connect(guarded, brokers=guarded.address(MTLS), security_protocol="SSL")).span(STREAM, 0)


def test_certificates_that_cannot_be_read(connect: Connect, broker: Broker, tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"cannot use the certificates.*No such file.*certificate cannot be read"):
        connect(broker, security_protocol="SSL", ca_file=tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(LogError, match=r"cannot use the certificates.*SPENDWARDEN_KAFKA_CA_FILE"):
        connect(broker, security_protocol="SSL", ca_file=tmp_path / "bad.pem")


def test_settings_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BROKERS": "a:9092, b:9093", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "me", "KAFKA_PASSWORD": "hush"}.items():
        monkeypatch.setenv(f"SPENDWARDEN_{name}", value)
    settings = KafkaSettings()
    assert (settings.brokers, settings.security_protocol, settings.sasl_mechanism) == ("a:9092,b:9093", "SASL_SSL", "SCRAM-SHA-512")
    assert "hush" not in repr(settings)
    for wrong in ({"username": ""}, {"brokers": "here"}, {"security_protocol": "TLS"}, {"topic_prefix": "a b"}, {"key_file": "k"}):
        with pytest.raises(ValidationError):
            KafkaSettings.model_validate(wrong)
