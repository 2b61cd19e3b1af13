"""Parts: what an application was made of. What is None, nobody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._population import Population
    from .._upgrade import Upgrade
    from ..audit import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The arguments of `Application` and `AsyncApplication`, of either world."""

    store: Any
    tokens: Any
    hashed_tokens: Any
    throttle: Any
    audit: Sink | None
    upgrade: Upgrade | None
    population: Population | None
    authorize: Callable[[str, str], Any] | None
    signatures: Any
    passcodes: Any
    contexts: Any
    redirects: Any
    clock: Callable[[], float]
    timer: Callable[[], float]
