"""A password that a program asks about, as a PLAIN exchange: the same policy and limits."""

from __future__ import annotations

from .._choosing import server
from .._errors import NoMechanism
from .._events import Failure
from .._reasons import Reason
from ..profiles import RAW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._channel import Channel
    from .._events import Event, Request
    from .._policy import Policy
    from .._server import Server


def check_password(
    username: bytes,
    password: bytes,
    *,
    channel: Channel,
    policy: Policy,
    answers: Iterable[type[Request]] | None,
) -> tuple[Server | None, Event]:
    """Return the exchange, None where the policy has no PLAIN, and its first event."""
    try:
        exchange = server(
            "PLAIN", channel=channel, policy=policy, profile=RAW, answers=answers
        )
    except NoMechanism as error:
        return None, Failure(Reason.UNSUPPORTED, str(error))
    return exchange, exchange.start(b"\0%b\0%b" % (username, password))
