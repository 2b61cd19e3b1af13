"""Security contexts of the package `gssapi`: for GSSAPI, GS2-KRB5 and GSS-SPNEGO.

    who = sasl_core.Credentials(gss=initiator())         # with the tickets of `kinit`
    case AcceptSecurityContext():                        # with the keytab's keys
        event = event.answer(acceptor(event))

To begin an exchange may then take as long as the KDC takes to give a ticket. A context
cannot be copied, and so neither can an exchange that has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..mechanisms._gss import Around
from ..mechanisms._gss_messages import KERBEROS, KERBEROS_NAMES, der, strip

if TYPE_CHECKING:
    from typing import Any

    from .._events import AcceptSecurityContext
    from ..mechanisms._gss import ContextMaker, SecurityContext

__all__ = ["acceptor", "initiator"]

_SPNEGO = "1.3.6.1.5.5.2"
_KERBEROS = der(KERBEROS)
# GSS_KRB5_CRED_NO_CI_FLAGS_X: to ask for no more protection than is wanted. Otherwise MIT
# always asks for all, and with GSS-SPNEGO, what was asked for is the security layer.
_ASK_FOR_LESS = "1.2.752.43.13.29"


def initiator(credentials: Any = None, *, delegate: bool = False) -> ContextMaker:
    """Make what `Credentials.gss` takes: a function that makes a client's contexts.

    `credentials` are `gssapi.Credentials`, None for the default ones; `delegate`: give
    the server our ticket, to act for us elsewhere.
    """

    def make(
        target: str, *, mechanism: str, bindings: bytes | None, layers: tuple[str, ...]
    ) -> SecurityContext:
        import gssapi

        mine = credentials
        if mechanism == _SPNEGO:
            mine = mine or gssapi.Credentials(usage="initiate")
            aspect = gssapi.OID.from_int_seq(_ASK_FOR_LESS)
            mine = gssapi.Credentials(gssapi.raw.set_cred_option(aspect, mine))
        flag = gssapi.RequirementFlag
        # Without the second, Cyrus takes no GS2-KRB5. A set is taken, though the package's
        # annotation speaks of a number.
        flags: Any = {flag.mutual_authentication, flag.out_of_sequence_detection}
        if delegate:
            flags.add(flag.delegate_to_peer)
        if {"integrity", "confidentiality"}.intersection(layers):
            flags |= {flag.integrity, flag.replay_detection}
        if "confidentiality" in layers:
            flags.add(flag.confidentiality)
        context: SecurityContext = gssapi.SecurityContext(
            name=gssapi.Name(target, gssapi.NameType.hostbased_service),
            mech=gssapi.OID.from_int_seq(mechanism),
            creds=mine,
            flags=flags,
            channel_bindings=_bindings(bindings),
            usage="initiate",
        )
        return context

    return make


def acceptor(
    request: AcceptSecurityContext, credentials: Any = None, *, realm: str | None = None
) -> SecurityContext:
    """Make the answer to a request: a server's context.

    `credentials` are `gssapi.Credentials` for accepting, None for all keys of the
    default keytab. GSSAPI and GS2-KRB5 take tokens of Kerberos alone. Whoever has a
    principal of that `realm` goes by its first part, as most clients ask for by their
    authzid: who is alice@REALM, is alice. Everybody else is the whole principal.
    """
    import gssapi

    context: SecurityContext = gssapi.SecurityContext(
        creds=credentials,
        channel_bindings=_bindings(request.bindings),
        usage="accept",
    )
    kerberos = request.mechanism.removesuffix("-PLUS") in KERBEROS_NAMES
    if realm is None and not kerberos:
        return context
    return _Acceptor(context, kerberos, realm)


class _Acceptor(Around):
    """A context that takes what its mechanism is, and shortens the names of one realm."""

    def __init__(
        self, context: SecurityContext, kerberos: bool, realm: str | None
    ) -> None:
        super().__init__(context)
        self._kerberos = kerberos  # its first token, which is due, must be
        self._realm = realm

    @property
    def initiator_name(self) -> object:
        """Return the principal, or its first part."""
        name = self._context.initiator_name
        if name is None or self._realm is None:
            return name
        whole = str(name)
        first = whole.removesuffix(f"@{self._realm}")
        # alice/admin is not alice, and what is escaped, with a backslash, no plain name.
        plain = first and not set("@/\\").intersection(first)
        return first if plain else name

    def step(self, token: bytes | None = None, /) -> bytes | None:
        """Take the client's token; return the one to send."""
        # The library takes those of all mechanisms that it has: with gss-ntlmssp anybody
        # could try passwords, which nobody charges who expects tickets.
        if self._kerberos and strip(token or b"", _KERBEROS) is None:
            raise ValueError("the first token is not one of Kerberos")
        self._kerberos = False
        return self._context.step(token)


def _bindings(data: bytes | None) -> Any:
    from gssapi.raw import ChannelBindings

    return None if data is None else ChannelBindings(application_data=data)
