"""What an item does in Slack: it opens a message, adds to its thread, or brings it up to date."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from service.couriers.notebook import Notebook, digest
from service.couriers.port import Contact, Delivered, GaveUp, Item, Outcome, Parts, Receiver, RetryLater
from service.couriers.slack.errors import Means
from service.couriers.slack.finding import Mark
from service.couriers.slack.picture import Pictures
from service.couriers.slack.posting import Poster
from service.couriers.slack.thread import Thread
from service.couriers.slack.web import Failed, Web
from service.facts import Incident, Notice, Order, Report
from service.messages.slack import root as slack
from service.messages.slack.presses import Offers

STORM: Final = "storm"
_NOBODY: Final = Contact()


class SlackCourier:
    """One workspace and its channels. Raises ValueError when the token, the channel or the address is of no use."""

    follows: Final = True

    def __init__(self, receiver: Receiver, parts: Parts) -> None:
        self.name = receiver.name
        self._channel = str(receiver.options.get("channel") or "")
        if not self._channel:
            raise ValueError("its channel is missing: #name or an id")
        self._offers = Offers(bool(receiver.options.get("orders", True)), bool(receiver.options.get("tickets", False)))
        self._contacts, self._url = receiver.contacts, parts.public_url
        self._web = Web(receiver, parts)
        self._pictures = Pictures(self._web, parts.picture)
        self._threads = Notebook(parts.memory(receiver.name), Thread)
        self._poster = Poster(self._web, self._threads, parts.clock)

    @property
    def told_twice(self) -> int:
        """How many messages doubled, were found and deleted."""
        return self._poster.told_twice

    async def deliver(self, item: Item) -> Outcome:
        """Tries once. A notice is one message, or one reply and one edit; a bare incident is an edit; an order is shown."""
        match item:
            case Order():
                said = slack.order(item, self._url)
                return await self._alone(f"order\0{item.id}", item.id, (self._channel,), said, Mark(slack.EVENT_ORDER, "order", item.id))
            case Notice(report=Report()):
                return await self._report(item)
            case Notice(reason="storm"):
                return await self._storm(item)
            case Notice():
                return await self._tell(item)
            case Incident():
                return await self._edit(item)

    async def close(self) -> None:
        """Leaves out pictures that are not drawn yet, and closes the connections."""
        await self._pictures.close()
        await self._web.close()

    async def _thread(self, about: str) -> Thread:
        return await self._threads.of(about) or Thread()

    async def _alone(self, about: str, item: str, places: tuple[str, ...], said: dict[str, Any], mark: Mark) -> Outcome:
        thread = await self._thread(about)
        if item in thread.told:
            return Delivered()
        return _outcome(await self._poster.root(about, thread, item, places, lambda _: said, mark))

    async def _report(self, notice: Notice) -> Outcome:
        """One message, in the channel of whose spend it is, and its plot in the thread."""
        said, places = slack.report(notice, self._url), self._places(notice.about)
        outcome = await self._alone(notice.incident, notice.id, places, said, _notice_mark(notice.id))
        if isinstance(outcome, Delivered):
            await self._hang(await self._thread(notice.incident), notice.about)
        return outcome

    async def _storm(self, notice: Notice) -> Outcome:
        """One message for all of them, and in its thread who they are."""
        about, members = f"{STORM}\0{notice.id}", slack.members_id(notice)
        outcome = await self._alone(about, notice.id, (self._channel,), slack.digest(notice, self._url), _notice_mark(notice.id))
        thread = await self._thread(about)
        if not isinstance(outcome, Delivered) or not notice.kept or members in thread.told:
            return outcome
        return _outcome(await self._poster.reply(about, thread, members, slack.kept_back(notice), _notice_mark(members)))

    async def _tell(self, notice: Notice) -> Outcome:
        thread = await self._thread(notice.incident)
        if notice.id in thread.told:
            return Delivered()
        if thread.stands:
            failed = await self._refresh(thread, notice.about)
            if failed is not None and failed.means is Means.GONE:
                thread.ts = thread.shown = thread.sending = ""  # somebody deleted it, so a new step opens another
            elif failed is not None and failed.means is not Means.FIXED:
                return failed.outcome
        if not thread.stands and (failed := await self._open(thread, notice)) is not None:
            return failed.outcome
        if notice.id not in thread.told and (failed := await self._reply(thread, notice)) is not None:
            return failed.outcome
        await self._hang(thread, notice.about)
        return Delivered()

    async def _edit(self, incident: Incident) -> Outcome:
        thread = await self._thread(incident.id)
        if not thread.stands:
            return Delivered()
        failed = await self._refresh(thread, incident)
        return Delivered() if failed is None or failed.means in (Means.GONE, Means.FIXED) else failed.outcome

    async def _open(self, thread: Thread, notice: Notice) -> Failed | None:
        about, places = notice.about, self._places(notice.about)
        made = partial(slack.root, about, self._url, self._offers)
        failed = await self._poster.root(about.id, thread, notice.id, places, lambda note: made(note=note, mentioned=notice.mention), _mark(about))
        if failed is None and notice.id in thread.told:
            await self._shows(thread, about, digest(made(note=thread.note)))
        return failed

    async def _refresh(self, thread: Thread, incident: Incident) -> Failed | None:
        """Edits the root, unless it shows as much already or more; a deleted double goes at the same time."""
        await self._poster.merge(incident.id, thread, _mark(incident))
        said = slack.root(incident, self._url, self._offers, note=thread.note)
        if (incident.revision, incident.time_ms) < (thread.revision, thread.time_ms) or digest(said) == thread.shown:
            return None
        answer = await self._poster.update(thread, said)
        if isinstance(answer, Failed):
            return answer
        await self._shows(thread, incident, digest(said))
        return None

    async def _shows(self, thread: Thread, incident: Incident, shown: str) -> None:
        thread.shown, thread.revision, thread.time_ms = shown, incident.revision, incident.time_ms
        await self._threads.keep(incident.id, thread)

    async def _reply(self, thread: Thread, notice: Notice) -> Failed | None:
        return await self._poster.reply(notice.incident, thread, notice.id, slack.reply(notice, self._url), _notice_mark(notice.id))

    def _places(self, incident: Incident) -> tuple[str, ...]:
        """The channels it may be told in: its owner's, else the receiver's."""
        owners = self._contacts.get(incident.owner, _NOBODY).slack
        return (owners, self._channel) if owners not in ("", self._channel) else (self._channel,)

    async def _hang(self, thread: Thread, incident: Incident) -> None:
        """The plot into the thread, once; without it nothing is missing but the picture."""
        if thread.pictured or not self._pictures.room:
            return
        thread.pictured = True
        await self._threads.keep(incident.id, thread)
        self._pictures.begin(incident.id, thread.channel, thread.ts)


def _mark(incident: Incident) -> Mark:
    return Mark(slack.EVENT, "incident", incident.id)


def _notice_mark(notice: str) -> Mark:
    return Mark(slack.EVENT_REPLY, "notice", notice)


def _outcome(failed: Failed | None) -> Delivered | RetryLater | GaveUp:
    return Delivered() if failed is None else failed.outcome
