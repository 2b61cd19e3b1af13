"""How each exchange ends: what the throttle is asked and told, and what the audit hears."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Literal

from ..._events import Failure, Success
from ..._reasons import Reason
from .._account import Unavailable
from ..audit import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..._events import Request
    from ..._server import Server
    from ..audit import Outcome
    from ..throttle import Ticket
    from .parts import Parts

_log = logging.getLogger("sasl_core.backends")
_AFTER_A_GUESS = frozenset(
    {Reason.BAD_CREDENTIALS, Reason.MALFORMED, Reason.ABORTED, Reason.TOO_LONG}
)


class Notes:
    """What is remembered of one exchange; it hangs on it, and goes with it."""

    __slots__ = ("began", "decided", "guessed", "id", "throttled", "ticket", "username")

    def __init__(self, began: float) -> None:
        self.id = secrets.token_hex(8)
        self.began = began
        self.username = ""  # as claimed
        self.ticket: Ticket | None = None
        # Whether a password was guessed where nobody sees it; None where all do.
        self.guessed: bool | None = None
        self.throttled = False
        self.decided = False


def correlation_id(exchange: Server) -> str:
    """Return the name of an exchange in the audit, for log lines of one's own; "" before
    an `Application` has heard of it.
    """
    notes = getattr(exchange, "_notes", None)
    return notes.id if notes is not None else ""


class Outcomes:
    """The notes of all exchanges, the throttle and the audit."""

    def __init__(self, parts: Parts, call: Callable[..., Any]) -> None:
        self._parts = parts
        self._call = call

    def notes(self, exchange: Server) -> Notes:
        """Return the notes of an exchange, new ones the first time."""
        notes: Notes | None = getattr(exchange, "_notes", None)
        if notes is None:
            notes = exchange._notes = Notes(self._parts.timer())
        return notes

    async def charge(self, request: Request, notes: Notes) -> str:
        """Charge the attempt, once an exchange; return why it must wait, "" if it need
        not.
        """
        throttle = self._parts.throttle
        if throttle is None or notes.ticket is not None:
            return ""
        remote = request.channel.remote
        username = getattr(request, "username", None)
        ticket: Ticket = await self._call(throttle.ask, username, remote)
        if ticket.wait > 0:
            notes.throttled = True
            return f"throttled for {ticket.wait:.0f} s: {ticket.reason}"
        notes.ticket = ticket
        return ""

    async def decide(self, exchange: Server, outcome: Success | Failure) -> None:
        """Tell throttle and audit how it ended, the first time."""
        notes, parts = self.notes(exchange), self._parts
        if notes.decided:
            return
        notes.decided = True
        if notes.ticket is not None:
            try:
                told = _guess(outcome, notes)
                await self._call(parts.throttle.tell, notes.ticket, told)
            except Unavailable:
                _log.warning("the throttle could not be told of an outcome")
        if parts.audit is not None:
            try:
                event = self._event(exchange, outcome, notes)
                await self._call(parts.audit, event)
            except Exception as error:  # an audit that fails changes no outcome
                _log.error("the audit failed: %s", type(error).__name__)

    def _event(
        self, exchange: Server, outcome: Success | Failure, notes: Notes
    ) -> AuditEvent:
        channel = exchange.channel
        won = outcome if isinstance(outcome, Success) else None
        lost = outcome if isinstance(outcome, Failure) else None
        return AuditEvent(
            time=self._parts.clock(),
            id=notes.id,
            outcome=_outcome(outcome, notes),
            mechanism=exchange.name,
            username=notes.username,
            authcid=won.identity.authcid if won else "",
            authzid=won.identity.authzid if won else "",
            reason=lost.reason if lost else None,
            detail=lost.detail if lost else "",
            service=channel.service,
            host=channel.host,
            port=channel.port,
            remote=channel.remote,
            encrypted=channel.encrypted,
            bound=won.bound if won else False,
            duration=max(self._parts.timer() - notes.began, 0.0),
        )


def _guess(
    outcome: Success | Failure, notes: Notes
) -> Literal["success", "failure", "neither"]:
    """Say what the throttle learns: only a credential that was looked at is a guess."""
    if isinstance(outcome, Success):
        return "success"
    if notes.guessed is not None:
        # A client that has heard the answer may as well be gone, or say what it likes.
        wrong = notes.guessed and outcome.reason in _AFTER_A_GUESS
        return "failure" if wrong else "neither"
    return "failure" if outcome.reason is Reason.BAD_CREDENTIALS else "neither"


def _outcome(outcome: Success | Failure, notes: Notes) -> Outcome:
    if isinstance(outcome, Success):
        return "success"
    if outcome.reason is Reason.ABORTED:
        return "aborted"
    if outcome.reason is Reason.UNAVAILABLE:
        return "throttled" if notes.throttled else "unavailable"
    return "failure"
