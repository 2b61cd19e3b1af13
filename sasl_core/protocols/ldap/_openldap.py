"""How OpenLDAP binds a channel.

It calls the type "ldap" where others say "tls-server-end-point", which stands before the
octets instead. So does its client, libldap, which also leaves out the mechanism's -PLUS,
because Cyrus's library tells it the name without.
"""

from __future__ import annotations

from ..._channel import ChannelBinding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel

_END_POINT = "tls-server-end-point"
_CLASS = "openldaprootdse"


def openldap_binding(channel: Channel) -> ChannelBinding | None:
    """Return the channel's binding as OpenLDAP has it; None where there is none."""
    for binding in channel.bindings:
        if binding.type == _END_POINT:
            return ChannelBinding("ldap", f"{_END_POINT}:".encode() + binding.data)
    return None


def for_server(channel: Channel, object_classes: Iterable[str]) -> Channel:
    """Return the channel as a client binds it to the server of this root DSE."""
    binding = openldap_binding(channel)
    if binding is None or _CLASS not in map(str.lower, object_classes):
        return channel
    return channel.replace(bindings=[binding])


def for_clients(channel: Channel) -> Channel:
    """Return the channel as a server binds it: to OpenLDAP's clients as to others."""
    binding = openldap_binding(channel)
    if binding is None or any(one.type == "ldap" for one in channel.bindings):
        return channel
    return channel.replace(bindings=[*channel.bindings, binding])


def meant(mechanism: bytes, initial: bytes | None) -> bytes:
    """Return the mechanism that a client means: one that binds the channel, where its
    first message does.
    """
    name = mechanism.upper()
    if (
        initial is not None
        and initial[:2] == b"p="
        and name.startswith(b"SCRAM-")
        and not name.endswith(b"-PLUS")
    ):
        return mechanism + b"-PLUS"
    return mechanism
