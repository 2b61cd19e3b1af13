"""Security contexts of the package `pyspnego`: GSS-SPNEGO, with Kerberos or NTLM inside.

    who = sasl_core.Credentials(gss=initiator("alice", "wonderland"))
    case AcceptSecurityContext():                  # NTLM's accounts: see pyspnego
        event = event.answer(acceptor(event))

It has no word for whether a context is bound: it is no acceptor for GS2-KRB5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

    from .._events import AcceptSecurityContext
    from ..mechanisms._gss import ContextMaker

__all__ = ["Context", "acceptor", "initiator"]

_PROTOCOLS = {"1.3.6.1.5.5.2": "negotiate", "1.2.840.113554.1.2.2": "kerberos"}


class _Message(NamedTuple):
    """What wrap and unwrap return."""

    message: bytes
    encrypted: bool


class Context:
    """A `spnego.ContextProxy` with the interface of `gssapi`'s contexts."""

    def __init__(self, context: Any) -> None:
        self._context = context

    @property
    def complete(self) -> bool:
        """Whether no token is left to come or to go."""
        return bool(self._context.complete)

    @property
    def initiator_name(self) -> str | None:
        """Return the client's principal: user@REALM, or of NTLM DOMAIN, backslash, user."""
        name: str | None = self._context.client_principal
        return name

    @property
    def actual_flags(self) -> int:
        """Return what the context can do; the low bits are the GSS-API's."""
        return int(self._context.context_attr) & 0xFF

    def step(self, token: bytes | None = None) -> bytes | None:
        """Take the peer's token; return the one to send."""
        answer: bytes | None = self._context.step(token)
        return answer

    def wrap(self, message: bytes, encrypt: bool) -> _Message:
        """Wrap a message."""
        wrapped = self._context.wrap(message, encrypt=encrypt)
        return _Message(wrapped.data, wrapped.encrypted)

    def unwrap(self, message: bytes) -> _Message:
        """Unwrap a message."""
        opened = self._context.unwrap(message)
        return _Message(opened.data, opened.encrypted)

    def get_wrap_size_limit(self, size: int, encrypted: bool = True) -> int:
        """Return how much goes into a protected message of this size."""
        return size - int(self._context.query_message_sizes().header)


def initiator(username: str | None = None, password: str | None = None) -> ContextMaker:
    """Make what `Credentials.gss` takes: a function that makes a client's contexts.

    Without a password, those of Kerberos' ticket cache are made.
    """

    def make(
        target: str, *, mechanism: str, bindings: bytes | None, layers: tuple[str, ...]
    ) -> Context:
        import spnego

        service, _, host = target.partition("@")
        context = spnego.client(
            username,
            password,
            hostname=host,
            service=service,
            protocol=_PROTOCOLS[mechanism],
            channel_bindings=_bindings(bindings),
            context_req=_flags(layers),
        )
        return Context(context)

    return make


def acceptor(request: AcceptSecurityContext) -> Context:
    """Make the answer to a request: a server's context."""
    import spnego

    spnego_itself = request.mechanism == "GSS-SPNEGO"
    layers = request._exchange.policy.layers
    context = spnego.server(
        hostname=request.channel.host,
        service=request.channel.service or request._exchange.profile.service,
        protocol="negotiate" if spnego_itself else "kerberos",
        channel_bindings=_bindings(request.bindings),
        context_req=_flags(layers),
    )
    return Context(context)


def _flags(layers: tuple[str, ...]) -> Any:
    import spnego

    flag = spnego.ContextReq
    flags = flag.mutual_auth
    if "confidentiality" in layers:
        flags |= flag.confidentiality
    if "confidentiality" in layers or "integrity" in layers:
        return flags | flag.integrity | flag.replay_detect | flag.sequence_detect
    # Otherwise MIT asks for all, and what was asked for is the security layer.
    return flags | flag.no_integrity


def _bindings(data: bytes | None) -> Any:
    from spnego.channel_bindings import GssChannelBindings

    return None if data is None else GssChannelBindings(application_data=data)
