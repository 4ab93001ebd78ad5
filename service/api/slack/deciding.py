"""What a press leads to. Pure: the incident as the books know it, the policy, the time and the press decide."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from service.api.queries import UNFIT, fit
from service.api.slack.reading import Press
from service.facts import Act, Control, ControlAction, Incident, ident
from service.messages.acts import people
from service.messages.slack.presses import SNOOZES, UNTIL_PERIOD, allowed, standing_order
from service.messages.slack.text import escaped, person
from service.messages.slack.views import APPROVE, Asked, approval, approved, question
from service.phrases import moment
from service.policy import Policy

_CONTROLS: Final[dict[str, tuple[ControlAction, str, str]]] = {  # the action, its verdict, and what the one who pressed is told
    "acknowledge": ("acknowledge", "", ""),
    "snooze": ("snooze", "", "Snoozed."),
    "expected": ("verdict", "expected", "Noted as expected: it is closed."),
    "not_useful": ("verdict", "not_useful", "Noted as not useful, thank you."),
    "ticket": ("ticket", "", "A ticket is asked for."),
}
_ORDERS: Final[dict[str, ControlAction]] = {"pause": "pause", "resume": "resume"}


class Refused(NamedTuple):
    """Nothing is done; `words` say why, for the one who pressed."""

    words: str


class Opens(NamedTuple):
    """A modal asks for more."""

    view: dict[str, Any]


class Asks(NamedTuple):
    """A second person is asked, in the thread."""

    said: dict[str, Any]


class Does(NamedTuple):
    """A control for the journal; `words` for the one who pressed, `instead` replaces the message that was pressed."""

    control: Control
    words: str = ""
    instead: dict[str, Any] | None = None


Decision: TypeAlias = Refused | Opens | Asks | Does


def decide(press: Press, incident: Incident | None, policy: Policy, now_ms: int) -> Decision | None:
    """None for what needs nothing done, such as a link that was followed."""
    name = press.asked.press if press.name == APPROVE and press.asked is not None else press.name
    if name not in _CONTROLS and name not in _ORDERS:
        return None
    if incident is None:
        return Refused("Not done: this incident is not known here any more.")
    if late := _too_late(press, incident, name, now_ms):
        return Refused(f"Not done: {late}")
    if name in _CONTROLS:
        return _simple(press, incident, now_ms)
    if press.asked is None:
        asked = Asked(name, press.about, press.by, id=_id(press, incident), url=press.url, thread=press.thread)
        return Opens(question(asked, incident))
    return _order(press, press.asked, incident, policy, now_ms)


def _simple(press: Press, incident: Incident, now_ms: int) -> Decision:
    action, verdict, words = _CONTROLS[press.name]
    until_ms = None
    if press.name == "snooze":
        until_ms = incident.period_end_ms if press.about.choice == UNTIL_PERIOD else now_ms + SNOOZES.get(press.about.choice, SNOOZES["1h"])[1]
    control = Control(_id(press, incident), incident.tenant, action, press.by, incident=incident.id, until_ms=until_ms, verdict=verdict)
    return Does(control, words if until_ms is None else f"Snoozed until {moment(until_ms)}.")


def _order(press: Press, asked: Asked, incident: Incident, policy: Policy, now_ms: int) -> Decision:
    """A person who may order alone does; for any other a second one is asked, and the two are judged together."""
    if not fit(asked.reason):
        return Refused(f"Not done: the reason {UNFIT}.")
    approves = press.name == APPROVE
    if approves and press.by == asked.by:
        return Refused("Not done: you asked for it yourself, so somebody else has to approve it.")
    approvers = policy.pauses.approvers
    if not approves and (_takes_two(incident, policy) or (approvers and press.by not in approvers)):
        return Asks(approval(asked, incident))
    if approvers and not {press.by, asked.by} & set(approvers):
        return Refused(f"Not done: neither {person(asked.by)} nor you are among the policy's `pauses.approvers`.")
    order = incident.ordered.id if asked.press == "resume" and incident.ordered is not None else ""
    control = Control(
        asked.id or _id(press, incident),
        incident.tenant,
        _ORDERS[asked.press],
        asked.by,
        incident=incident.id,
        order=order,
        reason=asked.reason,
        approved_by=press.by if approves else "",
    )
    return Does(control, "", approved(asked, press.by, now_ms) if approves else None)


def _takes_two(incident: Incident, policy: Policy) -> bool:
    least = policy.pauses.two_person_nanos
    return least is not None and incident.spend_nanos >= least


def _id(press: Press, incident: Incident) -> str:
    """The same press of the same person is the same control, however often it comes."""
    return ident("ctl", incident.tenant, "slack", press.by, press.mark, press.name)


def _too_late(press: Press, incident: Incident, name: str, now_ms: int) -> str:
    """Why a press no longer fits the incident as it stands, with who was first; empty where it does."""
    standing = standing_order(incident, now_ms)
    if allowed(incident, name, now_ms):
        other = name == "resume" and press.about.order and standing is not None and standing.id != press.about.order
        return "another order stands by now; look at the message as it is." if other else ""
    if name == "pause" and standing is not None:
        return f"an order stands already, since {moment(standing.time_ms)}."
    if name == "resume":
        return " ".join(("nothing is stopped because of it any more.", *_who(incident, "resume")))
    if name in ("expected", "not_useful") and incident.state != "resolved":
        return " ".join(("it was judged already.", *_who(incident, "expected", "not_useful", "real")))
    return " ".join((f"it is {escaped(incident.state)} by now.", *_who(incident, "acknowledge", "expected")))


def _who(incident: Incident, *what: str) -> list[str]:
    acts: list[tuple[Act, str]] = list(zip(incident.acts, people(incident, person), strict=True))
    return [line for act, line in acts if act.what in what][-1:]
