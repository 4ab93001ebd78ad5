"""A broker with doors that ask who is there (SCRAM, PLAIN, certificates) and what each may do; tests may also kill, start again and pause it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.kafka.broker import Broker
from tests.kafka.fixtures import begun

SCRAM, MTLS = "SCRAM", "MTLS"
USER, PASSWORD = "spendwarden", "hush-hush"
RESTRICTED: Final = ("topics", "worker", "serve", "agents")  # may only do what a test allows them
_MODULES: Final = "org.apache.kafka.common.security"


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificates(folder: Path) -> None:
    """An authority (`ca.pem`), the broker's own certificate with its key (`broker.pem`) and a client's (`client.pem`, `client.key`)."""
    authority = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests")
    _openssl(folder, *authority)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
    for name in ("broker", "client"):
        _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        _openssl(folder, *signing, "-out", f"{name}.pem")
    (folder / "broker.pem").write_bytes((folder / "broker.key").read_bytes() + (folder / "broker.pem").read_bytes())


def make(folder: Path) -> Broker:
    """The broker; its certificates lie in its folder."""
    certificates(folder)
    scram, mtls = "listener.name.scram.", "listener.name.mtls.ssl."
    settings = {
        f"{scram}sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{scram}scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
        f"{scram}plain.sasl.jaas.config": f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        f"{mtls}keystore.type": "PEM",
        f"{mtls}keystore.location": str(folder / "broker.pem"),
        f"{mtls}truststore.type": "PEM",
        f"{mtls}truststore.location": str(folder / "ca.pem"),
        f"{mtls}client.auth": "required",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{USER};User:CN=client",
    }
    return Broker(folder, {SCRAM: "SASL_PLAINTEXT", MTLS: "SSL"}, settings, dict.fromkeys((USER, *RESTRICTED), PASSWORD))


@pytest.fixture(scope="session")
def guarded() -> Iterator[Broker]:
    """One for this run of the tests; who kills it starts it again."""
    yield from begun(make)
