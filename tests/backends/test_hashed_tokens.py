"""Tokens of HT: issued, used up, replaced, revoked; and the keys of an upgrade stored."""

from __future__ import annotations

import sqlite3
import stat
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core import Reason, profiles, records
from sasl_core.backends import Account, Application, Unavailable
from sasl_core.backends.hashed_tokens import HashedTokens
from sasl_core.backends.memory import MemoryStore
from sasl_core.mechanisms.scram_upgrade import UPGRADES

NAME = "HT-SHA-256-EXPR"
CHANNEL = sasl.Channel(
    True, bindings=[sasl.ChannelBinding("tls-exporter", bytes(range(32)))]
)
ACCOUNT = Account([records.derive("pencil", ("SCRAM-SHA-1",), iterations=2)[0]])


class Clock:
    """Goes on when it is told to."""

    now = 1e9

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class TokensTest(unittest.TestCase):
    """The file."""

    def setUp(self) -> None:
        """Make one in memory."""
        self.clock = Clock()
        self.tokens = self.make()

    def make(self, *arguments: Any, **options: Any) -> HashedTokens:
        """Open one."""
        tokens = HashedTokens(*arguments, clock=self.clock, **options)
        self.addCleanup(tokens.close)
        return tokens

    def test_issue(self) -> None:
        """Fresh, long, for one mechanism, found for its user only."""
        token = self.tokens.issue("alice", NAME)
        self.assertEqual(token.mechanism, NAME)
        self.assertGreaterEqual(len(token.token), 43)  # 256 bits
        self.assertEqual(self.tokens.find("alice"), (token,))
        self.assertEqual(self.tokens.find("bob"), ())
        self.assertNotEqual(self.tokens.issue("alice", NAME, device="b"), token)

    def test_one_use(self) -> None:
        """The second is refused, and another user's, and another mechanism's."""
        token = self.tokens.issue("alice", NAME)
        self.assertFalse(self.tokens.use("bob", token))
        other = token.replace(mechanism="HT-SHA-256-NONE")
        self.assertFalse(self.tokens.use("alice", other))
        self.assertTrue(self.tokens.use("alice", token))
        self.assertFalse(self.tokens.use("alice", token))
        self.assertEqual(self.tokens.find("alice"), ())

    def test_several_uses(self) -> None:
        """As many as were agreed upon; or any number."""
        for uses, times in ((3, 3), (0, 9)):
            tokens = self.make(uses=uses)
            token = tokens.issue("alice", NAME)
            got = [tokens.use("alice", token) for _ in range(9)]
            self.assertEqual(got, [True] * times + [False] * (9 - times))

    def test_it_expires(self) -> None:
        """At its time, and is cleared away at the next that is issued."""
        tokens = self.make(lifetime=60)
        token = tokens.issue("alice", NAME)
        self.clock.now += 59
        self.assertEqual(tokens.find("alice"), (token,))
        self.clock.now += 1
        self.assertEqual(tokens.find("alice"), ())
        self.assertFalse(tokens.use("alice", token))
        tokens.issue("bob", NAME)
        self.assertEqual(tokens.revoke("alice"), 0)

    def test_rotation(self) -> None:
        """The old one is good until the new one is used: it may not have arrived."""
        tokens = self.make(uses=0)
        first, second = (tokens.issue("alice", NAME, device="a") for _ in range(2))
        other = tokens.issue("alice", NAME, device="b")
        self.assertTrue(tokens.use("alice", first))
        third = tokens.issue("alice", NAME, device="a")
        # The second never arrived: the first is what the device has.
        self.assertEqual(set(tokens.find("alice")), {first, third, other})
        self.assertTrue(tokens.use("alice", third))
        self.assertEqual(set(tokens.find("alice")), {third, other})
        self.assertFalse(tokens.use("alice", second))

    def test_replacements_that_never_arrive(self) -> None:
        """What is in use stays good, however many there are (XEP-0484, section 3.5)."""
        tokens = self.make(uses=0)
        token = tokens.issue("alice", NAME)
        for _ in range(3):
            self.assertTrue(tokens.use("alice", token))
            tokens.issue("alice", NAME)
        self.assertTrue(tokens.use("alice", token))
        self.assertEqual(len(tokens.find("alice")), 2)

    def test_no_more_than_the_most(self) -> None:
        """Else who makes up devices makes every attempt at his name slow."""
        tokens = self.make(most=3)
        theirs = tokens.issue("bob", NAME)
        mine = [tokens.issue("alice", NAME, device=str(each)) for each in range(5)]
        self.assertEqual(tokens.find("alice"), tuple(mine[2:]))
        self.assertEqual(tokens.find("bob"), (theirs,))

    def test_revocation(self) -> None:
        """One device's, or all."""
        mine = {each: self.tokens.issue("alice", NAME, device=each) for each in "abc"}
        theirs = self.tokens.issue("bob", NAME)
        self.assertEqual(self.tokens.revoke("alice", device="b"), 1)
        self.assertFalse(self.tokens.use("alice", mine["b"]))
        self.assertEqual(self.tokens.revoke("alice"), 2)
        self.assertEqual(self.tokens.find("alice"), ())
        self.assertEqual(self.tokens.find("bob"), (theirs,))

    def test_what_is_none(self) -> None:
        """No name, no mechanism."""
        for user, name in (("", NAME), ("a\0", NAME), ("alice", "PLAIN")):
            with self.assertRaises(ValueError):
                self.tokens.issue(user, name)
        self.assertEqual(self.tokens.revoke("alice"), 0)

    def test_for_a_fortnight(self) -> None:
        """Where nobody says another lifetime; and without a file."""
        self.tokens.issue("alice", NAME)
        self.clock.now += 14 * 86400 - 1
        self.assertEqual(len(self.tokens.find("alice")), 1)
        self.clock.now += 1
        self.assertEqual(self.tokens.find("alice"), ())
        self.assertFalse(Path(":memory:").exists())

    def test_two_at_once(self) -> None:
        """Over two connections to one file, one login gets the last use."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "tokens.db")
            pair = [self.make(path) for _ in range(2)]
            mode = stat.S_IMODE(path.stat().st_mode)
            self.assertEqual(mode & 0o077, 0)
            for _ in range(5):
                token = pair[0].issue("alice", NAME)
                with ThreadPoolExecutor(4) as pool:
                    got = pool.map(lambda t: t.use("alice", token), pair * 2)  # noqa: B023
                    self.assertEqual(sum(got), 1)

    def test_a_file_that_is_none(self) -> None:
        """Unavailable, without a word of the token."""
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(Unavailable):
                HashedTokens(Path(folder, "no", "such"))
            path = Path(folder, "tokens.db")
            tokens = self.make(path)
            token = tokens.issue("alice", NAME)
            with sqlite3.connect(path) as other:
                other.execute("DROP TABLE hashed_token")
            other.close()
            for call in (
                lambda: tokens.use("alice", token),
                lambda: tokens.find("alice"),
                lambda: tokens.issue("alice", NAME),
                lambda: tokens.revoke("alice"),
            ):
                with self.assertRaises(Unavailable) as caught:
                    call()
                self.assertNotIn(token.token, str(caught.exception))
                self.assertIsNone(caught.exception.__context__)


class ApplicationTest(unittest.TestCase):
    """The requests, answered."""

    def setUp(self) -> None:
        """Make an application that has issued a token."""
        self.store = MemoryStore({"alice": ACCOUNT})
        self.tokens = HashedTokens()
        self.addCleanup(self.tokens.close)
        self.heard: list[Any] = []
        self.app = Application(
            self.store, hashed_tokens=self.tokens, audit=self.heard.append
        )
        self.addCleanup(self.app.close)

    def login(
        self, token: sasl.HashedToken, user: str = "alice", device: str = ""
    ) -> Any:
        """Log in by a token."""
        policy = self.app.policy()
        client = sasl.client(
            [NAME],
            sasl.Credentials(user, hashed_token=token),
            channel=CHANNEL,
            policy=policy,
        )
        answers = self.app.requests
        server = sasl.server(NAME, channel=CHANNEL, policy=policy, answers=answers)
        event: Any = server.start(client.start())
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.FindHashedTokens):
                event.device = device
            if isinstance(event, sasl.Request):
                event = self.app.answer(event)
                continue
            try:
                event = server.step(client.step(event.data))
            except sasl.AuthenticationError:
                event = server.step(b"")
        self.app.decided(server, event)
        return event

    def test_once(self) -> None:
        """The second time it is as wrong as any other."""
        token = self.tokens.issue("alice", NAME)
        event = self.login(token)
        self.assertEqual(event.identity.authcid, "alice")
        self.assertTrue(event.bound)
        self.assertIs(self.login(token).reason, Reason.BAD_CREDENTIALS)
        self.assertEqual([each.username for each in self.heard], ["alice"] * 2)

    def test_the_device(self) -> None:
        """Where the protocol tells its name, the tokens of others are none."""
        names = ("mine", "another's", "")
        mine, others, anybody = (
            self.tokens.issue("alice", NAME, device=name) for name in names
        )
        for token, device, welcome in (
            (others, "mine", False),
            (mine, "mine", True),
            (anybody, "mine", True),
            (others, "", True),
        ):
            event = self.login(token, device=device)
            with self.subTest(device, welcome=welcome):
                self.assertEqual(isinstance(event, sasl.Success), welcome)

    def test_whoever_may_not_log_in(self) -> None:
        """A disabled account, one that is gone: their tokens are none."""
        for account in (ACCOUNT.replace(refusal=Reason.DISABLED), None):
            token = self.tokens.issue("alice", NAME)
            before = self.store.find("alice")
            self.store.replace("alice", before, account)
            self.assertIs(self.login(token).reason, Reason.BAD_CREDENTIALS)

    def test_without_tokens(self) -> None:
        """It is not on offer, and asked all the same it says no."""
        app = Application(self.store)
        self.addCleanup(app.close)
        names = sasl.offer(channel=CHANNEL, policy=app.policy(), answers=app.requests)
        self.assertNotIn(NAME, names)
        self.assertIn(NAME, sasl.offer(channel=CHANNEL, policy=self.app.policy()))
        facts: Any = {"channel": CHANNEL, "profile": profiles.RAW}
        policy = sasl.Policy(allow=[NAME], ht_draft="schmaus-09")
        server = sasl.server(NAME, policy=policy, **facts)
        event = app.answer(server.start(b"alice\0" + bytes(32)))
        self.assertIs(event.reason, Reason.BAD_CREDENTIALS)

    def upgrade(self, user: str) -> Any:
        """Have the keys of another hash made, and stored."""
        task = UPGRADES["UPGR-SCRAM-SHA-256"]
        facts: Any = {"channel": CHANNEL, "profile": profiles.RAW}
        server = sasl.server(task, username=user, **facts)
        client = sasl.client(task, sasl.Credentials(user, "pencil"), **facts)
        return self.app.answer(server.step(client.step(server.start().data)))

    def test_an_upgrade(self) -> None:
        """The new keys stand beside the old, once however often it is done."""
        for _ in range(2):
            self.assertIsInstance(self.upgrade("alice"), sasl.Success)
        account = self.store.find("alice")
        schemes = [record.scheme for record in account.records]
        self.assertEqual(schemes, ["SCRAM-SHA-1", "SCRAM-SHA-256"])
        self.assertTrue(account.records[1].verify("pencil"))
        self.assertIs(self.upgrade("nobody").reason, Reason.NOT_AUTHORIZED)


if __name__ == "__main__":
    unittest.main()
