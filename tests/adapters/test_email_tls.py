"""Mail over TLS, from the first byte or by STARTTLS: only a server that somebody vouches for gets the password and the mail."""

from __future__ import annotations

import gc
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.couriers.port import Delivered, RetryLater
from tests.adapters.test_email import SECRET, send
from tests.mail import MailServer
from tests.samples import NOTICE


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a server at 127.0.0.1 that nobody vouches for."""
    if shutil.which("openssl") is None:
        pytest.skip("NO OPENSSL ON THIS MACHINE, so mail over TLS was not tested")
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=mail",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run(["openssl", *words, "-keyout", path, "-out", path.with_suffix(".crt")], check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture(params=["tls", "starttls"])
def encrypted(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[MailServer, str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = MailServer(context, starttls=request.param == "starttls")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server, request.param
    server.close()
    thread.join()
    gc.collect()


UNCLOSED = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # asyncio lets go of a TLS line after the loop's last turn


@UNCLOSED
async def test_a_server_that_somebody_vouches_for_gets_the_password_encrypted(
    encrypted: tuple[MailServer, str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, tls = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    assert await send(server, NOTICE, tls=tls) == Delivered()
    assert server.logins == [f"\0spend\0{SECRET}"]
    assert len(server.mails) == 1


@UNCLOSED
async def test_a_server_that_nobody_vouches_for_gets_neither_password_nor_mail(encrypted: tuple[MailServer, str]) -> None:
    server, tls = encrypted
    outcome = await send(server, NOTICE, tls=tls)
    assert outcome == RetryLater(None, "no connection (SSLCertVerificationError)")
    assert (server.logins, server.mails) == ([], [])
