"""What both sides say: the namespaces, the messages in elements, what was advertised."""

from __future__ import annotations

from ..._advertised import Advertised
from ..._errors import ProtocolError
from ...profiles import XMPP
from ._element import NAMESPACE, Element

CONDITIONS = "urn:ietf:params:xml:ns:xmpp-sasl"
BINDINGS = "urn:xmpp:sasl-cb:0"
STREAM = "http://etherx.jabber.org/streams"

# An element that is there has a message, if an empty one: no "=" is needed.
PROFILE = XMPP.replace(empty_initial=None)


def octets(text: str) -> bytes:
    """Return what stands for a message; what is beyond ASCII is no base64."""
    return text.encode("ascii", "replace")


def message(element: Element, name: str) -> bytes | None:
    """Return the message in a child; None where there is no such child."""
    found = element.child(name)
    return None if found is None else octets(found.text)


def words(element: Element | None, name: str, namespace: str = NAMESPACE) -> list[str]:
    """Return the character data of all children of this name."""
    return [one.text for one in element.all(name, namespace)] if element else []


def write_bindings(types: list[str]) -> Element:
    """Tell the types of channel binding (XEP-0440)."""
    listed = [
        Element("channel-binding", namespace=BINDINGS, attributes={"type": one})
        for one in types
    ]
    return Element("sasl-channel-binding", children=listed, namespace=BINDINGS)


def read_advertised(features: Element) -> Advertised:
    """Return what the features tell of SASL2, for SCRAM to check (XEP-0474).

    FAST's mechanisms are no part of it, and neither is RFC 6120's list: so have it
    Prosody and ejabberd (go-xmpp before 0.3.2 takes RFC 6120's). Raise ProtocolError for
    a name that cannot be in XML.
    """
    bindings = features.child("sasl-channel-binding", BINDINGS)
    types = None
    if bindings is not None:
        found = bindings.all("channel-binding", BINDINGS)
        types = [one.get("type") for one in found]
    names = words(features.child("authentication"), "mechanism")
    try:
        return Advertised(names, types)
    except ValueError:
        pass
    raise ProtocolError("a name in the features holds a character that XML has not")
