"""What an application says to each request: written once, as coroutines, for both worlds.

    passwords    CheckPassword, FindPassword, FindScramKeys, SaveScramKeys
    one_time     FindOtp, ConsumeOtp, CheckPasscode
    tokens       CheckToken, FindHashedTokens, UseHashedToken
    public_keys  VerifySignature, FindPublicKey
    elsewhere    AcceptSecurityContext, BeginRedirect, FinishRedirect
    identities   Authorize, Confirm

How the coroutines are run is in `_application.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._errors import StateError
from ..._events import (
    AcceptSecurityContext,
    Authorize,
    BeginRedirect,
    CheckPasscode,
    CheckPassword,
    CheckToken,
    ConsumeOtp,
    Failure,
    FindOtp,
    FindPassword,
    FindScramKeys,
    FinishRedirect,
    Success,
)
from ..._policy import Policy
from ..._reasons import Reason
from ..._requests import (
    Confirm,
    FindHashedTokens,
    FindPublicKey,
    SaveScramKeys,
    UseHashedToken,
    VerifySignature,
)
from ...mechanisms import find, registered
from .._account import Unavailable, can_be_a_name
from . import elsewhere, identities, one_time, passwords, public_keys, tokens
from .accounts import REFUSED, Accounts
from .outcomes import Outcomes
from .upgrades import Upgrades

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from ..._events import Event, Request
    from ..._server import Server
    from ...mechanisms import Mechanism
    from .outcomes import Notes
    from .parts import Parts

_HOMES: dict[type[Request], Callable[[Answers, Any], Coroutine[Any, Any, Event]]] = {
    CheckPassword: passwords.check,
    FindPassword: passwords.find,
    FindScramKeys: passwords.find_keys,
    SaveScramKeys: passwords.save_keys,
    FindOtp: one_time.find,
    ConsumeOtp: one_time.consume,
    CheckToken: tokens.check,
    FindHashedTokens: tokens.find,
    UseHashedToken: tokens.use,
    VerifySignature: public_keys.verify,
    FindPublicKey: public_keys.find,
    CheckPasscode: one_time.check_passcode,
    AcceptSecurityContext: elsewhere.accept,
    BeginRedirect: elsewhere.begin,
    FinishRedirect: elsewhere.finish,
    Authorize: identities.authorize,
    Confirm: identities.confirm,
}
# What only an application with this part answers.
_NEEDS = {
    CheckToken: "tokens",
    FindHashedTokens: "hashed_tokens",
    UseHashedToken: "hashed_tokens",
    VerifySignature: "signatures",
    CheckPasscode: "passcodes",
    AcceptSecurityContext: "contexts",
    BeginRedirect: "redirects",
    FinishRedirect: "redirects",
}
# Those of which each may be a guess: charged to user and address before it is answered.
# So is what `elsewhere` says of security contexts.
_GUESSES = frozenset(
    {CheckPassword, FindPassword, FindScramKeys, FindOtp, CheckPasscode}
)


class Answers:
    """The logic of `Application` and `AsyncApplication`.

    `call` runs a function of a backend, `later` a coroutine in the background.
    """

    def __init__(
        self,
        parts: Parts,
        call: Callable[..., Coroutine[Any, Any, Any]],
        later: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
    ) -> None:
        self.parts = parts
        self.call = call
        self.accounts = Accounts(parts, call)
        self.outcomes = Outcomes(parts, call)
        self.upgrades = Upgrades(parts, self.accounts, call, later)
        self.requests: frozenset[type[Request]] = frozenset(
            request
            for request in _HOMES
            if request not in _NEEDS or getattr(parts, _NEEDS[request]) is not None
        )
        _must_ask(AcceptSecurityContext, parts.contexts or ())
        _must_ask(BeginRedirect, parts.redirects or ())

    async def answer(self, request: Request) -> Event:
        """Answer a request; return the event that this gave."""
        exchange = request._exchange
        notes = self.outcomes.notes(exchange)
        try:
            event = await self._settle(request, notes)
        except Unavailable as error:
            problem = str(error)
        else:
            if isinstance(event, Success | Failure):
                await self.decide(exchange, event)
            return event
        event = request.unavailable(problem)
        if isinstance(event, Failure):
            await self.decide(exchange, event)
        return event

    async def decide(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note of how an exchange ended."""
        await self.outcomes.decide(exchange, outcome)

    async def policy(self, also: Iterable[str], settings: dict[str, Any]) -> Policy:
        """Return a policy that fits the accounts and the parts; `settings` come first."""
        population = await self.accounts.population()
        wanted = Policy(allow=also).allow or frozenset()
        allow = {"EXTERNAL"}
        for one in registered():
            able = (
                one.name in population.mechanisms
                or self._has_parts_for(one)
                or settings.get(one.uses) is not None
            )
            if able and (not one.obsolete or one.name in wanted):
                allow.add(one.name)
        fitting: dict[str, Any] = {"allow": allow, "decoy": population, "confirm": True}
        return Policy(**(fitting | settings))

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Ask somebody's own function; raise Unavailable for whatever it raises."""
        try:
            return await self.call(function, *arguments)
        except (Unavailable, StateError):
            raise
        except Exception as error:
            problem = type(error).__name__
        # Raised out here: the frames in which it came about hold a passcode, say.
        raise Unavailable(f"who is to tell cannot: {problem}")

    async def welcome(self, request: Request, username: str, answer: Any) -> Event:
        """Answer about somebody who has proved who he is, unless he is nobody's name, or
        has an account that may not log in.
        """
        if not can_be_a_name(username):
            return request.deny()
        notes = self.outcomes.notes(request._exchange)
        notes.username = notes.username or username
        account = await self.accounts.find(username)
        if account is not None and account.refusal is not None:
            return request.refuse(account.refusal, REFUSED)
        return request.answer(answer)

    def _has_parts_for(self, mechanism: Mechanism) -> bool:
        """Tell whether it asks for parts, and they are there."""
        asks = self.requests.intersection(mechanism.asks)
        return (
            not asks.isdisjoint(_NEEDS)
            and len(asks) == len(mechanism.asks)
            and elsewhere.serves(self.parts, mechanism)
        )

    async def _settle(self, request: Request, notes: Notes) -> Event:
        kind = type(request)
        if kind not in self.requests:
            return request.deny()
        notes.username = getattr(request, "username", notes.username)
        if kind in _GUESSES or elsewhere.may_be_a_guess(request):
            waits = await self.outcomes.charge(request, notes)
            if waits:
                return request.refuse(Reason.UNAVAILABLE, waits)
        return await _HOMES[kind](self, request)


def _must_ask(request: type[Request], names: Iterable[str]) -> None:
    for name in names:
        mechanism = find(name)
        if mechanism is None or request not in mechanism.asks:
            raise ValueError(
                f"contexts and redirects go by mechanisms that raise {request.__name__}"
            )
