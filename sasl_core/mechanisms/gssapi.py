"""GSSAPI (RFC 4752) and GSS-SPNEGO: Kerberos, by a security context that is handed in.

    client: token ...   server: token ...    until the context is complete
    server: GSS_Wrap(layers size)            client: GSS_Wrap(layer size authzid)

GSS-SPNEGO has no RFC, and two readings. Microsoft and Cyrus end with the context, whose
flags say which layer there is; Dovecot goes on as GSSAPI does. Our server does the
former; our client does as the server does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._errors import ServerNotAuthenticated
from .._events import AcceptSecurityContext, Failure, Success
from .._reasons import Reason
from .._states import Asking, ClientRecord, Satisfied, ServerRecord
from .._strict import Malformed
from .._values import Identity
from . import _gss as gss
from . import _gss_messages as messages
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials
    from ..layers import Layer

_SPNEGO = "GSS-SPNEGO"
_TAKEN = 4096  # what every server takes; Cyrus IMAP takes no more


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first token and record; the KDC may be asked for a ticket."""
    oid = messages.SPNEGO if terms.name == _SPNEGO else messages.KERBEROS
    authzid = b""
    if credentials.authzid and terms.name != _SPNEGO:
        authzid = identities.prepared(credentials.authzid, "authzid", terms.policy)
    context = gss.initiate(terms, credentials, oid, None)
    token, complete = context.step(None)
    if not token:
        raise Malformed("the security context has no first token: it was used before")
    if complete:
        return token, _await_offer(context, authzid, terms)
    return token, _AwaitServerToken(context, authzid)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_FIRST_TOKEN


@dataclass(slots=True)
class _AwaitServerToken(ClientRecord):
    context: gss.Context = field(repr=False)
    authzid: bytes

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        problem = ""
        try:
            token, complete = self.context.step(challenge)
        except gss.Refused as error:
            problem = str(error)
        if problem:
            return ServerNotAuthenticated(problem), None
        if complete:
            return token, _await_offer(self.context, self.authzid, terms)
        if not token:
            raise Malformed("the security context neither ends nor goes on")
        return token, self


def _await_offer(context: gss.Context, authzid: bytes, terms: Terms) -> _AwaitOffer:
    """Make the record that waits for the offer, or also for the end, with GSS-SPNEGO.

    The context's own layer must be one that the policy accepts. Its acceptor is proven
    by mutual authentication or, as NTLM inside has none, by whatever passes the layer.
    """
    if terms.name == _SPNEGO:
        name = _strongest(context)
        if name in terms.policy.layers and (context.mutual or name != "none"):
            layer = _unsaid(context, name, terms)
            return _AwaitOffer(context, authzid, satisfied=True, layer=layer)
    return _AwaitOffer(context, authzid, satisfied=False, layer=None)


def _strongest(context: gss.Context) -> str:
    return max(context.layers, key=("none", "integrity", "confidentiality").index)


def _unsaid(context: gss.Context, name: str, terms: Terms) -> Layer | None:
    """Make the layer of GSS-SPNEGO, where nobody has said how long a buffer may be."""
    size = min(terms.policy.max_buffer, _TAKEN)
    layer = context.layer(name, terms.policy, size)
    if layer is not None:
        layer.receive_size = gss.MOST
    return layer


@dataclass(slots=True)
class _AwaitOffer(ClientRecord):
    context: gss.Context = field(repr=False)
    authzid: bytes
    satisfied: bool
    layer: Layer | None

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        context, policy, problem = self.context, terms.policy, ""
        try:
            plain = context.unwrap(challenge)
        except gss.Refused as error:
            problem = str(error)
        if problem:
            return ServerNotAuthenticated(problem), None
        offered, size = messages.read_offer(plain)
        for name in policy.layers:
            if name in offered & context.layers:
                layer = context.layer(name, policy, size)
                choice = messages.write([name], policy.max_buffer, self.authzid)
                # What was made from here on is authentic: the offer was wrapped.
                return context.wrap(choice, encrypt=False), _Done(layer)
        raise Malformed("no security layer on offer that the policy accepts")


@dataclass(slots=True)
class _Done(Satisfied):
    layer: Layer | None


class _AwaitFirstToken(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        if not response:
            raise Malformed("the first message is the context's token, and not empty")
        return AcceptSecurityContext(None), _AwaitContext(response)


_AWAIT_FIRST_TOKEN = _AwaitFirstToken()


@dataclass(slots=True)
class _AwaitContext(Asking):
    token: bytes = field(repr=False)

    def take(self, answer: gss.SecurityContext | None, terms: Terms) -> ServerMove:
        if answer is None:
            return Failure(Reason.BAD_CREDENTIALS, "no security context for this"), None
        return _accept(gss.Context(answer), self.token, terms)


@dataclass(slots=True)
class _AwaitClientToken(ServerRecord):
    context: gss.Context = field(repr=False)

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        return _accept(self.context, response, terms)


def _accept(context: gss.Context, received: bytes, terms: Terms) -> ServerMove:
    """Take a step of the context; once it is complete, go on with what it can do."""
    try:
        token, complete = context.step(received)
    except gss.Refused as error:
        return Failure(Reason.BAD_CREDENTIALS, str(error)), None
    if not complete:
        if not token:
            raise Malformed("the security context neither ends nor goes on")
        return token, _AwaitClientToken(context)
    principal, policy = context.principal, terms.policy
    if terms.name == _SPNEGO:
        name = _strongest(context)
        if name not in policy.layers:
            return _unacceptable()
        layer = _unsaid(context, name, terms)
        return Success(Identity(principal), token or None, layer=layer), None
    if context.layers.isdisjoint(policy.layers):
        return _unacceptable()
    following = _AwaitNothing(context, principal)
    # Section 3.2: a last token is answered with no data; without one, the offer comes.
    return (token, following) if token else following.receive(b"", terms)


def _unacceptable() -> ServerMove:
    return Failure(
        Reason.TOO_WEAK, "the policy accepts none of the security context's layers"
    ), None


@dataclass(slots=True)
class _AwaitNothing(ServerRecord):
    context: gss.Context = field(repr=False)
    principal: str

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        if response:
            raise Malformed("data after the context's last token (RFC 4752)")
        context, policy = self.context, terms.policy
        offered = context.layers.intersection(policy.layers)
        offer = messages.write(offered, policy.max_buffer)
        wrapped = context.wrap(offer, encrypt=False)
        return wrapped, _AwaitChoice(context, self.principal, offered)


@dataclass(slots=True)
class _AwaitChoice(ServerRecord):
    context: gss.Context = field(repr=False)
    principal: str
    offered: frozenset[str]

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        try:
            plain = self.context.unwrap(response)
        except gss.Refused as error:
            return Failure(Reason.BAD_CREDENTIALS, str(error)), None
        name, size, authzid = messages.read_choice(plain)
        if name not in self.offered:
            raise Malformed("a security layer that was not offered")
        identity = Identity(self.principal)
        if authzid:
            wanted = identities.read(authzid, "authzid", terms.policy)
            identity = Identity(self.principal, wanted)
        layer = self.context.layer(name, terms.policy, size)
        return Success(identity, layer=layer), None
