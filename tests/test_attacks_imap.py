"""Every hostile dialog of IMAP, as data that says what must happen.

The octets go to a ServerSession's buffer, or to a ClientSession: nothing is cut to
measure for a case. What a case says in words stands in a table here.
"""

from __future__ import annotations

import time
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.protocols.imap import ClientSession, Command, Reply, ServerSession

from ._data import add_test, attacks, ids, method_name, octets

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = dict[str, Any]

CASES = attacks("imap")
SECONDS = 1.0  # for what must be bounded

# What all the lines of the replies to a step begin with, in order. Ours ends the
# connection where more may come that is no command; then it says BYE first.
BEGINNINGS = {
    "IMA-S-C01": ["a1 OK"],
    "IMA-S-02": ["a1 NO"],
    "IMA-S-04": ["* BYE"],
    "IMA-S-06": ["* BYE", "a1 BAD"],
    "IMA-S-09": ["* BYE", "a1 BAD"],
    "IMA-S-11": ["a1 BAD"],
}


class _Server:
    """Our server, with the smallest application that answers every command."""

    def __init__(self, setup: Case) -> None:
        self.account = setup["account"]
        self.asked = 0
        self.session = ServerSession(
            sasl.Channel(setup["tls"] is True),
            policy=sasl.Policy(allow=setup["advertise"]),
            starttls=setup["tls"] == "starttls",
        )

    def feed(self, data: bytes) -> list[str]:
        lines: list[str] = []
        incoming = self.session.incoming
        incoming.feed(data)
        while (line := incoming.next()) is not None:
            reply = self.reply(line)
            lines += reply.lines
            if reply.close:
                break
        return lines

    def reply(self, line: bytes) -> Reply:
        action = self.session.receive(line)
        while isinstance(action, sasl.CheckPassword):
            self.asked += 1
            who = {"authcid": action.username, "password": action.password}
            action = self.session.resume(action.answer(who == self.account))
        if isinstance(action, Command):
            assert action.verb == "STARTTLS"
            return self.session.start_tls(pending=self.session.incoming.pending)
        assert isinstance(action, Reply)
        return action


class Server(unittest.TestCase):
    """Our server under attack."""

    def run_case(self, case: Case) -> None:
        server = _Server(case["setup"])
        lines: list[str] = []
        accepted: list[int] = []
        for index, step in enumerate(case["steps"]):
            if "expect" in step:
                wanted = BEGINNINGS.get(case["id"], [step["reply"]])
                found = [line[: len(w)] for line, w in zip(lines, wanted, strict=True)]
                self.assertEqual(found, wanted)
                continue
            started = time.perf_counter()
            before = server.session.success
            lines = server.feed(octets(step))
            self.assertLess(time.perf_counter() - started, SECONDS)
            if server.session.success is not before:
                accepted.append(index)
        if case["expected"] == "accept":
            self.assertTrue(accepted)
        else:
            self.assertNotIn(case.get("attack_step"), accepted)
        if case["expected"] == "cancelled":
            self.assertIs(server.session.failure.reason, sasl.Reason.ABORTED)
        if "verifier called" in case.get("forbid", ()):
            self.assertEqual(server.asked, 0)


class Client(unittest.TestCase):
    """Our client under attack."""

    def run_case(self, case: Case) -> None:
        who = case["setup"]["client"]
        sent: list[bytes] = []
        with self.assertRaises(sasl.SASLError) as caught:
            client = ClientSession(
                sasl.Credentials(who["authcid"], who["password"]),
                channel=sasl.Channel(case["setup"]["tls"] is True),
            )
            for step in case["steps"]:
                if "expect" not in step:
                    sent.append(client.receive(self.octets(step, sent)))
            if not case["steps"]:  # the attack is in the credentials
                client.receive(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            # What went wrong on our side is told when the server has heard of it.
            self.assertEqual(sent[-1], b"*\r\n")
            client.receive(b"A1 BAD cancelled\r\n")
        self.assertNotIsInstance(caught.exception, sasl.StateError)
        self.assertTrue(str(caught.exception).isprintable())
        self.assertNotIn(b"cGVuY2ls", b"".join(sent))

    def octets(self, step: Case, sent: list[bytes]) -> bytes:
        if "template" not in step:
            return octets(step)
        tag = sent[-1].partition(b" ")[0].decode()
        return step["template"].replace("<tag>", tag).encode() + b"\r\n"


class Complete(unittest.TestCase):
    """No case is left over."""

    def test_all_are_run(self) -> None:
        made = {name for kind in (Server, Client) for name in dir(kind)}
        for case in CASES:
            self.assertIn(method_name(case["id"], case["title"]), made)
        self.assertLessEqual(set(BEGINNINGS), ids(CASES))


def _run(case: Case) -> Callable[[Any], None]:
    return lambda self: self.run_case(case)


def _generate() -> None:
    for case in CASES:
        kind = Server if case["side"] == "server" else Client
        add_test(kind, method_name(case["id"], case["title"]), _run(case))


_generate()
