"""The master's connection, both halves: look-ups, and logins that it heard of."""

from __future__ import annotations

import pickle
import unittest

import sasl_core as sasl
from sasl_core.protocols.dovecot import (
    FindUser,
    Found,
    Logins,
    LookedUp,
    MasterClient,
    MasterServer,
    Verified,
)
from sasl_core.protocols.forwarding import Forward

from ._pair import line, lines, service

USERS = {"alice": {"uid": "1000", "home": "/home/al\tice"}}


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.logins = Logins()
        self.server = MasterServer(pid=9, logins=self.logins)
        self.client = MasterClient()
        self.asked: list[FindUser] = []
        self.client.receive(bytes(self.server.greeting()))

    def settle(self, question: FindUser) -> bytes:
        self.asked.append(question)
        fields = USERS.get(question.username)
        found = None if fields is None else Found(question.username, fields)
        return bytes(self.server.resume(question, found))

    def talk(self) -> list[LookedUp]:
        self.server.incoming.feed(self.client.data_to_send())
        answers = []
        while (text := self.server.incoming.next()) is not None:
            action = self.server.receive(text)
            said = (
                self.settle(action) if isinstance(action, FindUser) else bytes(action)
            )
            answers += self.client.receive(said)
        return answers


class LookUps(Case):
    def test_found_and_not(self) -> None:
        known = self.client.user("alice", "imap", {"rip": "192.0.2.1"})
        unknown = self.client.user("nobody", "lmtp")
        self.assertEqual(
            self.talk(),
            [
                LookedUp(known, Found("alice", USERS["alice"])),
                LookedUp(unknown, None),
            ],
        )
        self.assertEqual(self.asked[0].parameters.get("rip"), "192.0.2.1")
        self.assertIsNone(self.asked[0].login)

    def test_a_strange_name(self) -> None:
        name = "a\tb\nUSER\0\x01c"
        self.client.user(name, "imap")
        [answer] = self.talk()
        self.assertIsNone(answer.found)
        self.assertEqual(self.asked[0].username, name)

    def test_unavailable(self) -> None:
        self.client.user("alice", "imap")
        self.settle = lambda question: bytes(self.server.unavailable(question))
        self.assertEqual(self.talk(), [LookedUp(1, None, failed=True)])

    def test_a_look_up_is_no_verification(self) -> None:
        """The types do not mix: neither says anything that the other one takes."""
        found = Found("alice")
        self.assertFalse(issubclass(Found, Verified) or issubclass(Verified, Found))
        self.assertFalse(Forward(b"", True)._fits(found))
        self.client.user("alice", "imap")
        question = Verified(sasl.Identity("alice"))
        self.settle = lambda asked: bytes(self.server.resume(asked, question))
        with self.assertRaises(sasl.StateError):
            self.talk()

    def test_answers_of_the_wrong_type(self) -> None:
        for answer in (True, "alice", {"uid": "0"}, USERS):
            self.setUp()
            self.client.user("alice", "imap")
            self.settle = lambda asked, a=answer: bytes(self.server.resume(asked, a))
            with self.assertRaises(sasl.StateError):
                self.talk()

    def test_each_is_settled_once(self) -> None:
        self.client.user("alice", "imap")
        self.talk()
        self.assertEqual(self.settle(self.asked[0]), b"")
        self.assertEqual(bytes(self.server.unavailable(self.asked[0])), b"")

    def test_fields_are_shown_by_name_only(self) -> None:
        with self.assertRaises(TypeError):
            pickle.dumps(self.server)


class Requests(Case):
    def login(self) -> bytes:
        session = service(logins=self.logins)
        lines(
            session,
            "AUTH 5 PLAIN service=imap secured session=s resp=AHVzZXIAcGVuY2ls",
        )
        return session.cookie

    def test_a_login(self) -> None:
        cookie = self.login()
        self.client.request(4711, 5, cookie)
        self.client.request(4711, 5, cookie)
        USERS["user"] = {"uid": "5"}
        self.addCleanup(USERS.pop, "user")
        first, second = self.talk()
        self.assertEqual(first.found, Found("user", {"uid": "5"}))
        self.assertTrue(second.failed)  # each is told once
        self.assertEqual(self.asked[0].login, sasl.Identity("user"))
        self.assertEqual(self.asked[0].parameters.get("session"), "s")

    def test_without_the_cookie(self) -> None:
        cookie = self.login()
        for pid, login, said in (
            (4711, 5, cookie[:-1] + b"0"),
            (4711, 5, b""),
            (4711, 6, cookie),
            (1, 5, cookie),
        ):
            self.client.request(pid, login, said)
            [answer] = self.talk()
            self.assertEqual((answer.found, answer.failed), (None, True))
        self.assertEqual(self.asked, [])

    def test_a_service_without_logins(self) -> None:
        self.server = MasterServer(pid=9)
        self.client = MasterClient()
        self.client.receive(bytes(self.server.greeting()))
        self.client.request(1, 1, b"00")
        self.assertTrue(self.talk()[0].failed)


class BadLines(Case):
    def test_at_the_service(self) -> None:
        for text in (
            "USER 1 alice",
            "USER 1 alice rip=::1",
            "USER 0 alice service=x",
            "USER x alice service=x",
            "REQUEST 1 2 3",
            "REQUEST 1 2 x 00",
            "PASS 1 alice service=x",
            "",
            "A" * 20000,
        ):
            server = MasterServer(pid=9)
            server.receive(b"VERSION\t1\t0\n")
            server.incoming.feed(line(text))
            self.assertTrue(server.receive(server.incoming.next()).close, text)
            with self.assertRaises(sasl.StateError):
                server.receive(b"USER\t1\talice\tservice=x\n")
        server = MasterServer(pid=9)
        self.assertTrue(server.receive(b"USER\t1\talice\tservice=x\n").close)
        server = MasterServer(pid=9)
        server.receive(b"VERSION\t1\t0\n")
        self.assertTrue(server.receive(b"USER\t1\t\xff\tservice=x\n").close)

    def test_at_the_master(self) -> None:
        for text in (
            "USER 2 root uid=0",
            "USER 1",
            "NOTFOUND x",
            "OK 1 user=alice",
            "",
            "A" * 20000,
        ):
            self.setUp()
            self.client.user("alice", "imap")
            with self.assertRaises(sasl.ProtocolError):
                self.client.receive(line(text))
            lost = self.client.closed()
            self.assertTrue(all(answer.failed for answer in lost))
            with self.assertRaises(sasl.StateError):
                self.client.user("alice", "imap")
            with self.assertRaises(sasl.StateError):
                self.client.receive(b"")
        with self.assertRaises(sasl.ProtocolError):
            MasterClient().receive(b"VERSION\t2\t0\n")

    def test_a_service_that_is_gone(self) -> None:
        self.client.user("alice", "imap")
        self.assertEqual(self.client.closed(), [LookedUp(1, None, failed=True)])


if __name__ == "__main__":
    unittest.main()
