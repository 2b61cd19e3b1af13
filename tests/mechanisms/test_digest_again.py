"""DIGEST-MD5 (RFC 2831, section 2.2): by a nonce that has served before."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.memory import Memory
from sasl_core.protocols.smtp import Authentication

from .. import _accounts as accounts
from .._play import play
from ._both import reason
from ._digest import NAME, response


class AgainTest(unittest.TestCase):
    """Subsequent authentication (section 2.2): by a nonce that has served before."""

    def setUp(self) -> None:
        self.theirs = sasl.Policy(allow=[NAME], memory=Memory())
        self.mine = sasl.Policy(allow=[NAME], memory=Memory())
        self.who = sasl.Credentials("user", accounts.PASSWORD)

    def client(self, **more: Any) -> sasl.Client:
        return sasl.client(
            NAME,
            more.pop("who", self.who),
            channel=accounts.channel(NAME),
            policy=more.pop("policy", self.mine),
            profile=sasl.profiles.RAW,
        )

    def server(self) -> sasl.Server:
        return sasl.server(
            NAME,
            channel=accounts.channel(NAME),
            policy=self.theirs,
            profile=sasl.profiles.RAW,
        )

    def log_in(self, *, client: sasl.Client | None = None, initial: bool = True) -> int:
        """Log in; return how often the client spoke."""
        outcome = play(client or self.client(), self.server(), initial=initial)
        self.assertTrue(outcome.succeeded, outcome)
        self.spoken = [said for side, said in outcome.transcript if side == "C"]
        return len(self.spoken)

    def test_a_round_trip_is_saved(self) -> None:
        """Each time the count goes up by one."""
        for count in (1, 2, 3):
            self.log_in()
            self.assertIn(b"nc=%08x" % count, self.spoken[0])
        event = self.server().start(self.client().start())
        self.assertEqual(accounts.question(event)[:2], (sasl.FindPassword, "user"))

    def test_without_a_memory(self) -> None:
        """Each exchange has its own nonce, and an initial response gets a challenge."""
        self.log_in()
        initial = self.client().start()
        self.theirs = sasl.Policy(allow=[NAME])
        for text in (initial, b"", b"nonsense"):
            event: Any = self.server().start(text)
            self.assertIn(b"algorithm=md5-sess", event.data)
        self.assertIsNone(self.client(policy=self.theirs).start())

    def test_a_count_of_two_digits(self) -> None:
        """It is of hexadecimal ones."""
        memory = self.theirs.memory
        assert memory is not None
        memory.put(b"nonce", (15, "user", accounts.HOST))
        for count in (16, 17):
            event: Any = self.server().start(response(b"nonce", count=count))
            event = event.answer(accounts.PASSWORD)
            self.assertIsInstance(event, sasl.Success)

    def test_what_cannot_be_said_in_the_old_words(self) -> None:
        """A new password with a character that the remembered server lacks: no word of
        it, until the server speaks.
        """
        challenge = self.server().start().data.replace(b",charset=utf-8", b"")
        first = self.client()
        first.step(challenge)
        self.assertFalse(first.initial_optional)
        proof = first._turn[0].rspauth
        first.step(b"rspauth=" + proof)
        first.finish()
        new = sasl.Credentials("user", "pencil\u0151")
        self.assertIsNone(self.client(who=new).start())

    def test_nothing_to_answer(self) -> None:
        """An empty initial response is that of who has nothing to remember."""
        for initial in (None, b""):
            event: Any = self.server().start(initial)
            self.assertIn(b"algorithm=md5-sess", event.data)

    def test_never_for_a_layer(self) -> None:
        """Not even by who knows the password: its keys are made of fresh nonces."""
        self.theirs = self.theirs.replace(layers=("none", "integrity"))
        for qop, taken in ((b"auth-int", False), (b"auth", True)):
            memory = self.theirs.memory
            assert memory is not None
            memory.put(b"nonce", (1, "user", accounts.HOST))
            event: Any = self.server().start(response(b"nonce", count=2, qop=qop))
            with self.subTest(qop):
                self.assertEqual(isinstance(event, sasl.FindPassword), taken)
                self.assertEqual(isinstance(event, sasl.Challenge), not taken)

    def test_a_server_that_has_forgotten(self) -> None:
        """It sends a challenge, which is answered: nobody notices."""
        self.log_in()
        self.theirs = self.theirs.replace(memory=Memory())
        self.assertEqual(self.log_in(), 2)
        self.assertIn(b"nc=00000001", self.spoken[1])
        self.log_in()
        self.assertIn(b"nc=00000002", self.spoken[0])

    def test_a_protocol_without_initial_responses(self) -> None:
        """The server speaks first, and what was remembered is not used."""
        self.log_in()
        self.assertEqual(self.log_in(initial=False), 1)
        self.assertIn(b"nc=00000001", self.spoken[0])
        one = self.client()
        self.assertFalse(one.initial_optional)
        self.assertIsNotNone(one.start())
        self.assertTrue(one.initial_optional)

    def test_a_command_without_it(self) -> None:
        """Where the line has no room for it, the challenge is waited for."""
        self.log_in()
        profile = sasl.profiles.SMTP.replace(initial_response=False)
        client = sasl.client(
            NAME,
            self.who,
            channel=accounts.channel(NAME),
            policy=self.mine,
            profile=profile,
        )
        attempt = Authentication(client)
        self.assertEqual(attempt.command(), b"AUTH DIGEST-MD5")
        challenge = profile.encode(self.server().start().data)
        answer = attempt.reply(334, challenge)
        self.assertIn(b"nc=00000001", profile.decode(answer or b""))

    def test_a_replay(self) -> None:
        """The same response, or one with another count, gets a challenge, no more."""
        self.log_in()
        initial = self.client().start()
        event: Any = self.server().start(initial)
        # While its owner is asked about, the nonce is nobody's.
        self.assertIsInstance(self.server().start(initial), sasl.Challenge)
        self.assertIsInstance(event.answer(accounts.PASSWORD), sasl.Success)
        for text in (
            initial,
            initial.replace(b"nc=00000002", b"nc=00000001"),
            initial.replace(b"nc=00000002", b"nc=00000004"),
            initial.replace(b"nc=00000002", b"nc=ffffffff"),
        ):
            self.assertIsInstance(self.server().start(text), sasl.Challenge)
        # None of them has used it up.
        text = initial.replace(b"nc=00000002", b"nc=00000003")
        self.assertIsInstance(self.server().start(text), sasl.FindPassword)
        self.assertIs(
            reason(self.server().start(initial[:-1] + b'"')), sasl.Reason.MALFORMED
        )

    def test_a_wrong_response(self) -> None:
        """It gets a challenge, and does not count (section 2.2.2)."""
        self.log_in()
        right = self.client().start()
        start = right.index(b"response=") + 9
        proof = right[start : start + 32]
        wrong = self.server().start(right.replace(proof, proof[::-1]))
        self.assertIsInstance(wrong.answer(accounts.PASSWORD), sasl.Challenge)
        for old, new in (
            (b'username="user"', b'username="boss"'),  # who may know his own password
            (b'realm="mail.example.org"', b'realm="other.example"'),
            (b'digest-uri="imap/mail', b'digest-uri="imap/evil'),
            (b"qop=auth", b"qop=auth-int"),
            (b"qop=auth", b'qop=auth,authzid="\xff"'),
        ):
            self.assertIn(old, right)
            event = self.server().start(right.replace(old, new))
            self.assertIsInstance(event, sasl.Challenge)
        event = self.server().start(right)
        self.assertIsInstance(event.answer(accounts.PASSWORD), sasl.Success)

    def test_a_changed_password(self) -> None:
        """The old one gets no one in; the new one does, by the challenge."""
        self.log_in()
        old, new = self.client(), sasl.Credentials("user", "new")
        application = accounts.Application(password="new")
        outcome = play(old, self.server(), application)
        self.assertIs(reason(outcome.event), sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(application.asked, ["FindPassword"] * 2)
        outcome = play(self.client(who=new), self.server(), application)
        self.assertTrue(outcome.succeeded)

    def test_a_server_that_does_not_prove_itself(self) -> None:
        """A wrong proof is the end, and so is a challenge after the second answer."""
        self.log_in()
        one = self.client()
        one.start()
        with self.assertRaises(sasl.ServerNotAuthenticated):
            one.step(b"rspauth=" + b"0" * 32)
        self.log_in()
        one = self.client()
        one.start()
        one.step(self.server().start().data)
        with self.assertRaises(sasl.ProtocolError):
            one.step(self.server().start().data)

    def test_never_with_a_layer(self) -> None:
        """Its keys would be the same again."""
        for side in ("theirs", "mine"):
            layered = getattr(self, side).replace(layers=("integrity",))
            setattr(self, side, layered)
        for _ in range(2):
            self.assertEqual(self.log_in(), 1)
            self.assertIn(b"nc=00000001", self.spoken[0])
        self.assertIsNone(self.client().start())
        # Nor is it kept for another time, or what was kept used now.
        for one in (self.mine, self.theirs):
            self.assertEqual(one.memory and one.memory._items, {})
        self.mine = self.mine.replace(layers=("none",))
        self.theirs = self.theirs.replace(layers=("none",))
        self.log_in()
        layered = self.mine.replace(layers=("none", "integrity"))
        self.assertIsNone(self.client(policy=layered).start())

    def test_the_memory_is_bounded(self) -> None:
        """The oldest is forgotten, each is had once, and there is room for one."""
        memory = Memory(2)
        for key in "abc":
            memory.put(key, key.upper())
        self.assertEqual([memory.take(key) for key in "abcc"], [None, "B", "C", None])
        self.assertEqual(repr(memory), "Memory(size=2)")
        with self.assertRaises(ValueError):
            Memory(0)

    def test_others_take_while_something_is_forgotten(self) -> None:
        """The last of it may be gone before the oldest is looked for."""

        class Emptied(dict[Any, Any]):
            def __iter__(self) -> Any:
                self.clear()
                return super().__iter__()

        memory = Memory(1)
        memory._items = Emptied(a=1)
        memory.put("b", 2)
        self.assertIsNone(memory.take("b"))


if __name__ == "__main__":
    unittest.main()
