"""Every hostile dialog of SMTP AUTH, as data that says what must happen.

The octets go through a LineBuffer to a ServerSession, or to a ClientSession: nothing is
cut to measure for a case. What a case says in words stands in a table here.
"""

from __future__ import annotations

import re
import time
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.protocols.smtp import (
    ClientSession,
    Command,
    LineBuffer,
    Reply,
    ServerSession,
)

from ._data import add_test, attacks, ids, method_name, octets

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = dict[str, Any]

CASES = attacks("smtp")
SECONDS = 1.0  # for what must be bounded, where the case has no bound of its own

# What a reply may be, where the data says it in words: the codes of all replies to the
# step, in order.
IN_WORDS = {
    "334 then 501/535; MAIL not executed": "334 (501|535)",
    "220; after the handshake the buffer is empty": "220|503",
    "220 or 503": "220|503",
    "503/530": "503|530",
    "250, AUTH treated as <>": "250",
    "one line 5xx": "5..",
    "421 and close after a small number": "(535 ){1,9}421",
}


class _Store:
    """The application behind our server."""

    def __init__(self, setup: Case) -> None:
        accounts = [setup["account"], *setup.get("other_accounts", ())]
        self.passwords = {a["authcid"]: a["password"] for a in accounts}
        self.asked = 0

    def settle(self, request: sasl.Request) -> Any:
        self.asked += 1
        match request:
            case sasl.CheckPassword(username, password):
                return request.answer(self.passwords.get(username) == password)
            case sasl.FindPassword(username):
                return request.answer(self.passwords.get(username))
        return request.deny()


class _Server:
    """Our server, with the smallest application that answers every command."""

    def __init__(self, setup: Case) -> None:
        wanted = setup["policy"]
        in_the_clear = wanted.get("require_tls") is False
        tls = setup["tls"]
        self.store = _Store(setup)
        self.session = ServerSession(
            sasl.Channel(tls is True),
            policy=sasl.Policy(
                allow=setup["advertise"],
                cleartext="always" if in_the_clear else "encrypted",
            ),
            require_auth=wanted.get("auth_required", False),
            starttls=tls == "starttls",
        )
        self.lines = LineBuffer(self.session.line_limit)
        self.commands: list[Command] = []
        self.identities: list[sasl.Identity] = []
        self.closed = False

    def feed(self, data: bytes) -> list[Reply]:
        replies: list[Reply] = []
        self.lines.feed(data)
        while not self.closed and (line := self.lines.next()) is not None:
            replies.append(self.reply(line))
            self.closed = replies[-1].close
        return replies

    def reply(self, line: bytes) -> Reply:
        action = self.session.receive(line)
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.store.settle(action))
        if isinstance(action, Reply):
            if action.code == 235 and self.session.identity:
                self.identities.append(self.session.identity)
            return action
        self.commands.append(action)
        if action.verb == "STARTTLS":
            return self.session.start_tls(pending=self.lines.pending)
        lines = ("mail.example.com", *self.session.keywords())
        reply = Reply(250, *lines if action.verb == "EHLO" else ("2.0.0 Ok",))
        self.session.replied(action, reply)
        return reply


class Server(unittest.TestCase):
    """Our server under attack."""

    def play(self, case: Case) -> _Server:
        server = _Server(case["setup"])
        replies: list[Reply] = []
        for index, step in enumerate(case["steps"]):
            if "expect" in step:
                self.check(step, replies)
            elif step.get("note") == "handshake":
                server.session.secured(sasl.Channel(True))
            elif step.get("signal") == "eof":
                server.session.closed()
            else:
                hostile = index == case.get("attack_step")
                if hostile:
                    server.identities.clear()
                started = time.perf_counter()
                replies = server.feed(_sent(step))
                taken = time.perf_counter() - started
                if hostile and case["expected"].startswith("bounded"):
                    self.assertLess(taken, SECONDS)
        return server

    def check(self, step: Case, replies: list[Reply]) -> None:
        for reply in replies:
            self.assertEqual(bytes(reply).count(b"\r\n"), len(reply.lines))
        if step.get("any"):
            self.assertTrue(replies)
            return
        codes = " ".join(str(reply.code) for reply in replies)
        wanted = step["reply"]
        pattern = IN_WORDS.get(wanted) or wanted.strip().replace("x", ".")
        self.assertRegex(codes, re.compile(f"^({pattern})$"))


class Client(unittest.TestCase):
    """Our client under attack."""

    def play(self, case: Case) -> ClientSession:
        setup = case["setup"]
        who = setup["client"]
        client = ClientSession(
            sasl.Credentials(who["authcid"], who["password"]),
            channel=sasl.Channel(setup["tls"] is True),
        )
        self.sent: list[bytes] = []
        for index, step in enumerate(case["steps"]):
            if "expect" in step:
                self.check(step)
                continue
            if "note" in step:
                break
            started = time.perf_counter()
            try:
                for message in _pieces(step):
                    self.sent.append(client.receive(message))
            finally:
                if index == case.get("attack_step"):
                    self.assertLess(time.perf_counter() - started, SECONDS)
        return client

    def check(self, step: Case) -> None:
        last = self.sent[-1]
        if "hex" in step:
            self.assertEqual(last, bytes.fromhex(step["hex"]))
        elif step.get("absent"):
            self.assertEqual(last, b"")
        else:
            self.assertTrue(last.endswith(b"\r\n"))
        word = {"EHLO": b"EHLO ", "STARTTLS": b"STARTTLS\r\n", "AUTH line": b"AUTH "}
        self.assertTrue(last.startswith(word.get(step.get("assert", ""), b"")))


def _sent(step: Case) -> bytes:
    return b"".join(_pieces(step))


def _pieces(step: Case) -> list[bytes]:
    repeated = step.get("repeat_line")
    if repeated:
        return [octets(repeated)] * repeated["count"]
    return [octets(step)]


def _server_accepts(case: Case) -> Callable[[Server], None]:
    def run(self: Server) -> None:
        server = self.play(case)
        identity = server.session.identity
        self.assertIsNotNone(identity)
        expected = case.get("identity", case["setup"]["account"]["authcid"])
        self.assertEqual(identity.authzid, expected)

    return run


def _server_rejects(case: Case) -> Callable[[Server], None]:
    def run(self: Server) -> None:
        server = self.play(case)
        self.assertEqual(server.identities, [])
        if "verifier called" in case.get("forbid", ()):
            self.assertEqual(server.store.asked, 0)

    return run


def _client_accepts(case: Case) -> Callable[[Client], None]:
    def run(self: Client) -> None:
        self.assertTrue(self.play(case).authenticated)

    return run


def _client_aborts(case: Case) -> Callable[[Client], None]:
    def run(self: Client) -> None:
        with self.assertRaises(sasl.SASLError) as caught:
            client = self.play(case)
            # What went wrong on our side is told when the server has heard of it.
            self.assertEqual(self.sent[-1], b"*\r\n")
            client.receive(b"501 5.0.0 cancelled\r\n")
        self.assertNotIsInstance(caught.exception, sasl.StateError)
        self.assertTrue(str(caught.exception).isprintable())
        if "AUTH sent" in case.get("forbid", ()):
            self.assertNotIn(b"AUTH", b"".join(self.sent))
        secret = b"cGVuY2ls"  # the password, in PLAIN as in LOGIN
        self.assertLessEqual(b"".join(self.sent).count(secret), 1)
        if "password sent in clear" in case.get("forbid", ()):
            self.assertNotIn(secret, b"".join(self.sent))

    return run


class Properties(unittest.TestCase):
    """The cases that no dialog can settle."""

    def case(self, identifier: str) -> Case:
        return next(case for case in CASES if case["id"] == identifier)

    def test_SMT_S_37_an_unauthenticated_client_asserts_nobody(self) -> None:
        case = self.case("SMT-S-37")
        server = Server().play(case)
        self.assertEqual(server.commands[-1].auth, "")

    def test_SMT_S_42_a_connection_that_ends_in_an_exchange(self) -> None:
        case = self.case("SMT-S-42")
        server = Server().play(case)
        self.assertIs(server.session.failure.reason, sasl.Reason.ABORTED)
        self.assertIsNone(server.session.identity)

    def test_SMT_C_10_no_auth_before_the_second_ehlo(self) -> None:
        case = self.case("SMT-C-10")
        runner = Client()
        client = runner.play(case)
        self.assertNotIn(b"AUTH", b"".join(runner.sent))
        self.assertTrue(client.wants_tls)
        self.assertTrue(client.secured(sasl.Channel(True)).startswith(b"EHLO "))
        line = client.receive(b"250-x\r\n250 AUTH SCRAM-SHA-256\r\n")
        self.assertTrue(line.startswith(b"AUTH SCRAM-SHA-256 "))

    def test_no_case_is_left_over(self) -> None:
        made = {
            name.split("__")[0]
            for kind in (Server, Client, Properties)
            for name in dir(kind)
            if name.startswith("test_SMT_")
        }
        for wanted in ids(CASES):
            prefix = f"test_{wanted.replace('-', '_')}"
            self.assertTrue(any(name.startswith(prefix) for name in made), wanted)


def _generate() -> None:
    for case in CASES:
        accepts = case["expected"].startswith("accept")
        name = method_name(case["id"], case["title"])
        if case["expected"] in ("property", "cancelled"):
            continue
        if case["side"] == "server":
            add_test(
                Server, name, (_server_accepts if accepts else _server_rejects)(case)
            )
        else:
            add_test(
                Client, name, (_client_accepts if accepts else _client_aborts)(case)
            )


_generate()
