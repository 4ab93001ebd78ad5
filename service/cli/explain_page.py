"""What a person sees of an incident's numbers, in the order in which they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.text import Text

from detectors.tail import PEAK_MIN
from service.cli.reckoning import Check, budget_step, least_score, mean_peak, paces
from service.cli.screen import COLOURS
from service.cli.story import Story
from service.cli.tables import cell, table
from service.facts import HOUR_MS, MINUTE_MS, Scope
from service.money import nanos_of, spoken, usd
from service.phrases import called, capital, moment, percent

if TYPE_CHECKING:
    from service.localise import Where

AGREES: Final = {True: Text("agrees", style="green"), False: Text("does not agree", style="bold red"), None: Text("cannot be said", style="dim")}
NEVER: Final = 5.56  # of a score: once in a thousand years; more was never observed of anything
DAYS_SPOKEN: Final = 1_000.0
SHARES_MAX: Final = 10  # times the whole: of so little left of two that go both ways no share is said
Line = Mapping[str, Any]


def show(story: Story, found: Sequence[Check], where: Where | None) -> None:
    """The whole page; what there is nothing of is left out."""
    console = Console()
    for part in (*_head(story.now), *_why(story.now), *_where(where), *_budget(story), *_orders(story), *_people(story)):
        console.print(part, "", sep="\n")
    if found:
        console.print(_checks(found))


def _head(now: Line) -> Iterator[RenderableType]:
    scope = capital(called(Scope(now["scope"]["kind"], now["scope"]["name"])))
    kinds = ", ".join(kind.replace("_", " ") for kind in now["kinds"])
    lines = [
        f"[{COLOURS[now['severity']]}]{now['severity']}[/] [bold]{escape(scope)}[/]: {cell(kinds)}  [dim]{cell(now['id'])}, tenant {cell(now['tenant'])}[/]",
        f"{capital(now['state'])} since {_at(now['opened'])}; owner {cell(now.get('owner') or 'nobody')}"
        + (f"; part of {cell(now['parent'])}" if "parent" in now else ""),
        cell(_money(now)),
    ]
    yield "\n".join(line for line in lines if line)


def _money(now: Line) -> str:
    if "limit_usd" not in now and now.get("budget"):  # a quota counts tokens
        return f"Spent {now['detail']}."
    said = f"Spent ${now['spend_usd']}"
    excess = nanos_of(now["excess_usd"])
    if excess:
        said += f", {spoken(abs(excess))} {'more' if excess > 0 else 'less'} than the ${usd(nanos_of(now['spend_usd']) - excess)} that was expected"
    return said + (f"; limit ${now['limit_usd']}" if "limit_usd" in now else "") + (f". {capital(now['detail'])}." if now.get("detail") else ".")


def _why(now: Line) -> Iterator[RenderableType]:
    votes = [
        (vote["detector"], _number(vote["observed"]), _number(vote["expected"]), _ratio(vote), _number(vote["score"]), vote.get("detail", ""))
        for vote in now["evidence"]
    ]
    if votes:
        yield table("Evidence", ("found by", "observed", "expected", "times", "score", "of what"), votes, numbers=("observed", "expected", "times", "score"))
    yield from _reckoned(now)
    cause = now.get("cause")
    if cause:
        rows = [(part["driver"].replace("_", " "), _signed(part["usd"])) for part in cause["drivers"]]
        total = usd(sum(nanos_of(part["usd"]) for part in cause["drivers"]))
        yield table("Cause: what made the difference", ("driver", "USD"), [*rows, ("in all", _signed(total))], numbers=("USD",))
        carriers = [(called(Scope(part["kind"], part["name"])), percent(part["share"] or 0.0)) for part in cause["dimensions"]]
        if carriers:
            yield table("Who carries it", ("who", "share"), carriers, numbers=("share",))
        if cause.get("changes"):
            yield table("Done on purpose shortly before", ("what",), [(change,) for change in cause["changes"]])


def _where(where: Where | None) -> Iterator[RenderableType]:
    """The fewest values that carry the difference, and what they leave; it adds up."""
    if where is None:
        return
    from service.localise import beside, said  # noqa: PLC0415 -- numpy is slow to import, and the page of a transcript does not need it

    if where.unknown:
        yield f"Where: {cell(where.unknown)}."
        return
    span = f"{moment(where.from_hour * HOUR_MS)} to {moment(where.to_minute * MINUTE_MS)}"
    if not where.places:
        why = "no single cause, it is spread as ever" if where.cells > 1 else "all of it is one combination of values"
        difference = f"{spoken(abs(where.nanos))} {'less' if where.nanos < 0 else 'more'}"
        yield f"Where: {why}; {difference} than in {beside(where)} ({span})."
        return
    rows = [(said(place.values), _signed(usd(place.nanos)), _share(place.nanos, where.nanos)) for place in where.places]
    rest = [("the rest", _signed(usd(where.rest_nanos)), _share(where.rest_nanos, where.nanos)), ("in all", _signed(usd(where.nanos)), "")]
    yield table(f"Where: {span}, beside {beside(where)}", ("where", "USD", "share"), [*rows, *rest], numbers=("USD", "share"))


def _share(part: int, whole: int) -> str:
    """A part's share of the whole, by which all parts add up to 100 %; nothing where they nearly cancel out."""
    return percent(part / whole) if abs(part) < SHARES_MAX * abs(whole) else ""


def _reckoned(now: Line) -> Iterator[RenderableType]:
    """What the detectors' scores come from, and what the others said of the same windows."""
    told = [(vote, vote["reckoning"]) for vote in now["evidence"] if "reckoning" in vote]
    rows = [
        (
            vote["detector"],
            f"{r['level']:.3g} nats",
            f"{r['peaks']:g} in {r['days']:.3g} days",
            f"{PEAK_MIN + mean_peak(r):.3g} nats",
            _rare(vote["score"]),
            _rare(least_score(r)),
        )
        for vote, r in told
    ]
    if rows:
        columns = ("found by", "evidence", "peaks before", "mean peak", "goes so far", "told from")
        yield table("What its score comes from", columns, rows, numbers=columns[1:])
    others = [
        (other["detector"], vote["detector"], f"{other['score']:.3g}", _rare(other["score"])) for vote in now["evidence"] for other in vote.get("votes", ())
    ]
    if others:
        yield table("What the other detectors said", ("who", "when found by", "score", "goes so far"), others, numbers=("score", "goes so far"))


def _rare(score: float | None) -> str:
    """A score in words.

    >>> _rare(-1.0), _rare(2.0), _rare(5.2), _rare(40.0)
    ('10 times a day', 'once in 100 days', 'once in 434 years', 'less than once in 1,000 years')
    """
    if score is None or score > NEVER:
        return "less than once in 1,000 years"
    days = 10.0**score
    if days < 1.0:
        return f"{1 / days:.2g} times a day"
    return f"once in {days:.3g} days" if days < DAYS_SPOKEN else f"once in {days / 365.25:,.0f} years"


def _budget(story: Story) -> Iterator[RenderableType]:
    step = budget_step(story)
    if step is None or "period" not in step or "limit_usd" not in step:
        return
    spent, limit = nanos_of(step["spend_usd"]), nanos_of(step["limit_usd"])
    rows = [
        ("as of", _at(step["time"])),
        ("spent", f"${usd(spent)} of ${usd(limit)}, {percent(spent / limit)}"),
        ("left", f"${usd(max(0, limit - spent))}"),
        ("period", f"{_at(step['period']['start'])} to {_at(step['period']['end'])}"),
        ("pace", f"{step['pace']:g} times as planned"),
        *((f"runs out, {name}", f"{_at(step['runs_out'][name])} at {pace} an hour") for name, pace in paces(step).items()),
    ]
    yield table(f"Budget {step.get('budget', '')}", ("", ""), rows)


def _orders(story: Story) -> Iterator[RenderableType]:
    for order in story.orders:
        about = called(Scope(order["scope"]["kind"], order["scope"]["name"]))
        title = (
            f"Order {order['id']}: {order['action']} {about} because of {order['reason'].replace('_', ' ')} ({order['mode']}), until {_at(order['expires_at'])}"
        )
        rows = [
            (_at(state["time"]), state["state"], f"${state['overshoot_usd']}", state.get("receiver", ""), state.get("reason", "")) for state in order["states"]
        ]
        yield table(title, ("when", "state", "spent after it", "receiver", "why"), rows, numbers=("spent after it",))


def _people(story: Story) -> Iterator[RenderableType]:
    steps = [(_at(s["time"]), s["action"], s["reason"].replace("_", " "), s["severity"], f"${s['spend_usd']}", f"${s['excess_usd']}") for s in story.steps]
    yield table("Steps", ("when", "step", "why", "severity", "spent", "excess"), steps, numbers=("spent", "excess"))
    told = [(_at(n["time"]), n["receiver"], n["reason"].replace("_", " "), n["title"], _delivery(n)) for n in story.notices]
    yield table("Told", ("when", "to", "why", "what", "delivery"), told) if told else "Nobody was told."
    if story.controls:
        yield table(
            "Asked for by people",
            ("what", "by", "why"),
            [(c["action"], c["by"], " ".join((c.get("verdict", ""), c.get("reason", ""))).strip()) for c in story.controls],
        )


def _delivery(notice: Line) -> str:
    return " ".join(word for word in (notice.get("delivery", ""), notice.get("delivery_reason", "")) if word)


def _checks(found: Sequence[Check]) -> RenderableType:
    rows = [(check.what, check.told, f"{check.again} = {check.how}" if check.again else check.how, AGREES[check.agrees]) for check in found]
    return table("Worked out once more", ("number", "told", "worked out", ""), rows)


def _at(text: str) -> str:
    """An instant to the second; all of them are UTC."""
    return f"{text[:10]} {text[11:19]}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.6g}"


def _ratio(vote: Line) -> str:
    return f"{vote['observed'] / vote['expected']:.3g}" if vote["expected"] and vote["observed"] is not None else ""


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"
