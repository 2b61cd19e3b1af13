"""Answers: what an application says to each request, and notes of each exchange.

Written once, as coroutines; how they are run is in `_application.py`.
"""

from __future__ import annotations

import inspect
import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from .._events import (
    Authorize,
    CheckPassword,
    CheckToken,
    ConsumeOtp,
    Failure,
    FindOtp,
    FindPassword,
    FindScramKeys,
    Success,
)
from .._hashed_token import HT_NAMES
from .._policy import Policy
from .._reasons import Reason
from .._records import ScramKeys, Secret
from .._requests import FindHashedTokens, SaveScramKeys, UseHashedToken
from ..mechanisms import registered
from ..records import DigestMd5Secret, Plaintext, SrpVerifier, Unverifiable
from . import _one_time as one_time
from . import _token_answers as token_answers
from ._account import Unavailable, can_be_a_name
from ._population import Population
from .audit import AuditEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .._events import Event, Request
    from .._server import Server
    from ..records import Record
    from ._account import Account
    from ._upgrade import Upgrade
    from .audit import Outcome, Sink
    from .throttle import Ticket

_log = logging.getLogger(__name__)
_OAUTH = frozenset({"OAUTHBEARER", "XOAUTH2"})


class _Notes:
    """What is remembered of one exchange; it hangs on it, and goes with it."""

    __slots__ = ("began", "decided", "id", "throttled", "ticket", "username")

    def __init__(self, began: float) -> None:
        self.id = secrets.token_hex(8)
        self.began = began
        self.username = ""  # as claimed
        self.ticket: Ticket | None = None
        self.throttled = False
        self.decided = False


def correlation_id(exchange: Server) -> str:
    """Return the name of an exchange in the audit, for log lines of one's own; "" before
    an `Application` has heard of it.
    """
    notes = getattr(exchange, "_notes", None)
    return notes.id if notes is not None else ""


class Answers:
    """The logic of `Application` and `AsyncApplication`."""

    def __init__(
        self,
        store: Any,
        tokens: Any,
        throttle: Any,
        audit: Sink | None,
        upgrade: Upgrade | None,
        population: Population | None,
        authorize: Callable[[str, str], Any] | None,
        clock: Callable[[], float],
        timer: Callable[[], float],
        hashed_tokens: Any = None,
    ) -> None:
        self._store = store
        self._hashed_tokens = hashed_tokens
        self._tokens = tokens
        self._throttle = throttle
        self._audit = audit
        self._upgrade = upgrade
        self._population = population
        self._may = authorize
        self._clock = clock
        self._timer = timer
        self._upgrading: set[str] = set()

    @property
    def requests(self) -> frozenset[type[Request]]:
        """Return what it can answer, for `offer` and `server`."""
        answers = {CheckPassword, FindPassword, FindScramKeys, Authorize}
        answers |= {FindOtp, ConsumeOtp, SaveScramKeys}
        if self._hashed_tokens is not None:
            answers |= {FindHashedTokens, UseHashedToken}
        return frozenset(answers | {CheckToken} if self._tokens else answers)

    # Each world has its own way to call what may be slow.
    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        raise TypeError("a world says how it calls")

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        raise TypeError("a world says how it works in the background")

    async def _answer(self, request: Request) -> Event:
        exchange = request._exchange
        notes = self._notes(exchange)
        try:
            event = await self._settle(request, notes)
        except Unavailable as error:
            problem = str(error)
        else:
            if isinstance(event, Success | Failure):
                await self._decide(exchange, event)
            return event
        event = request.unavailable(problem)
        if isinstance(event, Failure):
            await self._decide(exchange, event)
        return event

    async def _settle(self, request: Request, notes: _Notes) -> Event:
        match request:
            case CheckToken(token, username, host, port):
                notes.username = username
                return await self._check_token(request, token, username, host, port)
            case Authorize(authcid, authzid):
                return request.answer(await self._authorized(authcid, authzid))
            case FindHashedTokens() | UseHashedToken() | SaveScramKeys():
                notes.username = request.username
                return await token_answers.answer(self, request)
            case CheckPassword() | FindPassword() | FindScramKeys() | FindOtp():
                notes.username = request.username
                waits = await self._throttled(request, notes)
                if waits:
                    return request.refuse(Reason.UNAVAILABLE, waits)
        match request:
            case CheckPassword(username, password):
                return await self._check_password(request, username, password)
            case FindPassword(username):
                return await self._find_password(request, username)
            case FindScramKeys(username):
                return await self._find_keys(request, username)
            case FindOtp():
                return await one_time.find(self, request)
            case ConsumeOtp():
                return await one_time.consume(self, request)
        return request.deny()

    async def _check_password(
        self, request: CheckPassword, username: str, password: str
    ) -> Event:
        account, records = await self._look_up(request, username)
        problem, verified = "", False
        try:
            verified = await self._call(records[0].verify, password)
        except Unverifiable as error:
            problem = str(error)
        if problem:
            raise Unavailable(problem)
        if account is None or verified is not True:
            return request.deny()
        # Only who knows the password is told what is wrong with the account.
        if account.refusal is not None:
            return request.refuse(account.refusal, "the account is not to log in")
        self._improve(username, account, password)
        return request.answer(True)

    async def _find_password(self, request: FindPassword, username: str) -> Event:
        account, records = await self._look_up(request, username, proof=True)
        # Its text has no realm, so one of another realm is the last choice, but is one.
        realm = request.realm or ""
        for record in sorted(
            records, key=lambda r: isinstance(r, DigestMd5Secret) and r.realm != realm
        ):
            if isinstance(record, Secret) and request.mechanism in record.mechanisms:
                # A decoy's, too: to work on from a precomputed secret takes longer. Not
                # SRP's, whose salt shows, and must be another for each unknown user.
                if account is None and isinstance(record, SrpVerifier):
                    break
                return request.answer(record)
            if isinstance(record, Plaintext) and account is not None:
                return request.answer(record.password)
        return request.deny()

    async def _find_keys(self, request: FindScramKeys, username: str) -> Event:
        account, records = await self._look_up(request, username, proof=True)
        keys: ScramKeys | None = None
        for record in records:
            if isinstance(record, ScramKeys) and record.hash_name == request.hash_name:
                keys = record
                break
            if isinstance(record, Plaintext):
                keys = await self._call(_derive, request, username, record)
        return request.answer(None if account is None else keys)

    async def _look_up(
        self, request: Request, username: str, *, proof: bool = False
    ) -> tuple[Account | None, tuple[Record, ...]]:
        """Return the account, and the records to work on: decoys where there is none.

        `proof`: the request asks for what the mechanism proves the password with, and
        has no second question; whoever may not log in is then nobody.
        """
        account: Account | None = None
        if can_be_a_name(username):
            account = await self._call(self._store.find, username)
        if account is None or not account.records:
            population = await self.population()
            draw = request._exchange.policy.draw(username)
            return None, population.records(draw)
        if proof and account.refusal is not None:
            return None, tuple(record.decoy() for record in account.records)
        return account, account.records

    async def population(self) -> Population:
        """Return what unknown users look like; the first time, read it off the store."""
        if self._population is None:
            accounts = self._store.accounts
            if inspect.isasyncgenfunction(accounts):
                every = [item async for item in accounts()]
                self._population = await self._call(Population.of, every)
            else:
                self._population = await self._call(lambda: Population.of(accounts()))
        return self._population

    def fitting(self, population: Population, settings: dict[str, Any]) -> Policy:
        """Return a policy for these accounts."""
        current = {one.name for one in registered() if not one.obsolete}
        allow = (population.mechanisms & current) | {"EXTERNAL"}
        if self._tokens is not None:
            allow |= _OAUTH
        if self._hashed_tokens is not None:
            allow |= HT_NAMES.keys()
        fitting: dict[str, Any] = {"allow": allow, "decoy": population}
        return Policy(**(fitting | settings))

    async def _check_token(
        self,
        request: CheckToken,
        token: str,
        username: str,
        host: str | None,
        port: int | None,
    ) -> Event:
        if self._tokens is None:
            return request.deny()
        # Not throttled: a token is not guessed, and whom to charge, nobody has proved.
        check = partial(self._tokens.check, username=username, host=host, port=port)
        found = await self._call(check, token)
        if isinstance(found, str) and can_be_a_name(found):
            account = await self._call(self._store.find, found)
            if account is not None and account.refusal is not None:
                return request.refuse(account.refusal, "the account is not to log in")
        return request.answer(found)

    async def _authorized(self, authcid: str, authzid: str) -> bool:
        if self._may is not None:
            return await self._call(self._may, authcid, authzid) is True
        if not (can_be_a_name(authcid) and can_be_a_name(authzid)):
            return False
        account = await self._call(self._store.find, authcid)
        if account is None or account.refusal is not None:
            return False
        if authzid in account.authzids:
            return True
        return "*" in account.authzids and (
            await self._call(self._store.find, authzid) is not None
        )

    async def _throttled(
        self,
        request: CheckPassword | FindPassword | FindScramKeys | FindOtp,
        notes: _Notes,
    ) -> str:
        """Charge the attempt; return why it must wait, "" if it need not."""
        if self._throttle is None:
            return ""
        remote = request.channel.remote
        ticket: Ticket = await self._call(self._throttle.ask, request.username, remote)
        if ticket.wait > 0:
            notes.throttled = True
            return f"throttled for {ticket.wait:.0f} s: {ticket.reason}"
        notes.ticket = ticket
        return ""

    async def _decide(self, exchange: Server, outcome: Success | Failure) -> None:
        notes = self._notes(exchange)
        if notes.decided:
            return
        notes.decided = True
        if notes.ticket is not None:
            try:
                await self._call(self._throttle.tell, notes.ticket, _guess(outcome))
            except Unavailable:
                _log.warning("the throttle could not be told of an outcome")
        if self._audit is not None:
            try:
                event = self._event(exchange, outcome, notes)
                await self._call(self._audit, event)
            except Exception as error:  # an audit that fails changes no outcome
                _log.error("the audit failed: %s", type(error).__name__)

    def _event(
        self, exchange: Server, outcome: Success | Failure, notes: _Notes
    ) -> AuditEvent:
        channel = exchange.channel
        won = outcome if isinstance(outcome, Success) else None
        lost = outcome if isinstance(outcome, Failure) else None
        return AuditEvent(
            time=self._clock(),
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
            duration=max(self._timer() - notes.began, 0.0),
        )

    def _notes(self, exchange: Server) -> _Notes:
        notes: _Notes | None = getattr(exchange, "_notes", None)
        if notes is None:
            notes = exchange._notes = _Notes(self._timer())
        return notes

    def _improve(self, username: str, account: Account, password: str) -> None:
        upgrade = self._upgrade
        if upgrade is None or username in self._upgrading:
            return
        if not upgrade.due(account):
            return
        self._upgrading.add(username)

        async def work() -> None:
            try:
                better = await self._call(upgrade.apply, username, account, password)
                # By comparison: a password changed since then stays as it is.
                if not await self._call(self._store.replace, username, account, better):
                    _log.info("an account changed while it was upgraded")
            except (Unavailable, ValueError) as error:
                _log.warning("an account could not be upgraded: %s", error)
            finally:
                self._upgrading.discard(username)

        self._later(work)


def _derive(
    request: FindScramKeys, username: str, record: Plaintext
) -> ScramKeys | None:
    """Make keys of a stored password; their salt is the one that a decoy would have."""
    policy = request._exchange.policy
    salt, iterations = policy.decoy_terms(request.hash_name, username)
    try:
        return ScramKeys.derive(
            record.password, request.hash_name, iterations=iterations, salt=salt
        )
    except ValueError:
        return None  # SASLprep refuses it, so no client can send it either


def _guess(
    outcome: Success | Failure,
) -> Literal["success", "failure", "neither"]:
    """Say what the throttle learns: only a credential that was looked at is a guess."""
    if isinstance(outcome, Success):
        return "success"
    return "failure" if outcome.reason is Reason.BAD_CREDENTIALS else "neither"


def _outcome(outcome: Success | Failure, notes: _Notes) -> Outcome:
    if isinstance(outcome, Success):
        return "success"
    if outcome.reason is Reason.ABORTED:
        return "aborted"
    if outcome.reason is Reason.UNAVAILABLE:
        return "throttled" if notes.throttled else "unavailable"
    return "failure"
