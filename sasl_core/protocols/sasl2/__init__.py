"""XMPP's Extensible SASL Profile without a socket and without XML, both sides (XEP-0388),
with FAST's tokens (XEP-0484) and the upgrade of SCRAM's keys (XEP-0480).

What goes over the stream is an Element, which its owner writes by `bytes()` and reads
with whatever XML library by `Element.of`. TLS, the stream and what else is negotiated in
the same elements (XEP-0386, XEP-0198) are the owner's; no stream restarts here.
"""

from __future__ import annotations

from ._client import ClientSession
from ._element import NAMESPACE, Element
from ._fast import issued
from ._server import ServerSession
from ._words import STREAM

__all__ = [
    "NAMESPACE",
    "STREAM",
    "ClientSession",
    "Element",
    "ServerSession",
    "issued",
]
