"""Answers to those who prove elsewhere who they are: AcceptSecurityContext,
BeginRedirect, FinishRedirect. None is throttled: a ticket is not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._events import AcceptSecurityContext, BeginRedirect
from ..._values import Asserted

if TYPE_CHECKING:
    from ..._events import Event, FinishRedirect
    from ...mechanisms import Mechanism
    from . import Answers
    from .parts import Parts


def serves(parts: Parts, mechanism: Mechanism) -> bool:
    """Tell whether the parts have what this mechanism asks here, if it asks here."""
    name = mechanism.name
    if AcceptSecurityContext in mechanism.asks:
        return name in parts.contexts or _plain(name) in parts.contexts
    return BeginRedirect not in mechanism.asks or name in parts.redirects


async def accept(answers: Answers, request: AcceptSecurityContext) -> Event:
    """Answer with a fresh acceptor of this mechanism; who it lets in is confirmed."""
    makers, name = answers.parts.contexts, request.mechanism
    make = makers.get(name) or makers.get(_plain(name))
    if make is None:
        return request.deny()
    context = await answers.ask(make, request)
    request._exchange._confirms = True
    return request.answer(context)


def _plain(name: str) -> str:
    return name.removesuffix("-PLUS")


async def begin(answers: Answers, request: BeginRedirect) -> Event:
    """Answer where this mechanism's identity provider has its users go."""
    provider = answers.parts.redirects.get(request.mechanism)
    if provider is None:
        return request.deny()
    if request.mechanism == "OPENID20":  # there, it is the user whom it names
        answers.outcomes.notes(request._exchange).username = request.provider
    return request.answer(await answers.ask(provider.begin, request.provider))


async def finish(answers: Answers, request: FinishRedirect) -> Event:
    """Answer who came back; an account may refuse him."""
    provider = answers.parts.redirects[request.mechanism]
    found = await answers.ask(provider.finish, request.provider, request.url)
    if isinstance(found, Asserted):
        return await answers.welcome(request, found.identity, found)
    return request.answer(found)
