"""A directory that is played: what ldap3 would make of its answers."""

from __future__ import annotations

import traceback
import unittest
from typing import Any

from sasl_core import records
from sasl_core.backends import Account, Unavailable
from sasl_core.backends.ldap import LdapStore

from ._contract import keys

DN = "uid=alice,ou=people,dc=example,dc=org"
CSN = b"20260101000000.000000Z#000000#000#000000"
SSHA = b"{SSHA}1kIVYAiZBlP34q9Mx2jzNi0dAW0ShR3n"
PENCIL = keys("pencil")
DIGEST = records.parse(SSHA.decode())[0]
BOTH = Account([DIGEST, PENCIL])
DOVECOT = PENCIL.format("dovecot").encode()


class BrokenError(Exception):
    """What ldap3 raises when the connection is gone; its text shows too much."""


class ResultError(Exception):
    """What ldap3 raises for a result, with raise_exceptions."""

    def __init__(self, result: int) -> None:
        super().__init__("cn=secret")
        self.result = result


def entry(name: str = "alice", *passwords: bytes, **more: Any) -> dict[str, Any]:
    """Return what ldap3 makes of an entry."""
    raw = {"uid": [name.encode()], "userPassword": [*passwords], "entryCSN": [CSN]}
    raw |= more
    return {"type": "searchResEntry", "dn": DN, "raw_attributes": raw}


ALICE = entry("alice", SSHA)
OK = {"result": 0, "description": "success"}


def result(number: int, **more: Any) -> dict[str, Any]:
    """Return what ldap3 makes of a result."""
    return {"result": number, "description": "said", "message": "cn=secret"} | more


class Fake:
    """A connection that gives one scripted answer after the other.

    An answer is a list of entries, a result, both in a tuple, or an exception.
    """

    def __init__(self, *script: Any, style: str = "safe", bound: bool = True) -> None:
        self.script = list(script)
        self.style = style
        self.bound = bound
        self.result: Any = None
        self.response: Any = None
        self.asked: list[dict[str, Any]] = []
        self.closed = 0

    def search(self, **options: Any) -> Any:
        """Answer a search."""
        return self._answer(options)

    def modify(self, **options: Any) -> Any:
        """Answer a change."""
        return self._answer(options)

    def unbind(self) -> None:
        """Count it; the server is gone."""
        self.closed += 1
        raise BrokenError

    def _answer(self, options: dict[str, Any]) -> Any:
        self.asked.append(options)
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, list):
            answer = (OK, answer)
        self.result, self.response = (
            answer if isinstance(answer, tuple) else (answer, [])
        )
        if self.style == "raising" and self.result["result"]:
            raise ResultError(self.result["result"])
        if self.style == "safe":
            return True, self.result, self.response, {}
        return 7 if self.style == "async" else bool(self.response)


class Base(unittest.TestCase):
    """A store on connections that are given in order."""

    def store_on(self, *fakes: Fake | Exception, **options: Any) -> LdapStore:
        """Make it; one connection more than there are is a failure."""
        waiting = list(fakes)

        def connect() -> Any:
            fake = waiting.pop(0)
            if isinstance(fake, Exception):
                raise fake
            return fake

        return LdapStore(connect, "ou=people", **options)

    def unavailable(self, store: LdapStore, name: str = "alice") -> str:
        """Expect it; return the text, in which and behind which there is no secret."""
        with self.assertRaises(Unavailable) as caught:
            store.find(name)
        whole = "".join(traceback.format_exception(caught.exception))
        self.assertNotIn("secret", whole)
        self.assertIsNone(caught.exception.__context__)
        return str(caught.exception)
