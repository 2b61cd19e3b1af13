"""Application: everything that a server's exchanges ask, answered from backends.

`AsyncApplication` awaits the coroutines of `_answers`; in `Application` nothing in
them ever waits, so that they run to their end like a function.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from .._errors import StateError
from .._worlds import run
from ._answers import Answers
from ._answers.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

    from .._events import Event, Failure, Request, Success
    from .._policy import Policy
    from .._server import Server
    from ._account import AsyncStore, Store
    from ._elsewhere import (
        Acceptor,
        AsyncAcceptor,
        AsyncCheckPasscodes,
        AsyncIdentityProvider,
        AsyncVerifySignatures,
        CheckPasscodes,
        IdentityProvider,
        VerifySignatures,
    )
    from ._population import Population
    from ._upgrade import Upgrade
    from .audit import Sink
    from .hashed_tokens import HashedTokens
    from .oauth import AsyncTokens, Tokens
    from .throttle import AsyncThrottle, Throttle

_T = TypeVar("_T")
_NONE: Mapping[str, Any] = MappingProxyType({})


class _Application:
    """What both are: answers, run in one way or the other."""

    _answers: Answers

    @property
    def requests(self) -> frozenset[type[Request]]:
        """Return what it can answer, for `offer` and `server`."""
        return self._answers.requests


class Application(_Application):
    """Answer the requests of exchanges, for threads and for sans-I/O loops.

    `store`: a `Store`. `tokens`: `oauth.Tokens`, for OAUTHBEARER and XOAUTH2;
    `hashed_tokens`: a `hashed_tokens.HashedTokens`, for HT. `throttle`:
    asked before a password is looked at, told after. `audit`: a sink of `audit`, called
    with each decision. `upgrade`: which records are made at a login that shows the
    password, in a thread of its own. `population`: how unknown users look (None: read
    off the store when it is first needed). `authorize(authcid, authzid)` decides who may
    act as another, in place of the accounts' own `authzids`.

    What the store cannot decide alone is on offer, and answered, where it is given.
    `signatures`: verifies those of the accounts' public keys, for ECDSA-NIST256P-CHALLENGE
    (`adapters.cryptography.verify`). `passcodes`: asks the authentication server, for
    SECURID. By the mechanism's name, which stands for its -PLUS, too: `contexts` makes
    acceptors of GSSAPI, GS2-KRB5, GSS-SPNEGO (`adapters.gssapi.acceptor`), `redirects` has
    an `IdentityProvider` for SAML20, OPENID20. As with tokens, who proves there who he is
    needs no account here; one that is here may refuse him. Only what can be guessed is
    throttled: passwords and passcodes, not tokens, tickets and signatures; of NTLM inside
    GSS-SPNEGO, whose user nobody knows before, only the address.

    Give `answer` and `decided` to an adapter's `serve`, or call them in a loop of one's
    own: `answer` with each request, `decided` with how the exchange ended.
    """

    def __init__(
        self,
        store: Store,
        *,
        tokens: Tokens | None = None,
        throttle: Throttle | None = None,
        audit: Sink | None = None,
        upgrade: Upgrade | None = None,
        population: Population | None = None,
        authorize: Callable[[str, str], bool] | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
        hashed_tokens: HashedTokens | None = None,
        signatures: VerifySignatures | None = None,
        passcodes: CheckPasscodes | None = None,
        contexts: Mapping[str, Acceptor] = _NONE,
        redirects: Mapping[str, IdentityProvider] = _NONE,
    ) -> None:
        parts = Parts(
            store=store,
            tokens=tokens,
            hashed_tokens=hashed_tokens,
            throttle=throttle,
            audit=audit,
            upgrade=upgrade,
            population=population,
            authorize=authorize,
            signatures=signatures,
            passcodes=passcodes,
            contexts=dict(contexts) or None,
            redirects=dict(redirects) or None,
            clock=clock,
            timer=timer,
        )
        self._answers = Answers(parts, self._call, self._later)
        self._background = ThreadPoolExecutor(1, "sasl-upgrade")

    def answer(self, request: Request) -> Event:
        """Answer a request; return the event that this gave. Never raise for what the
        backends cannot tell: that is a temporary failure.
        """
        return _run(self._answers.answer(request))

    def decided(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note of how an exchange ended: for the throttle and the audit. Heard once;
        what `answer` itself ended is known already.
        """
        _run(self._answers.decide(exchange, outcome))

    def policy(self, *, also: Iterable[str] = (), **settings: Any) -> Policy:
        """Return a policy that offers what every account can do, and shows unknown users
        as known ones. Of obsolete mechanisms it offers those that `also` names, where
        every account can do them. `settings` are `Policy`'s, and come first.
        """
        return _run(self._answers.policy(also, settings))

    def close(self) -> None:
        """Wait for the upgrades under way."""
        self._background.shutdown(wait=True)

    async def _call(self, function: Callable[..., _T], *arguments: Any) -> _T:
        result = function(*arguments)
        if inspect.iscoroutine(result):
            result.close()
            raise StateError("a backend of an Application is not asynchronous")
        return result

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._background.submit(lambda: _run(work()))


class AsyncApplication(_Application):
    """The same for asyncio. Coroutine functions are awaited, plain ones (a `Store`, the
    verifying of a password) run in a thread: the loop never stalls.
    """

    def __init__(
        self,
        store: AsyncStore | Store,
        *,
        tokens: AsyncTokens | Tokens | None = None,
        throttle: AsyncThrottle | Throttle | None = None,
        audit: Sink | None = None,
        upgrade: Upgrade | None = None,
        population: Population | None = None,
        authorize: Callable[[str, str], bool | Awaitable[bool]] | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
        hashed_tokens: HashedTokens | None = None,
        signatures: AsyncVerifySignatures | VerifySignatures | None = None,
        passcodes: AsyncCheckPasscodes | CheckPasscodes | None = None,
        contexts: Mapping[str, AsyncAcceptor | Acceptor] = _NONE,
        redirects: Mapping[str, AsyncIdentityProvider | IdentityProvider] = _NONE,
    ) -> None:
        parts = Parts(
            store=store,
            tokens=tokens,
            hashed_tokens=hashed_tokens,
            throttle=throttle,
            audit=audit,
            upgrade=upgrade,
            population=population,
            authorize=authorize,
            signatures=signatures,
            passcodes=passcodes,
            contexts=dict(contexts) or None,
            redirects=dict(redirects) or None,
            clock=clock,
            timer=timer,
        )
        self._answers = Answers(parts, self._call, self._later)
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, request: Request) -> Event:
        """Answer a request, as `Application.answer`."""
        return await self._answers.answer(request)

    async def decided(self, exchange: Server, outcome: Success | Failure) -> None:
        """Take note of how an exchange ended, as `Application.decided`."""
        await self._answers.decide(exchange, outcome)

    async def policy(self, *, also: Iterable[str] = (), **settings: Any) -> Policy:
        """Return a policy that fits the accounts, as `Application.policy`."""
        return await self._answers.policy(also, settings)

    async def close(self) -> None:
        """Wait for the upgrades under way."""
        await asyncio.gather(*self._tasks)

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        result = await asyncio.to_thread(function, *arguments)
        return await result if inspect.isawaitable(result) else result

    def _later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    return run(coroutine, StateError("an AsyncStore is for an AsyncApplication"))
