"""What an application says to each request: written once, as coroutines, for both worlds.

    passwords    CheckPassword, FindPassword, FindScramKeys, SaveScramKeys
    one_time     FindOtp, ConsumeOtp
    tokens       CheckToken, FindHashedTokens, UseHashedToken
    identities   Authorize

How the coroutines are run is in `_application.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._events import (
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
from ..._hashed_token import HT_NAMES
from ..._policy import Policy
from ..._reasons import Reason
from ..._requests import FindHashedTokens, SaveScramKeys, UseHashedToken
from ...mechanisms import registered
from .._account import Unavailable
from . import identities, one_time, passwords, tokens
from .accounts import Accounts
from .outcomes import Outcomes
from .upgrades import Upgrades

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..._events import Event, Request
    from ..._server import Server
    from .outcomes import Notes
    from .parts import Parts

_OAUTH = frozenset({"OAUTHBEARER", "XOAUTH2"})
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
    Authorize: identities.authorize,
}
# What only an application with this part answers.
_NEEDS = {
    CheckToken: "tokens",
    FindHashedTokens: "hashed_tokens",
    UseHashedToken: "hashed_tokens",
}
# Those of which each may be a guess: charged to user and address before it is answered.
_GUESSES = frozenset({CheckPassword, FindPassword, FindScramKeys, FindOtp})


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

    async def policy(self, settings: dict[str, Any]) -> Policy:
        """Return a policy that fits the accounts and the parts; `settings` come first."""
        population = await self.accounts.population()
        current = {one.name for one in registered() if not one.obsolete}
        allow = (population.mechanisms & current) | {"EXTERNAL"}
        if self.parts.tokens is not None:
            allow |= _OAUTH
        if self.parts.hashed_tokens is not None:
            allow |= HT_NAMES.keys()
        fitting: dict[str, Any] = {"allow": allow, "decoy": population}
        return Policy(**(fitting | settings))

    async def _settle(self, request: Request, notes: Notes) -> Event:
        kind = type(request)
        if kind not in self.requests:
            return request.deny()
        notes.username = getattr(request, "username", notes.username)
        if kind in _GUESSES:
            waits = await self.outcomes.charge(request, notes)
            if waits:
                return request.refuse(Reason.UNAVAILABLE, waits)
        return await _HOMES[kind](self, request)
