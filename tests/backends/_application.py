"""Two accounts, and how a login to them may end."""

from __future__ import annotations

from typing import Any

import sasl_core as sasl
from sasl_core import Reason, records
from sasl_core.backends import Account

from ._worlds import Store

MECHANISMS = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "DIGEST-MD5",
    "NTLM",
]
ALICE = Account([records.Plaintext("pencil")], {"sales", "bob"})
BOB = Account(
    [*records.derive("pencil", ("SCRAM-SHA-256", "CRAM-MD5", "NTLM"), iterations=2)]
)


class Parts:
    """What applications with these accounts are tested with."""

    def setUp(self) -> None:
        """Make a store with two accounts."""
        self.store = Store(alice=ALICE, bob=BOB)
        self.events: list[Any] = []

    def assert_failed(
        self, event: Any, reason: Reason = Reason.BAD_CREDENTIALS
    ) -> None:
        """Expect a failure for this reason."""
        self.assertIsInstance(event, sasl.Failure)
        self.assertIs(event.reason, reason)
