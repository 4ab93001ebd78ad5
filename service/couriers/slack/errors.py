"""What Slack's error codes mean for a delivery, in words for the person who can mend it. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Final

from service.couriers.port import GaveUp, RetryLater
from service.phrases import shown


class Means(Enum):
    """What to do about an error."""

    LATER = "later"
    TOKEN = "token"  # noqa: S105 -- a word
    CHANNEL = "channel"
    CONTENT = "content"
    GONE = "gone"
    FIXED = "fixed"
    NEVER = "never"


_TOKEN: Final = "make a new bot token, or give it what it lacks, and name it under the receiver's `token`"  # noqa: S105 -- words
_CHANNEL: Final = "name another channel, or invite the bot there"
_KNOWN: Final[dict[str, tuple[Means, str]]] = {
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded"), (Means.LATER, "Slack asks to slow down")),
    **dict.fromkeys(("internal_error", "fatal_error", "service_unavailable", "request_timeout"), (Means.LATER, "Slack has a fault of its own")),
    "invalid_auth": (Means.TOKEN, "the bot token is not valid"),
    "not_authed": (Means.TOKEN, "no bot token was sent"),
    "token_revoked": (Means.TOKEN, "the bot token was revoked"),
    "token_expired": (Means.TOKEN, "the bot token has expired"),
    "account_inactive": (Means.TOKEN, "the app was removed from the workspace"),
    "missing_scope": (Means.TOKEN, "the bot token lacks a scope"),
    "not_allowed_token_type": (Means.TOKEN, "the token is not a bot's"),
    "no_permission": (Means.TOKEN, "the app may not do this"),
    "channel_not_found": (Means.CHANNEL, "there is no such channel, or the bot cannot see it"),
    "not_in_channel": (Means.CHANNEL, "the bot is not in the channel"),
    "is_archived": (Means.CHANNEL, "the channel is archived"),
    "restricted_action": (Means.CHANNEL, "the bot may not post in the channel"),
    "channel_is_limited_access": (Means.CHANNEL, "the bot may not post in the channel"),
    **dict.fromkeys(("msg_too_long", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"), (Means.CONTENT, "Slack refuses its form")),
    **dict.fromkeys(("invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large"), (Means.CONTENT, "Slack refuses its metadata")),
    **dict.fromkeys(("message_not_found", "thread_not_found"), (Means.GONE, "the message was deleted")),
    **dict.fromkeys(("cant_update_message", "edit_window_closed"), (Means.FIXED, "the message cannot be edited any more")),
}
_FIXES: Final = {Means.TOKEN: _TOKEN, Means.CHANNEL: _CHANNEL}


def meaning(code: str) -> Means:
    """What an error code means; one that is not known never works as it is.

    >>> meaning("is_archived"), meaning("something_new")
    (<Means.CHANNEL: 'channel'>, <Means.NEVER: 'never'>)
    """
    return _KNOWN.get(code, (Means.NEVER, ""))[0]


def outcome_of_error(code: str, after_s: float | None, where: str = "") -> RetryLater | GaveUp:
    """The outcome of an error; `where` is the channel it was about.

    >>> outcome_of_error("is_archived", None, "#kyc").reason
    'the channel is archived (#kyc, is_archived): name another channel, or invite the bot there'
    """
    means, reason = meaning(code), reason_of_error(code, where)
    if means is Means.LATER:
        return RetryLater(after_s, reason, alone=after_s is not None)
    fix = _FIXES.get(means)
    return GaveUp(f"{reason}: {fix}" if fix else reason)


def reason_of_error(code: str, where: str = "") -> str:
    """What is wrong, without how to mend it; `where` is the channel it was about.

    >>> reason_of_error("is_archived", "#kyc")
    'the channel is archived (#kyc, is_archived)'
    """
    means, words = _KNOWN.get(code, (Means.NEVER, "Slack refuses"))
    about = ", ".join(part for part in (shown(where) if means is Means.CHANNEL else "", shown(code)) if part)
    return f"{words} ({about})"
