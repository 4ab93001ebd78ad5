"""What a courier remembers of each thing that it told, as values of one form; and whether what it would show has changed."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec

from service.couriers.port import Memory

Form = TypeVar("Form")


class Notebook(Generic[Form]):
    """One courier's memory, by what each value is about. Raises LogError where the memory does."""

    def __init__(self, memory: Memory, form: type[Form]) -> None:
        self._memory, self._form = memory, form

    async def of(self, about: str) -> Form | None:
        """What is known of it; None where nothing is."""
        value = await self._memory.kept(about)
        return None if value is None else msgspec.msgpack.decode(value, type=self._form)

    async def keep(self, about: str, value: Form) -> None:
        """Outlives a kill once it returns."""
        await self._memory.keep(about, msgspec.msgpack.encode(value))


def digest(said: Any) -> str:
    """Of what is shown, so that an edit which changes nothing is not made."""
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()
