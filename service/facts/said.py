"""What meters say: tallies, findings and the rest of the facts.

Law of this file: a fact carries an identity and a whole value, never a difference, so hearing it twice changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, field

from service.facts.names import Cell, Kind, Member, Scope
from service.facts.reached import Reached


class Measures(Struct, array_like=True, gc=False):
    """Sums over the records of one tally. All whole numbers; `last_ms` is the greatest event time among them.

    `nanos` is what it cost, as told or else by our table; `*_pico` is what our table says that the tokens of each kind cost, in
    pico-dollars, so that they add up before the rounding: known at the last word, and 0 where the table knows no price.
    `planned_nanos` is the part of `nanos` that the policy's calendar expected.
    """

    records: int = 0
    nanos: int = 0
    last_ms: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    calls: int = 0
    errors: int = 0
    retries: int = 0
    retry_nanos: int = 0
    fallbacks: int = 0
    swapped: int = 0
    input_pico: int = 0
    cache_read_pico: int = 0
    cache_write_pico: int = 0
    output_pico: int = 0
    unpriced: int = 0
    began: int = 0
    ended: int = 0
    duration_ms: int = 0
    planned_nanos: int = 0
    quantity_milli: int = 0
    unpriced_input: int = 0
    unpriced_cache_read: int = 0
    unpriced_cache_write: int = 0
    unpriced_output: int = 0


class Tally(Struct, array_like=True, tag="t", gc=False):
    """The last word on a cell: all records of `event_minute` that arrived in `arrival_minute`, which is over.

    `unpriced`: whose its tokens without a price are (fresh, read, written, output), of the members that some limit asks for.
    """

    cell: Cell
    event_minute: int
    arrival_minute: int
    offset: int
    sums: Measures
    unpriced: dict[Scope, list[int]] | None = None


class Progress(Struct, array_like=True, tag="g", gc=False):
    """So far these totals of a cell for records of `event_minute` that arrived in `arrival_minute`, as of `offset`.

    Said at each mark in which they changed, until the last word; only money, tokens and counts travel between.
    """

    cell: Cell
    event_minute: int
    arrival_minute: int
    offset: int
    records: int
    nanos: int
    tokens: int
    last_ms: int
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


class Share(Struct, array_like=True, tag="s", gc=False):
    """The same for a member, also as its last word."""

    member: Member
    event_minute: int
    arrival_minute: int
    offset: int
    records: int
    nanos: int
    tokens: int
    last_ms: int


class Heaviest(Struct, array_like=True, tag="h", gc=False):
    """Who an agent's calls came from in one arrival minute: the heaviest members by kind and a remainder `other`.

    `members`: kind -> name -> (calls, nanos). Said once, when the minute is over.
    """

    tenant: str
    agent: str
    arrival_minute: int
    members: dict[str, dict[str, tuple[int, int]]]


class Shape(Struct, array_like=True, tag="b", gc=False):
    """What an agent's calls in one workflow looked like in one arrival minute. Said once, when the minute is over; counts add.

    `calls`: first tries of calls that belong to a run, by `shape_of_call`. `lowest`: the two smallest prompts of runs' first calls, in tokens.
    `ended`: runs that ended, by `size_bin` of their calls. `begun`: runs that began, by user. `reached`: how far those that ended went.
    """

    tenant: str
    agent: str
    workflow: str
    arrival_minute: int
    calls: dict[int, int]
    lowest: list[int]
    ended: dict[int, int]
    begun: dict[str, int]
    reached: Reached = field(default_factory=Reached)


class Reckoning(Struct, array_like=True, gc=False):
    """What a detector's score comes from, for whoever works it out once more.

    `level`: the evidence now, in nats; before it, in `days`, there were so many `peaks`, and they went `mean_excess` nats beyond the least that
    counts; `prior_*`: what is taken for granted beside them. It is told from `threshold` times `factor` nats on.
    """

    level: float
    peaks: float
    mean_excess: float
    days: float
    prior_peaks: float
    prior_excess: float
    threshold: float
    factor: float = 1.0


class Vote(NamedTuple):
    """What another detector of the same scope says of the same window: `score` as in a finding."""

    detector: str
    score: float


class Finding(Struct, array_like=True, tag="f", omit_defaults=True):
    """A rule or a detector says something about a scope; its id is the same whenever it is found again.

    `tier`: the tier of models that the action `degrade` asks for. `detector`: which test found it, with its `score` (-log10 of the
    episodes a day that go as far), what that comes from, and the `votes` of others; a rule has none of it, and a name only where its kind
    has several.
    `sure`: what it would go on to cost counts for a pause, and not only what it has cost.
    """

    id: str
    tenant: str
    kind: Kind
    scope: Scope
    time_ms: int
    arrival_ms: int
    agent: str = ""
    use_case: str = ""
    business_unit: str = ""
    workflow: str = ""
    execution: str = ""
    spend_nanos: int = 0
    expected_nanos: int = 0
    limit_nanos: int | None = None
    observed: float = 0.0
    expected: float = 0.0
    detail: str = ""
    driver: str = ""
    action: str = ""
    dimensions: list[Scope] = msgspec.field(default_factory=list)
    since_ms: int = 0
    tier: str = ""
    detector: str = ""
    score: float = 0.0
    sure: bool = True
    reckoning: Reckoning | None = None
    votes: list[Vote] = msgspec.field(default_factory=list)


class RunSpend(Struct, array_like=True, tag="r", gc=False):
    """A run that a finding named: what it and its children have spent so far, said at each mark while it goes on.

    `stuck`: what the finding saw is still so (a run that had looped and goes on in earnest is not). The rest is how far it has gone, as in `Reached`.
    """

    tenant: str
    root: str
    agent: str
    offset: int
    nanos: int
    calls: int
    last_ms: int
    ended: bool
    stuck: bool = True
    children: int = 0
    growth_percent: int = 0
    repeats: int = 0


class Purpose(Struct, array_like=True, tag="c"):
    """A `change` record, passed on: something was done on purpose."""

    id: str
    tenant: str
    what: str
    scope: Scope
    time_ms: int
    ref: str
    by: str


Fact: TypeAlias = Tally | Progress | Share | Heaviest | Shape | Finding | RunSpend | Purpose


def tenant_of(fact: Fact) -> str:
    """Whose money a fact is about."""
    if isinstance(fact, Tally | Progress):
        return fact.cell.tenant
    return fact.member.tenant if isinstance(fact, Share) else fact.tenant


class Counts(Struct, array_like=True, gc=False):
    """What one partition has heard since its beginning; every bound that was reached is counted here."""

    records: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    late: int = 0
    unpriced: int = 0
    unchecked: int = 0
    too_early: int = 0
    runs_dropped: int = 0
    cells_folded: int = 0
    members_folded: int = 0
    repeats_forgotten: int = 0
    names_dropped: int = 0
    shapes_dropped: int = 0
    users_folded: int = 0
