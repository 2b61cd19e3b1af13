"""Answers to those who prove elsewhere who they are: AcceptSecurityContext,
BeginRedirect, FinishRedirect.

A ticket is not guessed, so GSSAPI, GS2-KRB5 and identity providers are not throttled. But
GSS-SPNEGO may have NTLM inside, and so a password. Who it is, nobody knows before: the
address is charged, and gets that back unless the exchange failed after the message of
NTLM by which a client proves its password. Kerberos alone then costs nobody anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._events import AcceptSecurityContext, BeginRedirect
from ..._values import Asserted
from ...mechanisms._gss import Around
from ...mechanisms._gss_messages import KERBEROS_NAMES

if TYPE_CHECKING:
    from ..._events import Event, FinishRedirect, Request
    from ...mechanisms import Mechanism
    from ...mechanisms._gss import SecurityContext
    from . import Answers
    from .outcomes import Notes
    from .parts import Parts

# What an AUTHENTICATE_MESSAGE begins with (MS-NLMP, section 2.2.1.3).
_PROVES_A_PASSWORD = b"NTLMSSP\0\3\0\0\0"


def serves(parts: Parts, mechanism: Mechanism) -> bool:
    """Tell whether the parts have what this mechanism asks here, if it asks here."""
    name = mechanism.name
    if AcceptSecurityContext in mechanism.asks:
        return name in parts.contexts or _plain(name) in parts.contexts
    return BeginRedirect not in mechanism.asks or name in parts.redirects


def may_be_a_guess(request: Request) -> bool:
    """Tell whether a password may come in the context that this asks for."""
    if not isinstance(request, AcceptSecurityContext):
        return False
    return _plain(request.mechanism) not in KERBEROS_NAMES


class _Watched(Around):
    """A context that notes each guess."""

    def __init__(self, context: SecurityContext, notes: Notes) -> None:
        super().__init__(context)
        self._notes = notes

    def step(self, token: bytes | None = None, /) -> bytes | None:
        """Take the client's token; return the one to send."""
        if _PROVES_A_PASSWORD in (token or b""):
            self._notes.guessed = True
        return super().step(token)


async def accept(answers: Answers, request: AcceptSecurityContext) -> Event:
    """Answer with a fresh acceptor of this mechanism; who it lets in is confirmed."""
    makers, name = answers.parts.contexts, request.mechanism
    make = makers.get(name) or makers.get(_plain(name))
    if make is None:
        return request.deny()
    context = await answers.ask(make, request)
    request._exchange._confirms = True
    notes = answers.outcomes.notes(request._exchange)
    watched = name == "GSS-SPNEGO" and notes.ticket is not None
    if watched and context is not None and request._fits(context):
        notes.guessed = False
        context = _Watched(context, notes)
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
