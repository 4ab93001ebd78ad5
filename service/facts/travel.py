"""How it all travels: MessagePack, by tag."""

from __future__ import annotations

from typing import Final

import msgspec

from service.facts.decided import Outbox
from service.facts.rows import JournalRow, StreamItem, StreamRow

_encoder: Final = msgspec.msgpack.Encoder()
encode: Final = _encoder.encode
_records: Final[msgspec.msgpack.Decoder[StreamRow]] = msgspec.msgpack.Decoder(StreamRow)
_items: Final[msgspec.msgpack.Decoder[StreamItem]] = msgspec.msgpack.Decoder(StreamItem)
decode_journal: Final = msgspec.msgpack.Decoder(JournalRow).decode
decode_outbox: Final = msgspec.msgpack.Decoder(Outbox).decode
_MAPS: Final = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}


def decode_stream(raw: bytes) -> StreamRow | StreamItem:
    """A row of the stream: records travel as maps, what the shell itself appends as arrays."""
    return _records.decode(raw) if raw[0] in _MAPS else _items.decode(raw)
