"""What all entries for receivers share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator

from service.policy.limits import Entry
from service.policy.scopes import order_kind
from service.policy.values import Name

Takes: TypeAlias = Literal["orders", "notices", "all"]
Scopes: TypeAlias = tuple[Annotated[Name, AfterValidator(order_kind)], ...]


class ReceiverEntry(Entry):
    """What all receivers share: which of their keys name a secret they need, and which one they may have.

    `scopes` are the kinds of scope whose orders come here, such as `api_key`; without one, orders of every kind do.
    """

    NEEDS: ClassVar[tuple[str, ...]] = ()
    MAY_HAVE: ClassVar[tuple[str, ...]] = ()

    name: Name
    takes: Takes = "notices"
    scopes: Scopes = ()

    @property
    def references(self) -> dict[str, str | None]:
        """The secrets by key: those it needs, named or not, and the others that it names."""
        needed = {key: getattr(self, key) for key in self.NEEDS}
        return needed | {key: reference for key in self.MAY_HAVE if (reference := getattr(self, key)) is not None}
