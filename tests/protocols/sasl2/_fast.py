"""A server with FAST (XEP-0484), and a token of it."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.sasl2 import ServerSession

from ._pair import server

FAST = "urn:xmpp:fast:0"
ANSWERS = (sasl.FindScramKeys, sasl.FindHashedTokens, sasl.UseHashedToken)
TOKEN = "an issued token"


def fast(**options: object) -> ServerSession:
    return server(**{"answers": ANSWERS} | options)
