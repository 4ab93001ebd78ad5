"""For whoever receives our webhooks: proves that a request is ours and is fresh, and returns its event.

The convention is Standard Webhooks: the signed text is `ID.TIMESTAMP.BODY`, the signature HMAC-SHA256, and while a secret is being
replaced each live one signs. A secret written as `whsec_...` is base64, as that convention has it; any other secret is plain text
and its UTF-8 bytes are the key. Secrets are separated by white space, so a plain one holds none.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

TOLERANCE_S: Final = 300
SECRETS_MAX: Final = 4
_PREFIX: Final = "whsec_"


class UnverifiedError(Exception):
    """The request is not proved to be ours, or not now; answer 401 and do nothing. Its text never holds a secret."""


def keys_of(secrets: str | Sequence[str]) -> list[bytes]:
    """The keys of all secrets in a text or in several, the newest first; raises ValueError, without naming them, when there is none to use.

    >>> keys_of("whsec_c2VjcmV0 plain")
    [b'secret', b'plain']
    """
    written = secrets if isinstance(secrets, str) else " ".join(secrets)
    keys = [_key(part) for part in written.split()]
    if not 0 < len(keys) <= SECRETS_MAX:
        raise ValueError(f"needs one secret, or up to {SECRETS_MAX} while it is replaced")
    return keys


def _key(part: str) -> bytes:
    if not part.startswith(_PREFIX):
        return part.encode()
    encoded = part.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret that begins with whsec_ must go on in base64") from None
    if not key:
        raise ValueError("a secret that begins with whsec_ must not end there")
    return key


def sign(key: bytes, message_id: str, timestamp_s: int, body: str) -> str:
    """One signature, as it stands in the header.

    >>> sign(b"secret", "msg-1", 1, "{}")
    'v1,Joj/kgDDi10RnsAK2rZeYUQUUiax1MXgRpAEP5L4I+Q='
    """
    digest = hmac.digest(key, f"{message_id}.{timestamp_s}.{body}".encode(), "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(headers: Mapping[str, str], body: bytes, secrets: str | Sequence[str], now_ms: int) -> dict[str, Any]:
    """The CloudEvents object of a request that is ours and at most five minutes old; raises UnverifiedError otherwise.

    `headers` in any case; `body` exactly as it came; `secrets` as they stand in our policy, several while one is being replaced.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp, signatures = (named[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise UnverifiedError(f"the header {missing} is missing") from None
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise UnverifiedError("the header 'webhook-timestamp' is no whole number of seconds")
    if abs(int(timestamp) - now_ms // 1000) > TOLERANCE_S:
        raise UnverifiedError(f"sent more than {TOLERANCE_S} s from now: a replay, or a clock that is wrong")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UnverifiedError("the body is not UTF-8") from None
    expected = [sign(key, message_id, int(timestamp), text) for key in keys_of(secrets)]
    told = [part.encode() for part in signatures.split(" ")]
    if not any([hmac.compare_digest(mine.encode(), theirs) for mine in expected for theirs in told]):  # noqa: C419 -- every pair is compared, so that time tells nothing
        raise UnverifiedError("no signature fits: another secret, or the body was changed on its way")
    return _event(text, message_id)


def _event(text: str, message_id: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict) or event.get("specversion") != "1.0" or not isinstance(event.get("data"), dict):
        raise UnverifiedError("the body is no CloudEvents 1.0 object with data")
    if event.get("id") != message_id:
        raise UnverifiedError("the event is not the one its headers name")
    return event
