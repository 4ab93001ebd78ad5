"""PagerDuty: what an incident becomes makes one alert begin, be taken over, and end."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as but

from service.couriers.pagerduty import action_of
from tests.samples import INCIDENT, notice


@pytest.mark.parametrize(
    ("state", "reason", "action"),
    [
        ("open", "opened", "trigger"),
        ("open", "worse", "trigger"),
        ("acknowledged", "acknowledged", "acknowledge"),
        ("snoozed", "snoozed", "acknowledge"),
        ("acknowledged", "worse", "trigger"),
        ("open", "reopened", "trigger"),
        ("resolved", "resolved", "resolve"),
        ("resolved", "effective", "resolve"),
    ],
)
def test_what_becomes_of_the_alert(state: str, reason: str, action: str) -> None:
    assert action_of(notice(but(INCIDENT, state=state, reason=reason), reason)) == action
