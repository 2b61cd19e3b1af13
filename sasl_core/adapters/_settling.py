"""Have the application settle what a session asks, and hear how each exchange ended.

By `call` in asyncio; where threads block, by `call_now`, and each runs `at_once`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ._calls import call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeAlias

    from .._events import Event, Failure, Request, Success
    from .._server import Server
    from ..protocols._server_session import CommandT, ReplyT, ServerBase
    from ._calls import Call

    Answer: TypeAlias = Callable[[Request], Event | Awaitable[Event]]
    Decided: TypeAlias = Callable[[Server, Success | Failure], Awaitable[None] | None]

_log = logging.getLogger(__name__)


async def settle(
    session: ServerBase[ReplyT, CommandT],
    request: Request,
    answer: Answer,
    call: Call = call,
) -> ReplyT | Request | CommandT:
    """Ask the application; return what is to be done then.

    Where it raises, the client hears of a temporary failure.
    """
    try:
        return session.resume(await call(answer, request))
    except Exception as error:
        _log.exception("the application could not answer")
        return session.unavailable(type(error).__name__)


async def report(
    session: ServerBase[Any, Any], decided: Decided | None, call: Call = call
) -> None:
    """Tell the application how the exchange that has just ended did, if one has."""
    decision = session.decision()
    if decision is not None and decided is not None:
        try:
            await call(decided, *decision)
        except Exception:
            _log.exception("the application could not take note of a decision")
