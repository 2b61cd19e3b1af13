"""Add a mechanism of one's own, both sides: a name and a PIN. To import it registers it."""

from __future__ import annotations

from dataclasses import dataclass

import sasl_core as sasl
from sasl_core import mechanisms as words


class _AwaitPin(words.ServerRecord):
    def receive(self, response: bytes, terms: words.Terms) -> words.ServerMove:
        name, _, pin = response.decode("ascii", "replace").rpartition(":")
        if not (name and name.isprintable() and pin.isdigit()):
            raise words.Malformed("a name, a colon and digits")
        return sasl.CheckPassword(name, pin), _AwaitVerdict(name)


@dataclass(slots=True)
class _AwaitVerdict(words.Asking):
    name: str

    def take(self, answer: bool, terms: words.Terms) -> words.ServerMove:
        if not answer:
            return sasl.Failure(sasl.Reason.BAD_CREDENTIALS, "a wrong PIN"), None
        return sasl.Success(sasl.Identity(self.name)), None


facts = words.Mechanism(
    "X-PIN",
    lambda _, me, nonce: (f"{me.username}:{me.password}".encode(), words.SATISFIED),
    lambda _, nonce: (b"", _AwaitPin()),
    strength=15,  # below PLAIN, above LOGIN: the strongest on offer is chosen
    needs=("username", "password"),
    asks=(sasl.CheckPassword,),
    shows="password",  # so it is offered and used on encrypted channels only
    authzid=False,
)
words.register(facts)
