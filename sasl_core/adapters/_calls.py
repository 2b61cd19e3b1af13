"""Call what the application gave, be it a plain function or a coroutine function."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, cast

from .._errors import StateError
from .._worlds import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any, Protocol

    from .._client import Client
    from .._policy import Policy
    from .._values import Credentials, TokenError, TokenSource

    class Wanting(Protocol):
        """A client session, or Attempts, that may want a token."""

        @property
        def credentials(self) -> Credentials: ...
        @property
        def token_error(self) -> TokenError | None: ...

    class Call(Protocol):
        """How a function of the application's is called."""

        async def __call__(
            self, function: Callable[[*_Ts], _T | Awaitable[_T]], /, *arguments: *_Ts
        ) -> _T: ...


_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


async def call(
    function: Callable[[*_Ts], _T | Awaitable[_T]], /, *arguments: *_Ts
) -> _T:
    """Await a coroutine function here, run a plain one in a thread."""
    if inspect.iscoroutinefunction(function):
        return cast("_T", await function(*arguments))
    result = await asyncio.to_thread(function, *arguments)
    return await result if inspect.isawaitable(result) else result


async def call_now(
    function: Callable[[*_Ts], _T | Awaitable[_T]], /, *arguments: *_Ts
) -> _T:
    """Run a plain function here: without a loop, nobody awaits a coroutine."""
    return cast("_T", function(*arguments))


def at_once(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that waits for nothing, without a loop."""
    return run(work, StateError("without asyncio, nobody awaits"))


def unlayered(policy: Policy) -> Policy:
    """Return a policy without security layers, for connections on which none can be put;
    raise StateError where one is required.
    """
    if policy.layers == ("none",):
        return policy
    if "none" not in policy.layers:
        raise StateError("this library's connections take no security layer")
    return policy.replace(layers=("none",))


def must_be_unlayered(client: Client) -> None:
    """Raise StateError for a client that may agree on a security layer."""
    if client.policy.layers != ("none",):
        raise StateError("this library's connections take no security layer")


async def token_later(wanting: Wanting) -> str:
    """Ask the source of the token, of either kind."""
    return await call(_source(wanting), wanting.token_error)


def token_now(wanting: Wanting) -> str:
    """Ask the source of the token; raise StateError where it is a coroutine function."""
    token = _source(wanting)(wanting.token_error)
    if isinstance(token, str):
        return token
    if inspect.iscoroutine(token):
        token.close()
    raise StateError("without asyncio, a token's source is a plain function")


def _source(wanting: Wanting) -> TokenSource:
    source = wanting.credentials.token
    if not callable(source):
        raise StateError("the credentials have no source of a token")
    return source
