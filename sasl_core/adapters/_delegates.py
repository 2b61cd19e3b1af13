"""What both kinds of Delegate have in common: what is remembered of each exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .._events import Authorize
from .._reasons import Reason
from ..protocols.dovecot import Refused, TooLong, Verified
from ..protocols.forwarding import Continue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._errors import SASLError
    from .._events import Event, Request
    from .._server import Server
    from .._values import Identity
    from ..protocols.dovecot import ClientSession, Outcome
    from ..protocols.forwarding import Forward

LinkT = TypeVar("LinkT")

GONE = Refused(Reason.UNAVAILABLE, "the authentication service is gone")


class Notes(Generic[LinkT]):
    """Which exchange runs where, and whom the service has verified in it."""

    def __init__(self, service: str, parameters: Mapping[str, str] | None) -> None:
        self._service = service
        self._parameters = dict(parameters or {})
        self._running: dict[Server, tuple[LinkT, int]] = {}
        self._verified: dict[Server, Identity] = {}

    def begin(self, session: ClientSession, link: LinkT, request: Forward) -> int:
        """Begin an exchange; raise what `ClientSession.begin` raises."""
        identifier = session.begin(
            request.mechanism,
            request.message,
            request.channel,
            service=self._service,
            parameters=self._parameters,
        )
        self._running[request.exchange] = link, identifier
        return identifier

    def running(self, request: Forward) -> tuple[LinkT, int]:
        """Return where an exchange that goes on does so."""
        return self._running[request.exchange]

    def settled(self, request: Request) -> Event:
        """Answer what the service is not asked."""
        if isinstance(request, Authorize):
            # Whom somebody may act as, the service has decided, too.
            found = self._verified.get(request._exchange)
            asked = (request.authcid, request.authzid)
            known = found is not None and (found.authcid, found.authzid) == asked
            return request.answer(known)
        return request.deny()

    def answered(self, request: Forward, outcome: Outcome) -> Event:
        """Answer with what the service said."""
        if not isinstance(outcome, Continue):
            self._running.pop(request.exchange, None)
        if isinstance(outcome, Verified):
            self._verified[request.exchange] = outcome.identity
        return request.answer(outcome)

    def over(self, exchange: Server) -> tuple[LinkT, int] | None:
        """Forget an exchange; return where it is still open."""
        self._verified.pop(exchange, None)
        return self._running.pop(exchange, None)

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered."""
        return not (self._running or self._verified)


def refusal(error: ValueError | OSError | SASLError) -> Refused:
    """Say what an error means, be it the service's or in how it is asked."""
    if isinstance(error, TooLong):
        return Refused(Reason.TOO_LONG, str(error))
    return Refused(Reason.UNAVAILABLE, type(error).__name__)
