"""Applications where others decide: who is known, and what is asked of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import sasl_core as sasl
from sasl_core import Reason
from sasl_core.backends import Account
from sasl_core.records import EcdsaPublicKey

from .. import _gss as gss
from .._p256 import PrivateKey
from ._contract import keys
from ._worlds import Store

ALICE, OTHER, NOBODYS = PrivateKey(4711), PrivateKey(815), PrivateKey(1)
HAS = Account([keys("pencil"), EcdsaPublicKey(ALICE.public.octets)], {"sales"})
CONTEXTS = {"GSSAPI": partial(gss.acceptor, password="ticket")}


class Parts:
    """What is asked of applications with these parts, and how it ends."""

    def setUp(self) -> None:
        """Make a store."""
        self.store = Store(alice=HAS, bob=Account([keys("x")]))
        self.events: list[Any] = []

    def set_refusal(self, reason: Reason | None) -> None:
        """Let Alice not log in."""
        self.store.replace(
            "alice", self.store.find("alice"), HAS.replace(refusal=reason)
        )

    def assert_failed(
        self, event: Any, reason: Reason = Reason.BAD_CREDENTIALS
    ) -> None:
        """Expect a failure for this reason."""
        self.assertIsInstance(event, sasl.Failure)
        self.assertIs(event.reason, reason)

    def kerberos(
        self, app: Any, principal: str = "alice", ticket: str = "ticket", **more: Any
    ) -> Any:
        """Log in by a security context."""
        name = more.pop("name", "GSSAPI")
        return self.login(app, name, gss=gss.Maker(principal, ticket), **more)
