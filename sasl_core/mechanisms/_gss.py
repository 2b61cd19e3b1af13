"""The security context of the GSS-API (RFC 2743), which is handed in, and its layer.

The interface is that of `gssapi.SecurityContext`, the package of python-gssapi. Whatever
such an object raises is a refusal: of a ticket, a token, a message, or for want of them.
"""

from __future__ import annotations

from .._errors import StateError
from .._strict import Malformed, printable
from ..layers import Layer
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, SupportsInt, TypeVar

    from .._policy import Policy
    from .._states import Terms
    from .._values import Credentials

    _Result = TypeVar("_Result")

    class Wrapped(Protocol):
        """What wrap and unwrap return."""

        @property
        def message(self) -> bytes: ...
        @property
        def encrypted(self) -> bool: ...

    class SecurityContext(Protocol):
        """One side of a security context; `str` of `initiator_name` is the principal."""

        @property
        def complete(self) -> bool: ...
        @property
        def initiator_name(self) -> object: ...
        @property
        def actual_flags(self) -> SupportsInt: ...
        def step(self, token: bytes | None = None, /) -> bytes | None: ...
        def wrap(self, message: bytes, encrypt: bool, /) -> Wrapped: ...
        def unwrap(self, message: bytes, /) -> Wrapped: ...
        def get_wrap_size_limit(self, size: int, encrypted: bool, /) -> int: ...

    class ContextMaker(Protocol):
        """What `Credentials.gss` may be in place of a context: makes an initiator's.

        `target` is service@host, a host-based service; `mechanism` an OID in dots;
        `bindings` the application data of its channel bindings, None for none; `layers`
        those that the policy accepts.
        """

        def __call__(
            self,
            target: str,
            *,
            mechanism: str,
            bindings: bytes | None,
            layers: tuple[str, ...],
        ) -> SecurityContext: ...


class Around:
    """A security context that passes all on to another, for one that changes a thing."""

    def __init__(self, context: SecurityContext) -> None:
        self._context = context

    @property
    def complete(self) -> bool:
        """Whether no token is left to come or to go."""
        return self._context.complete

    @property
    def initiator_name(self) -> object:
        """Return the principal."""
        return self._context.initiator_name

    @property
    def actual_flags(self) -> SupportsInt:
        """Return what the context can do."""
        return self._context.actual_flags

    def step(self, token: bytes | None = None, /) -> bytes | None:
        """Take the peer's token; return the one to send."""
        return self._context.step(token)

    def wrap(self, message: bytes, encrypt: bool, /) -> Wrapped:
        """Wrap a message."""
        return self._context.wrap(message, encrypt)

    def unwrap(self, message: bytes, /) -> Wrapped:
        """Unwrap a message."""
        return self._context.unwrap(message)

    def get_wrap_size_limit(self, size: int, encrypted: bool, /) -> int:
        """Return how much goes into a protected message of this size."""
        return self._context.get_wrap_size_limit(size, encrypted)


# RFC 2744, appendix A; GSS_C_CHANNEL_BOUND_FLAG is of draft-ietf-kitten-channel-bound-flag.
_MUTUAL, _CONFIDENTIALITY, _INTEGRITY, _ANONYMITY, _BOUND = 2, 16, 32, 64, 2048
MOST = 0xFFFFFF  # octets of a buffer that a peer of RFC 4752 could speak of


class Refused(Malformed):
    """The security context has raised an exception; the text names its type."""


class Context:
    """A security context whose every exception is a Refused."""

    __slots__ = ("_context",)

    def __init__(self, context: SecurityContext) -> None:
        self._context = context

    def step(self, token: bytes | None) -> tuple[bytes, bool]:
        """Return the token to send, b"" for none, and whether the context is complete.

        Raise Malformed for an empty token: no context makes one, and not all say so.
        """
        if token == b"":
            raise Malformed("an empty message in place of a token of the context")
        # gssapi's step hands out an error token, and its `complete` raises the error.
        context = self._context
        return _guarded(
            lambda: (context.step(token) or b"", context.complete), told=token is None
        )

    def wrap(self, message: bytes, *, encrypt: bool) -> bytes:
        """Protect a message."""
        wrapped = _guarded(lambda: self._context.wrap(message, encrypt))
        if encrypt and not wrapped.encrypted:
            raise Refused("the security context does not encrypt")
        return wrapped.message

    def unwrap(self, sealed: bytes, *, encrypted: bool = False) -> bytes:
        """Return a protected message; with `encrypted` it must have been that."""
        if not sealed:
            raise Malformed("an empty message in place of a protected one")
        wrapped = _guarded(lambda: self._context.unwrap(sealed))
        if encrypted and not wrapped.encrypted:
            raise Malformed("a buffer that is not encrypted (RFC 4752, section 3.3)")
        return wrapped.message

    def room(self, size: int, *, encrypt: bool) -> int:
        """Return how much goes into a protected message of this size."""
        return _guarded(lambda: self._context.get_wrap_size_limit(size, encrypt))

    @property
    def principal(self) -> str:
        """Return the name of who initiated it; raise Malformed where it is none.

        It is not prepared: two principals must never become one.
        """
        name = _guarded(lambda: self._context.initiator_name)
        nobody = name is None or self._has(_ANONYMITY)
        text = "" if nobody else _guarded(lambda: str(name))
        identities.write(text, "principal")
        return text

    @property
    def mutual(self) -> bool:
        """Whether the acceptor proved itself."""
        return self._has(_MUTUAL)

    @property
    def bound(self) -> bool:
        """Whether both sides gave the same channel bindings.

        MIT's acceptor lets in who gave none (1.19 and later): only this flag tells.
        """
        return self._has(_BOUND)

    @property
    def layers(self) -> frozenset[str]:
        """Return the layers that it can make."""
        found = {"none"}
        if self._has(_INTEGRITY):
            found.add("integrity")
            if self._has(_CONFIDENTIALITY):
                found.add("confidentiality")
        return frozenset(found)

    def layer(self, name: str, policy: Policy, size: int) -> GssLayer | None:
        """Make a layer, None for "none"; `size` is of the peer's buffer."""
        if name == "none":
            return None
        return GssLayer(self, name == "confidentiality", size, policy.max_buffer)

    def _has(self, flag: int) -> bool:
        return bool(_guarded(lambda: int(self._context.actual_flags)) & flag)


def _guarded(call: Callable[[], _Result], *, told: bool = False) -> _Result:
    """Call; `told`: before a word of the peer, its text may tell the user what is missing
    (a ticket, a KDC, a service that it knows).
    """
    try:
        return call()
    except Exception as error:
        problem = type(error).__name__
        if told:
            problem += f": {printable(str(error))}"
    # Raised outside the handler: its text and frames may show what nobody should see.
    raise Refused(f"the security context refused: {problem}")


def initiate(
    terms: Terms, credentials: Credentials, mechanism: str, bindings: bytes | None
) -> Context:
    """Return the client's context, made for the service where it is not there yet."""
    given: Any = credentials.gss
    if not callable(given):
        return Context(given)
    service = terms.channel.service or terms.profile.service
    host = terms.channel.host
    if not service or not host:
        raise Malformed("GSS-API names service and host: Channel(service=, host=)")
    make: ContextMaker = given
    return Context(
        _guarded(
            lambda: make(
                f"{service}@{host}",
                mechanism=mechanism,
                bindings=bindings,
                layers=terms.policy.layers,
            ),
            told=True,
        )
    )


class GssLayer(Layer):
    """What protects the data after a GSS-API mechanism (RFC 4752, section 3.3)."""

    __slots__ = ("_context",)

    def __init__(
        self, context: Context, confidential: bool, send_size: int, receive_size: int
    ) -> None:
        room = context.room(send_size, encrypt=confidential)
        if room < 1:
            raise Malformed("the peer's buffer has no room for a protected octet")
        self._context = context
        super().__init__(
            confidential=confidential, send_size=room, receive_size=receive_size
        )

    def _seal(self, data: bytes) -> bytes:
        problem = ""
        try:
            return self._context.wrap(data, encrypt=self.confidential)
        except Refused as error:
            problem = str(error)
        raise StateError(problem)  # its ticket has expired, say

    def _open(self, sealed: bytes) -> bytes:
        return self._context.unwrap(sealed, encrypted=self.confidential)
