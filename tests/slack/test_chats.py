"""Who may press is read anew where a secret is replaced in its file, without a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from slack_sdk.signature import SignatureVerifier

from service.bootstrap.chatting import Chats
from service.clock import now_ms
from service.policy import load
from tests.scenarios.fake_service import FakeService
from tests.scenarios.live_service import until
from tests.slack.server import SIGNING_SECRET, TOKEN


async def test_a_signing_secret_that_is_replaced_is_the_one_that_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setattr("service.bootstrap.chatting.LOOK_S", 0.01)
    secret = tmp_path / "signing_secret"
    secret.write_text(SIGNING_SECRET)
    policy = load(f'receivers: [{{name: chat, kind: slack, channel: C1, token: "env:SLACK_BOT_TOKEN", signing_secret: "file:{secret}"}}]')
    chats = Chats(lambda: policy)

    async def are_signed_with(words: str) -> bool:
        (chat,) = chats()
        stamp = str(now_ms() // 1000)
        return chat.signed(b"payload={}", stamp, SignatureVerifier(words).generate_signature(timestamp=stamp, body=b"payload={}") or "")

    listening = asyncio.create_task(chats.listen(FakeService()))
    await until(lambda: are_signed_with(SIGNING_SECRET))
    secret.write_text("another")
    await until(lambda: are_signed_with("another"))
    assert not await are_signed_with(SIGNING_SECRET)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await chats.close()
