"""run: how logic that is written once, as coroutines, serves those who do not await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")


def run(coroutine: Coroutine[Any, Any, _T], awaiting: Exception) -> _T:
    """Return what a coroutine comes to in which nothing waits; raise `awaiting` if it
    does.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # typeshed has it as Any
    coroutine.close()
    raise awaiting
