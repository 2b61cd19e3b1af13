"""ldap3's connection, played in memory: the package itself is met in tests/interop."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import types
import unittest
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters.ldap3 import authenticate, login, mechanisms
from sasl_core.protocols.ldap import _messages as messages

from .._accounts import NAMES, TABLE, channel, policy
from ..protocols.ldap._peer import TLS, Peer, outcome, server
from ._loopback import secrets_shown

USER = sasl.Credentials("user", "pencil")
PLAIN = sasl.Policy(allow=["PLAIN"])


class HungUpError(Exception):
    """As ldap3 has its own."""


class Connection:
    """What ldap3.Connection does with what the adapter asks of it."""

    version = 3
    closed = True
    bound = True  # as somebody, from before
    sasl_in_progress = False
    socket = None
    response = result = None
    request = "the last one"

    def __init__(self, peer: Peer, strategy: str = "SYNC") -> None:
        self.peer = peer
        self.strategy_type = strategy
        self.strategy = types.SimpleNamespace(sync=strategy != "ASYNC")
        self.server = types.SimpleNamespace(host="ldap.example.org", port=389)
        self.connection_lock = threading.RLock()
        self.raise_exceptions = self.auto_referrals = True
        self.calls: list[str] = []
        self.binds: list[tuple[str, bytes | None]] = []
        self.hangs_up_on: str | None = None
        self._results: dict[int, tuple[object, object]] = {}

    def open(self, read_server_info: bool = True) -> None:
        self.calls.append(f"open {read_server_info}")
        self.closed = False

    def search(self, base, search_filter, scope, *, attributes):
        assert (base, search_filter, scope) == ("", "(objectClass=*)", "BASE")
        self.calls.append("search")
        found = bytes(self.peer.say(messages.root_dse_request(1, *attributes)))
        self.peer.session.incoming.feed(found)
        entry = messages.read(self.peer.session.incoming.next())
        self.peer.session.incoming.next()
        raw = {
            name: [value.encode() for value in messages.read_entry(entry.body, name)]
            for name in attributes
        }
        return self.came({}, [{"raw_attributes": raw}, {"type": "searchResRef"}])

    def came(self, result: object, response: object):
        if self.strategy_type == "SAFE_SYNC":
            self.result = result
            return True, result, response, None
        if self.strategy.sync:
            self.result, self.response = result, response
            return True
        self._results[len(self._results) + 1] = response, result
        return len(self._results)

    def send(self, message_type: str, request: object, controls=None) -> bytes:
        assert (message_type, controls) == ("bindRequest", None)
        assert self.sasl_in_progress and not self.bound
        assert not self.raise_exceptions and not self.auto_referrals
        version, kind, name, password, mechanism, credentials = request
        assert (version, kind, name, password) == (3, "SASL", "", None)
        self.binds.append((mechanism, credentials))
        if mechanism == self.hangs_up_on:
            raise HungUpError
        self.request = request
        return messages.bind_request(7, mechanism, credentials)

    def post_send_single_response(self, frame: bytes):
        code, text, credentials = outcome(self.peer.say(frame))
        result = {"result": code, "message": text, "saslCreds": credentials}
        if self.strategy.sync:
            self.result = result
        return self.came(result, [result])

    def get_response(self, message_id: int):
        return self._results[message_id]

    def refresh_server_info(self) -> None:
        assert self.bound and not self.sasl_in_progress
        self.calls.append("refresh")


class Case(unittest.TestCase):
    def setUp(self) -> None:
        module = types.ModuleType("ldap3.operation.bind")
        module.bind_operation = lambda *request: request
        named = {"ldap3": module, "ldap3.operation": module, module.__name__: module}
        self.enterContext(mock.patch.dict(sys.modules, named))

    def check_end(self, connection: Connection, *, bound: bool) -> None:
        self.assertEqual(connection.bound, bound)
        self.assertFalse(connection.sasl_in_progress)
        self.assertTrue(connection.raise_exceptions and connection.auto_referrals)
        self.assertEqual("refresh" in connection.calls, bound)


class Login(Case):
    def test_every_mechanism(self) -> None:
        for strategy in ("SYNC", "SAFE_SYNC", "ASYNC"):
            for name in NAMES:
                on, only = channel(name), policy(name)
                connection = Connection(server(on, policy=only), strategy)
                credentials = sasl.Credentials(**TABLE[name].right)
                with self.subTest(name, strategy=strategy):
                    found = login(connection, credentials, channel=on, policy=only)
                    self.assertEqual(found, name)
                    self.check_end(connection, bound=True)
                    self.assertIsNone(connection.request)
                    peer = connection.peer.session
                    self.assertEqual(peer.success.mechanism, name)

    def test_what_is_asked_first(self) -> None:
        connection = Connection(server(policy=PLAIN))
        login(connection, USER, channel=TLS)
        self.assertEqual(connection.calls, ["open False", "search", "refresh"])
        self.assertEqual(mechanisms(connection), ("PLAIN",))
        connection = Connection(server(policy=PLAIN))
        connection.closed = False
        login(connection, USER, channel=TLS, mechanisms=["PLAIN"])
        self.assertEqual(connection.calls, ["refresh"])

    def test_a_wrong_password_is_one_attempt(self) -> None:
        connection = Connection(server())
        wrong = sasl.Credentials("user", "wrong")
        either = sasl.Policy(allow=["PLAIN", "LOGIN"])
        with self.assertRaises(sasl.AuthenticationError) as caught:
            login(connection, wrong, channel=TLS, policy=either)
        self.assertEqual(caught.exception.reply, "49 bad credentials")
        self.assertEqual(len(connection.binds), 1)
        self.check_end(connection, bound=False)

    def test_the_next_mechanism(self) -> None:
        connection = Connection(server(policy=PLAIN))
        names = ["SCRAM-SHA-256", "PLAIN"]
        found = login(connection, USER, channel=TLS, mechanisms=names)
        self.assertEqual(found, "PLAIN")
        self.assertEqual([name for name, _ in connection.binds], names)

    def test_no_password_in_the_clear(self) -> None:
        connection = Connection(server())
        with self.assertRaises(sasl.NoMechanism):
            login(connection, USER, policy=PLAIN)
        self.assertEqual(connection.binds, [])

    def test_other_strategies(self) -> None:
        for name in ("REUSABLE", "RESTARTABLE", "SAFE_RESTARTABLE"):
            with self.subTest(name), self.assertRaises(ValueError):
                login(Connection(server(), name), USER, channel=TLS)

    def test_our_own_side_fails(self) -> None:
        """The exchange is cancelled, and what went wrong first is what is raised."""
        for hangs_up_on in (None, ""):
            connection = Connection(server())
            connection.hangs_up_on = hangs_up_on
            only = sasl.Policy(allow=["SCRAM-SHA-256"], iterations=(100_000, 200_000))
            with self.assertRaises(sasl.ProtocolError):
                login(connection, USER, channel=TLS, policy=only)
            self.assertEqual(connection.binds[-1], ("", None))
            self.check_end(connection, bound=False)

    def test_a_connection_that_fails(self) -> None:
        connection = Connection(server())
        connection.hangs_up_on = "PLAIN"
        with self.assertRaises(HungUpError):
            login(connection, USER, channel=TLS, policy=PLAIN)
        self.check_end(connection, bound=False)

    def test_success_too_early(self) -> None:
        connection = Connection(server())
        done = {"result": 0, "message": "", "saslCreds": None}
        connection.post_send_single_response = lambda frame: connection.came(done, [])
        with self.assertRaises(sasl.ServerNotAuthenticated):
            login(connection, USER, channel=TLS)
        self.check_end(connection, bound=False)

    def test_a_token_from_a_source(self) -> None:
        asked = []

        def source(expired: sasl.TokenError | None) -> str:
            asked.append(expired and expired.status)
            return TABLE["OAUTHBEARER"].right["token"] if expired else "old"

        credentials = sasl.Credentials("user", token=source)
        connection = Connection(server())
        self.assertEqual(login(connection, credentials, channel=TLS), "OAUTHBEARER")
        self.assertEqual(asked, [None, "invalid_token"])

    def test_no_secret_is_in_the_traceback(self) -> None:
        who = sasl.Credentials("user", "hunter2")
        for only in (PLAIN, sasl.Policy(allow=["LOGIN"])):
            connection = Connection(server())
            act = functools.partial(login, connection, who, channel=TLS, policy=only)
            self.assertEqual(secrets_shown(act, "hunter2", "\0user\0hunter2"), [])

    def test_the_lock_is_held(self) -> None:
        connection = Connection(server())
        held = []

        @contextlib.contextmanager
        def lock():
            held.append(len(connection.binds))
            yield
            held.append(len(connection.binds))

        connection.connection_lock = lock()
        login(connection, USER, channel=TLS, policy=PLAIN)
        self.assertEqual(held, [0, 1])


class Authenticate(Case):
    def test_one_mechanism(self) -> None:
        client = sasl.client("PLAIN", USER, channel=TLS, profile=profiles.LDAP)
        connection = Connection(server())
        authenticate(connection, client)
        self.assertEqual(connection.binds, [("PLAIN", b"\0user\0pencil")])
        self.check_end(connection, bound=True)


if __name__ == "__main__":
    unittest.main()
