"""What can be pressed under an incident, by its state, and what a press carries back: the incident, the revision it was shown at, its order."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from service.facts import Incident, Ordered
from service.messages.acts import resumption
from service.messages.slack.text import fitted, mrkdwn, plain_text
from service.phrases import called

PREFIX: Final = "spendwarden."
LASTING: Final = frozenset({"requested", "delivered", "accepted", "effective"})
PERIOD_MAX_MS: Final = 400 * 86_400_000  # a rolling window has no end to wait for
SNOOZES: Final = {"30m": ("30 minutes", 1_800_000), "1h": ("1 hour", 3_600_000), "4h": ("4 hours", 14_400_000)}
UNTIL_PERIOD: Final = "period"
_SEPARATOR: Final = "|"


class Offers(NamedTuple):
    """What the service can do beside talking: orders where someone takes them, tickets where there is a Jira."""

    orders: bool = True
    tickets: bool = False


class Pressed(NamedTuple):
    """What a press is about; `choice` is the option of a menu."""

    incident: str
    revision: int
    order: str = ""
    choice: str = ""


def value_of(pressed: Pressed) -> str:
    """As a button carries it.

    >>> value_of(Pressed("inc-1", 3)), pressed_of(value_of(Pressed("inc-1", 3, choice="1h"))), pressed_of("rubbish")
    ('inc-1|3||', Pressed(incident='inc-1', revision=3, order='', choice='1h'), None)
    """
    return _SEPARATOR.join((pressed.incident, str(pressed.revision), pressed.order, pressed.choice))


def pressed_of(value: str) -> Pressed | None:
    """What a button carried, or None where it is none of ours."""
    parts = value.split(_SEPARATOR)
    if len(parts) != 4 or not parts[0] or not parts[1].isdecimal():
        return None
    return Pressed(parts[0], int(parts[1][:9]), parts[2], parts[3])


def standing_order(incident: Incident, now_ms: int) -> Ordered | None:
    """The order that holds now because of this incident; None where none was sent, or it has ended."""
    ordered = incident.ordered
    if ordered is None or ordered.mode != "enforce" or ordered.state not in LASTING or ordered.expires_ms <= now_ms or resumption(incident) is not None:
        return None
    return ordered


def allowed(incident: Incident, press: str, now_ms: int) -> bool:
    """Whether an incident still offers this; by the same rule its buttons are shown and an old button is refused."""
    judged = any(act.what in ("expected", "not_useful", "real") for act in incident.acts)
    live, ordered = incident.state != "resolved", standing_order(incident, now_ms) is not None
    offered = {
        "acknowledge": incident.state in ("open", "snoozed"),
        "snooze": live,
        "pause": live and not ordered,
        "resume": ordered,
        "expected": live and not judged,
        "not_useful": not judged,
        "ticket": live,
    }
    return offered.get(press, False)


def actions(incident: Incident, url: str, offers: Offers) -> dict[str, Any]:
    """The row of buttons for the incident as it stands; as of its own time, so that the same incident is always the same row."""
    now_ms = incident.time_ms
    who = called(incident.scope)
    order = standing_order(incident, now_ms)
    pressed = Pressed(incident.id, incident.revision, order.id if order else "")
    value = value_of(pressed)
    confirmed = {
        "title": plain_text("Was it expected?"),
        "text": mrkdwn(fitted(f"It is closed, and nothing more of it is told. What {who} does later is told again.", 290)),
        "confirm": plain_text("Yes, expected"),
        "deny": plain_text("Cancel"),
    }
    row = {
        "acknowledge": button("acknowledge", "Acknowledge", value, style="primary"),
        "snooze": _snooze(incident, pressed),
        "pause": button("pause", "Pause…", value, style="danger"),
        "resume": button("resume", "Resume…", value),
        "expected": button("expected", "Expected", value, confirm=confirmed),
        "not_useful": button("not_useful", "Not useful", value),
        "ticket": button("ticket", "Create ticket", value),
    }
    offered = {"pause": offers.orders, "resume": offers.orders, "ticket": offers.tickets}
    shown = [element for name, element in row.items() if offered.get(name, True) and allowed(incident, name, now_ms)]
    if url.startswith(("https://", "http://")):
        shown.append({"type": "button", "action_id": f"{PREFIX}open", "text": plain_text("Open"), "url": url})
    return {"type": "actions", "block_id": f"{PREFIX}actions", "elements": shown}


def button(name: str, label: str, value: str, **more: Any) -> dict[str, Any]:
    """What is pressed, and what the press then carries back."""
    return {"type": "button", "action_id": f"{PREFIX}{name}", "text": plain_text(label), "value": value, **more}


def _snooze(incident: Incident, pressed: Pressed) -> dict[str, Any]:
    options = [(name, label) for name, (label, _) in SNOOZES.items()]
    if incident.period_end_ms is not None and 0 < incident.period_end_ms - incident.time_ms < PERIOD_MAX_MS:
        options.append((UNTIL_PERIOD, "Until the period ends"))
    return {
        "type": "static_select",
        "action_id": f"{PREFIX}snooze",
        "placeholder": plain_text("Snooze"),
        "options": [{"text": plain_text(label), "value": value_of(pressed._replace(order="", choice=name))} for name, label in options],
    }
