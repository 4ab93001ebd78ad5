"""A body or file of many records is cut into the bytes of each; what they say is not looked at here.

A body is one object, an array, or a line for each record; gzip is unpacked up to a named limit, so no small body becomes a large one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from json.decoder import JSONDecoder
from typing import Final

import msgspec
from msgspec import Struct

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
RECORDS_PER_BATCH_MAX: Final = 10_000
LINES_MAX: Final = 2 * RECORDS_PER_BATCH_MAX  # a line between two records may be empty
COMMAS_MAX: Final = 64 * RECORDS_PER_BATCH_MAX  # an array with more is cut step by step, so that it is given up in time
LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines"})
_GZIP: Final = 31  # zlib's name for a window of 32 KiB inside a gzip header
_BOM: Final = b"\xef\xbb\xbf"
_decode_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_raw: Final = msgspec.json.Decoder(msgspec.Raw).decode


class Unreadable(StrEnum):
    """Why a whole body is not taken."""

    EMPTY = "empty"
    NOT_JSON = "not_json"
    BROKEN_GZIP = "broken_gzip"
    UNKNOWN_ENCODING = "unknown_encoding"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"


class BatchRefusal(Struct, frozen=True):
    """A body that is not taken, none of it; `detail` says the fix."""

    reason: Unreadable
    detail: str


def split(body: bytes, content_type: str = "", content_encoding: str = "") -> list[bytes] | BatchRefusal:
    """The records of a body, each as its own bytes, in their order.

    >>> split(b'[{"id": "a"}, {"id": "b"}]')
    [b'{"id": "a"}', b'{"id": "b"}']
    """
    plain = unpack(body, content_encoding)
    if isinstance(plain, BatchRefusal):
        return plain
    plain = plain.removeprefix(_BOM).strip(b" \t\r\n")
    if not plain:
        return BatchRefusal(Unreadable.EMPTY, "The body is empty; send one record, an array of records, or a record a line.")
    items = _items(plain, content_type.partition(";")[0].strip().lower())
    if isinstance(items, list) and len(items) > RECORDS_PER_BATCH_MAX:
        return _too_many()
    return items


def unpack(body: bytes, content_encoding: str = "") -> bytes | BatchRefusal:
    """The plain bytes of a body, at most BODY_BYTES_MAX; `content_encoding` as in HTTP: empty, `identity` or `gzip`."""
    match content_encoding.strip().lower():
        case "" | "identity":
            return body if len(body) <= BODY_BYTES_MAX else _too_large()
        case "gzip" | "x-gzip":
            return _gunzip(body)
        case other:
            return BatchRefusal(Unreadable.UNKNOWN_ENCODING, f"Content-Encoding {other[:40]!r} is not read; send gzip or none.")


def _gunzip(body: bytes) -> bytes | BatchRefusal:
    """All members of a gzip body; a bomb is given up at the limit, before it is unpacked."""
    plain = b""
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            plain += member.decompress(body, BODY_BYTES_MAX + 1 - len(plain))
        except zlib.error:
            return BatchRefusal(Unreadable.BROKEN_GZIP, "The body is not valid gzip; leave out Content-Encoding for a plain one.")
        if len(plain) > BODY_BYTES_MAX:
            return _too_large()
        if not member.eof:
            return BatchRefusal(Unreadable.BROKEN_GZIP, "The gzip body ends before its end; send it whole again.")
        body = member.unused_data.lstrip(b"\0")
    return plain


def _items(plain: bytes, content_type: str) -> list[bytes] | BatchRefusal:
    if content_type in LINES:
        return _lines(plain)
    if plain.startswith(b"["):
        return _array(plain)
    return [plain] if _is_json(plain) or not _is_json(plain.partition(b"\n")[0]) else _lines(plain)


def _lines(plain: bytes) -> list[bytes] | BatchRefusal:
    if plain.count(b"\n") > LINES_MAX:
        return _too_many()
    return [line for line in map(bytes.strip, plain.split(b"\n")) if line]


def _array(plain: bytes) -> list[bytes] | BatchRefusal:
    if plain.count(b",") <= COMMAS_MAX:
        try:
            return [bytes(item) for item in _decode_raws(plain)]
        except (ValueError, RecursionError):
            pass  # some record holds what JSON does not know, as NaN: it alone shall be refused for it
    return _array_carefully(plain)


def _array_carefully(plain: bytes) -> list[bytes] | BatchRefusal:
    try:
        items = [span.encode() for span in islice(_spans(plain.decode()), RECORDS_PER_BATCH_MAX + 1)]
    except UnicodeDecodeError as error:
        return BatchRefusal(Unreadable.NOT_JSON, f"The bytes are not UTF-8 at byte {error.start}; encode the body as UTF-8.")
    except json.JSONDecodeError as error:
        return BatchRefusal(Unreadable.NOT_JSON, f"The array is not JSON: {error.msg} at character {error.pos}; nothing of it was taken.")
    except (ValueError, RecursionError):
        return BatchRefusal(Unreadable.NOT_JSON, "The array holds what no record holds: nested too deeply, or a number with too many digits.")
    return items if len(items) <= RECORDS_PER_BATCH_MAX else _too_many()


def _spans(text: str) -> Iterator[str]:
    """The text of each element of an array, as far as Python's own reader of JSON goes; raises JSONDecodeError where it is broken."""
    decoder, at = JSONDecoder(), _past_space(text, 1)
    while text[at : at + 1] != "]":
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = _past_space(text, end)
        if text[at : at + 1] == ",":
            at = _past_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    if at + 1 < len(text):
        raise json.JSONDecodeError("Extra data", text, at + 1)


def _past_space(text: str, at: int) -> int:
    while text[at : at + 1] in {" ", "\t", "\n", "\r"}:
        at += 1
    return at


def _is_json(plain: bytes) -> bool:
    try:
        _decode_raw(plain)
    except (ValueError, RecursionError):
        return False
    return True


def _too_many() -> BatchRefusal:
    return BatchRefusal(Unreadable.TOO_MANY, f"The body holds more than {RECORDS_PER_BATCH_MAX} records; send fewer at a time.")


def _too_large() -> BatchRefusal:
    return BatchRefusal(Unreadable.TOO_LARGE, f"The body is larger than {BODY_BYTES_MAX} bytes unpacked; send fewer records at a time.")
