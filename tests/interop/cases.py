"""Who tries to log in, and whether he should get in; one test method per case."""

from __future__ import annotations

import re
import unittest
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, TypeVar

import sasl_core as sasl
from sasl_core.mechanisms import registered

from .peers.accounts import ALICE, CAROL, JUERGEN, MASTER

TOKENS = ("XOAUTH2", "OAUTHBEARER")
# What our own server offers on its own account, to clients who take our word for it.
CURRENT = frozenset(
    m.name for m in registered() if not (m.obsolete or m.by_name or m.rare)
)
# What has no field for an authorization identity.
WITHOUT_AUTHZID = ("LOGIN", "CRAM-MD5", *TOKENS)


class Case(NamedTuple):
    """What is tried, by whom, and with which result."""

    name: str
    credentials: sasl.Credentials
    welcome: bool
    # A TLS client certificate of this user is shown.
    certificate: str | None = None


def _password(
    name: str, user: str, password: str, welcome: bool, authzid: str = ""
) -> Case:
    return Case(name, sasl.Credentials(user, password, authzid=authzid), welcome)


def _token(name: str, user: str, token: str, welcome: bool) -> Case:
    return Case(name, sasl.Credentials(user, token=token), welcome)


RIGHT = _password("right", *ALICE, True)
WRONG = _password("wrong password", ALICE.user, "Wonderland", False)
_PASSWORD = [
    RIGHT,
    WRONG,
    _password("unknown user", "nobody", ALICE.password, False),
    _password("non-ASCII", *JUERGEN, True),
    _password("non-ASCII, wrong password", JUERGEN.user, "pä53wőrd", False),
    _password("comma and equals sign", *CAROL, True),
    _password("comma and equals sign, wrong password", CAROL.user, "com,ma", False),
]
_AUTHZID = [
    _password("own authzid", *ALICE, True, ALICE.user),
    _password("foreign authzid", *ALICE, False, JUERGEN.user),
]
_MASTER = [
    _password("master user", *MASTER, True, ALICE.user),
    _password("master user for odd user", *MASTER, True, CAROL.user),
    _password("master user, wrong password", MASTER.user, "slave", False, ALICE.user),
]
_TOKEN = [
    _token("right", ALICE.user, "token-of-alice", True),
    _token("expired", ALICE.user, "token-expired", False),
    _token("unknown token", ALICE.user, "no-such-token", False),
    _token("other scope", ALICE.user, "token-for-calendars", False),
    _token("of another user", JUERGEN.user, "token-of-alice", False),
    _token("non-ASCII", JUERGEN.user, "token-of-juergen", True),
    _token("comma and equals sign", CAROL.user, "token-of-carol", True),
]
_ANONYMOUS = [
    Case("right", sasl.Credentials(trace="tester@example.org"), True),
    Case("without trace", sasl.Credentials(), True),
]
_EXTERNAL = [
    Case("right", sasl.Credentials(), True, "alice"),
    Case("own authzid", sasl.Credentials(authzid="alice"), True, "alice"),
    Case("foreign authzid", sasl.Credentials(authzid="carol,=x"), False, "alice"),
]


def cases(mechanism: str, *, authzid: bool, masters: bool) -> list[Case]:
    """Return what is tried with a mechanism."""
    if mechanism == "ANONYMOUS":
        return _ANONYMOUS
    if mechanism == "EXTERNAL":
        return _EXTERNAL
    if mechanism in TOKENS:
        return _TOKEN
    if mechanism in WITHOUT_AUTHZID or not authzid:
        return _PASSWORD
    return [*_PASSWORD, *_AUTHZID, *(_MASTER if masters else [])]


def matrix(
    mechanisms: Iterable[str],
    *,
    authzid: bool = True,
    masters: bool = False,
    without: Collection[tuple[str, str]] = (),
) -> list[tuple[str, Case]]:
    """Return every mechanism with every of its cases.

    `authzid`: with a password, the peer can ask for another identity, too. `masters`: it
    knows the master user, who may. `without`: what the peer cannot do, as (mechanism,
    case); each must exist.
    """
    pairs = [
        (mechanism, case)
        for mechanism in sorted(mechanisms)
        for case in cases(mechanism, authzid=authzid, masters=masters)
    ]
    unknown = set(without) - {(mechanism, case.name) for mechanism, case in pairs}
    if unknown:
        raise ValueError(f"there are no such cases: {unknown}")
    return [(m, case) for m, case in pairs if (m, case.name) not in without]


_Test = TypeVar("_Test", bound=type[unittest.TestCase])


def each(pairs: Iterable[tuple[str, Case]]) -> Callable[[_Test], _Test]:
    """Give the test case a method for each pair: `check` with the pair."""

    def decorate(test_case: _Test) -> _Test:
        for mechanism, case in pairs:
            name = re.sub(r"\W+", "_", f"test_{mechanism}_{case.name}")
            if hasattr(test_case, name):
                raise ValueError(f"two cases are named {name}")
            setattr(test_case, name, _method(mechanism, case))
        return test_case

    return decorate


def _method(mechanism: str, case: Case) -> Callable[[unittest.TestCase], None]:
    def test(self: unittest.TestCase) -> None:
        self.check(mechanism, case)  # type: ignore[attr-defined]  # each() demands it

    return test
