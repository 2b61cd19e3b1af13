"""Every hostile dialog of POP3, as data that says what must happen.

The octets go through a session's own buffer: nothing is cut to measure for a case.
"""

from __future__ import annotations

import re
import time
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.protocols.pop3 import ClientSession, Command, Reply, ServerSession

from ._data import add_test, attacks, ids, method_name, octets

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = dict[str, Any]

CASES = attacks("pop3")
# What a client's case has to do with: a mechanism, or one of POP3's own ways.
NAMES = {"USER": ["PLAIN"]}
# What a reply may be, where the data says it in words; for all replies to the step.
IN_WORDS = {"+ ": r"\+ \r\n", "+OK; nothing more": r"(\+OK|-ERR)[^\r\n]*\r\n"}


class _Server:
    """Our server, with the smallest application that answers every command."""

    def __init__(self, setup: Case) -> None:
        account = setup["account"]
        self.passwords = {account["authcid"]: account["password"]}
        self.asked = 0
        self.successes = 0
        self.session = ServerSession(
            sasl.Channel(setup["tls"] is True),
            policy=sasl.Policy(allow=setup["advertise"]),
            starttls=setup["tls"] == "starttls",
        )

    def feed(self, data: bytes) -> bytes:
        replies = b""
        incoming, close = self.session.incoming, False
        incoming.feed(data)
        while not close and (line := incoming.next()) is not None:
            reply = self.reply(line)
            replies, close = replies + bytes(reply), reply.close
        return replies

    def reply(self, line: bytes) -> Reply:
        before = self.session.success
        action = self.session.receive(line)
        while isinstance(action, sasl.Request):
            self.asked += 1
            right = self.passwords.get(action.username) == action.password
            action = self.session.resume(action.answer(right))
        self.successes += self.session.success is not before
        if isinstance(action, Command) and action.verb == "STLS":
            return self.session.start_tls(pending=self.session.incoming.pending)
        return action.ok() if isinstance(action, Command) else action


class Server(unittest.TestCase):
    """Our server under attack."""

    def play(self, case: Case) -> _Server:
        server = _Server(case["setup"])
        replies = b""
        for index, step in enumerate(case["steps"]):
            if "expect" in step:
                wanted = step["reply"]
                pattern = IN_WORDS.get(wanted, re.escape(wanted) + r"[^\r\n]*\r\n")
                self.assertRegex(replies, re.compile(f"^{pattern}$".encode()))
            else:
                if index == case.get("attack_step"):
                    server.successes = 0
                replies = server.feed(octets(step))
        return server


class Client(unittest.TestCase):
    """Our client under attack."""

    def play(self, case: Case) -> None:
        setup = case["setup"]
        who, name = setup["client"], case["mechanism"]
        names = NAMES.get(name, [name])
        client = ClientSession(
            sasl.Credentials(who["authcid"], who["password"]),
            channel=sasl.Channel(setup["tls"] is True),
            policy=sasl.Policy(allow=names),
        )
        self.sent = b""
        hostile = [octets(step) for step in case["steps"] if step.get("from")]
        greeting, *others = hostile or [b"+OK ready\r\n"]
        listed = "USER" if name == "USER" else f"SASL {name}"
        honest = f"+OK\r\n{listed}\r\n.\r\n".encode()
        # Where the case has nothing to say, the server is like any other.
        for message in (greeting, honest, *others):
            self.sent = client.receive(message)
        self.assertFalse(client.authenticated)


def _server_rejects(case: Case) -> Callable[[Server], None]:
    def run(self: Server) -> None:
        server = self.play(case)
        self.assertEqual(server.successes, 0)
        if case["expected"] == "cancelled":
            self.assertIs(server.session.failure.reason, sasl.Reason.ABORTED)
        if "verifier called" in case.get("forbid", ()):
            self.assertEqual(server.asked, 0)

    return run


def _client_aborts(case: Case) -> Callable[[Client], None]:
    def run(self: Client) -> None:
        started = time.perf_counter()
        with self.assertRaises(sasl.SASLError) as caught:
            self.play(case)
        taken = time.perf_counter() - started
        self.assertNotIsInstance(caught.exception, sasl.StateError)
        self.assertTrue(str(caught.exception).isprintable())
        self.assertLess(taken, case.get("bounds", {}).get("max_seconds", 1))
        if case["expected"] == "refuse-local":
            self.assertIsInstance(caught.exception, sasl.CredentialsError)
            self.assertEqual(self.sent, b"CAPA\r\n")

    return run


class All(unittest.TestCase):
    def test_no_case_is_left_over(self) -> None:
        made = [name for kind in (Server, Client) for name in dir(kind)]
        for wanted in ids(CASES):
            prefix = method_name(wanted)
            self.assertTrue(any(name.startswith(prefix) for name in made), wanted)


def _generate() -> None:
    for case in CASES:
        name = method_name(case["id"], case["title"])
        if case["side"] == "server":
            add_test(Server, name, _server_rejects(case))
        else:
            add_test(Client, name, _client_aborts(case))


_generate()
