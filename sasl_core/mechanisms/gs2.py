"""The GS2 family (RFC 5801): any GSS-API mechanism, bound to the channel by the context.

    client: [F,] gs2-header token     ; without the token's header (RFC 2743), or with F
    server: token ...                 ; until the context is complete, and no layers

GS2-KRB5 and GS2-KRB5-PLUS are registered; `variants` makes the two of another mechanism.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._errors import ServerNotAuthenticated
from .._events import AcceptSecurityContext, Failure, Success
from .._reasons import Reason
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed
from .._values import Identity
from . import Mechanism
from . import _gs2 as gs2
from . import _gss as gss
from . import _gss_messages as messages
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials


def variants(oid: str, name: str = "") -> tuple[Mechanism, Mechanism]:
    """Make the mechanisms with and without channel binding of a GSS-API mechanism.

    `oid` is its object identifier, in dots; `name` what is registered for it in place
    of the one that is made from the OID (section 3).
    """
    name = name or messages.gs2_name(oid)
    plain, plus = (
        Mechanism(
            f"{name}-PLUS" if binds else name,
            _Client(oid, binds),
            _Server(oid, binds),
            strength=79 + 10 * binds,
            needs=("gss function",),
            asks=(AcceptSecurityContext,),
            plus=binds,
            mutual=True,
            specification="RFC 5801",
        )
        for binds in (False, True)
    )
    return plus, plain


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the initial response and first record of GS2-KRB5, or its -PLUS."""
    binds = terms.name.endswith("-PLUS")
    return _Client(messages.KERBEROS, binds)(terms, credentials, nonce)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the opening and first record of GS2-KRB5, or its -PLUS."""
    return _Server(messages.KERBEROS, terms.name.endswith("-PLUS"))(terms, nonce)


@dataclass(frozen=True, slots=True)
class _Client:
    oid: str
    plus: bool

    def __call__(
        self, terms: Terms, credentials: Credentials, nonce: bytes | None
    ) -> ClientOpening:
        bindings = terms.channel.bindings
        if terms.policy.channel_binding == "disable":
            bindings = ()
        flag, data = b"n", b""
        if self.plus:
            flag, data = b"p=" + bindings[0].type.encode(), bindings[0].data
        elif bindings and not terms.plus:
            flag = b"y"  # we could have, you did not offer: a downgrade shows
        authzid = b""
        if credentials.authzid:
            authzid = identities.prepared(credentials.authzid, "authzid", terms.policy)
        header = gs2.header(flag, authzid)
        context = gss.initiate(terms, credentials, self.oid, header + data)
        token, complete = context.step(None)
        if not token or complete:
            raise Malformed("a security context without mutual authentication")
        inner = messages.strip(token, messages.der(self.oid))
        if inner is None:
            return b"F," + header + token, _AwaitServerToken(context)
        return header + inner, _AwaitServerToken(context)


@dataclass(slots=True)
class _AwaitServerToken(ClientRecord):
    context: gss.Context = field(repr=False)

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        problem, complete, token = "", False, b""
        try:
            token, complete = self.context.step(challenge)
            if complete and not self.context.mutual:
                problem = "the server did not prove itself (RFC 5801, section 6)"
        except gss.Refused as error:
            problem = str(error)
        if problem:
            return ServerNotAuthenticated(problem), None
        if complete:
            return token, SATISFIED
        if not token:
            raise Malformed("the security context neither ends nor goes on")
        return token, self


@dataclass(frozen=True, slots=True)
class _Server:
    oid: str
    plus: bool

    def __call__(self, terms: Terms, nonce: bytes | None) -> ServerOpening:
        return b"", _AwaitFirst(messages.der(self.oid), self.plus)


@dataclass(slots=True)
class _AwaitFirst(ServerRecord):
    oid: bytes
    plus: bool

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        standard = response[:2] != b"F,"
        message = response if standard else response[2:]
        flag, wanted, token = gs2.split(message)
        if not token:
            raise Malformed("a GS2 header without a token (RFC 5801, section 4)")
        data = gs2.data_to_bind(flag, terms, binds=self.plus)
        if isinstance(data, Failure):
            return data, None
        authzid = ""
        if wanted:
            authzid = identities.read(gs2.unescape(wanted), "authzid", terms.policy)
        header = message[: len(message) - len(token)]
        if standard:
            token = messages.restore(token, self.oid)
        return (
            AcceptSecurityContext(header + data),
            _AwaitContext(token, authzid, self.plus),
        )


@dataclass(slots=True)
class _AwaitContext(Asking):
    token: bytes = field(repr=False)
    authzid: str
    plus: bool

    def take(self, answer: gss.SecurityContext | None, terms: Terms) -> ServerMove:
        if answer is None:
            return Failure(Reason.BAD_CREDENTIALS, "no security context for this"), None
        waiting = _AwaitClientToken(gss.Context(answer), self.authzid, self.plus)
        return waiting.receive(self.token, terms)


@dataclass(slots=True)
class _AwaitClientToken(ServerRecord):
    context: gss.Context = field(repr=False)
    authzid: str
    plus: bool

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        try:
            token, complete = self.context.step(response)
            if complete:
                if not self.context.bound:
                    raise gss.Refused("the client's context is bound to nothing")
                identity = Identity(self.context.principal, self.authzid)
                return Success(identity, token or None, bound=self.plus), None
        except gss.Refused as error:
            return Failure(Reason.BAD_CREDENTIALS, str(error)), None
        if not token:
            raise Malformed("the security context neither ends nor goes on")
        return token, self
