"""The example of every kind of receiver: no mistake in it, no kind missing, and every secret is a reference."""

from __future__ import annotations

from pathlib import Path

from service.couriers.receivers import receivers_of
from service.couriers.registry import COURIERS
from service.policy import load
from service.policy.advice import advice

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "receivers.yaml"


def test_every_kind_has_an_example_that_needs_no_advice() -> None:
    policy = load(EXAMPLE.read_text(encoding="utf-8"))
    assert {receiver.kind for receiver in policy.receivers} == COURIERS.keys()
    assert advice(policy, lambda reference: reference, COURIERS) == []
    assert [receiver.name for receiver in receivers_of(policy) if receiver.second] == ["last-resort"]
