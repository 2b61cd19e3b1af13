"""Security contexts of the package `gssapi`: for GSSAPI, GS2-KRB5 and GSS-SPNEGO.

    who = sasl_core.Credentials(gss=initiator())         # with the tickets of `kinit`
    case AcceptSecurityContext():                        # with the keytab's keys
        event = event.answer(acceptor(event))

To begin an exchange may then take as long as the KDC takes to give a ticket. A context
cannot be copied, and so neither can an exchange that has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from .._events import AcceptSecurityContext
    from ..mechanisms._gss import ContextMaker, SecurityContext

__all__ = ["acceptor", "initiator"]

_SPNEGO = "1.3.6.1.5.5.2"
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
        # Without the second, Cyrus takes no GS2-KRB5.
        flags = {flag.mutual_authentication, flag.out_of_sequence_detection}
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
    request: AcceptSecurityContext, credentials: Any = None
) -> SecurityContext:
    """Make the answer to a request: a server's context.

    `credentials` are `gssapi.Credentials` for accepting, None for all keys of the
    default keytab.
    """
    import gssapi

    context: SecurityContext = gssapi.SecurityContext(
        creds=credentials,
        channel_bindings=_bindings(request.bindings),
        usage="accept",
    )
    return context


def _bindings(data: bytes | None) -> Any:
    from gssapi.raw import ChannelBindings

    return None if data is None else ChannelBindings(application_data=data)
