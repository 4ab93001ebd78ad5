"""A rolling budget has no period that could name its incidents; they keep their ids all the same, whichever partition is heard first."""

from __future__ import annotations

from itertools import permutations

from service.facts import MINUTE_MS, Incident
from service.money import NANO
from service.warden import budgets
from service.warden.fold import hear, tenant
from service.warden.state import Warden
from tests.core.streams import START_MS, policy_set

POLICY = "version: 1\nbudgets: [{name: recent, scope: {agent: '*'}, rolling: 1h, limit_usd: 10, thresholds: [100]}]"
MINUTE = START_MS // MINUTE_MS // 60 * 60  # an hour begins here
SPENDS = ((20, 6), (20, 5), (21, 4))  # at minute, dollars: over the line at the second or the third


def spent(w: Warden, *spends: tuple[int, int]) -> list[str]:
    """The incidents that these open."""
    hear(w, START_MS, policy_set(POLICY))
    limit = w.plan.limit("recent")
    assert limit is not None
    for at, dollars in spends:
        budgets.add(w, tenant(w, "default"), limit, "indexer", MINUTE + at, dollars * NANO, (MINUTE + at) * MINUTE_MS + 30_000)
    said = [step.id for step in w.out if isinstance(step, Incident) and step.action == "opened"]
    w.out = []
    return said


def test_the_order_of_partitions_changes_no_id() -> None:
    ids = [spent(Warden(0, 1), *order) for order in permutations(SPENDS)]
    assert all(len(found) == 1 and found == ids[0] for found in ids)


def test_the_next_episode_is_another_incident() -> None:
    w = Warden(0, 1)
    first = spent(w, (1, 11), (59, 1))
    w.marks = [(MINUTE + 65) * MINUTE_MS]
    budgets.close_periods(w, tenant(w, "default"))
    second = spent(w, (59, 11))
    assert len(first) == len(second) == 1
    assert first != second
