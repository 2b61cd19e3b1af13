"""OTP out of a store: each one-time password once, whoever is faster."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import otp
from sasl_core.backends import Account, Application, AsyncApplication
from sasl_core.backends.memory import MemoryStore
from sasl_core.backends.sql import SqlStore
from sasl_core.otp import OtpState

from ._contract import keys

PASSPHRASE = "This is a test."
STATE = OtpState.derive(PASSPHRASE, "md5", sequence=40, seed="ke1234")
RIGHT = b"hex:" + otp.compute(PASSPHRASE, "ke1234", 39, "md5").hex().encode()
WRONG = b"hex:" + b"0" * 16
ACCOUNT = Account([keys("wonderland"), STATE])
CHANNEL = sasl.Channel(True, host="mail.example.org")


def server() -> sasl.Server:
    """Make a server."""
    policy = sasl.Policy(allow=["OTP"])
    raw = sasl.profiles.RAW
    return sasl.server("OTP", channel=CHANNEL, policy=policy, profile=raw)


def log_in(application: Application, name: bytes, response: bytes) -> Any:
    """Play a client; return the challenge, and the last event."""
    one = server()
    event = application.answer(one.start(b"\0" + name))
    if not isinstance(event, sasl.Challenge):
        return b"", event
    challenge, event = event.data, one.step(response)
    while isinstance(event, sasl.Request):
        event = application.answer(event)
    return challenge, event


class OneTimeTest(unittest.TestCase):
    """With a store in memory."""

    def setUp(self) -> None:
        self.store = MemoryStore({"alice": ACCOUNT})
        self.application = Application(self.store)
        self.addCleanup(self.application.close)

    def log_in(self, name: bytes, response: bytes) -> Any:
        """Play a client; return the challenge, and the last event."""
        return log_in(self.application, name, response)

    def test_used_once(self) -> None:
        """The state moves on in the store, and all else of the account stays."""
        challenge, event = self.log_in(b"alice", RIGHT)
        self.assertEqual(challenge, b"otp-md5 39 ke1234 ext")
        self.assertIsInstance(event, sasl.Success)
        after = STATE.after(bytes.fromhex(RIGHT[4:].decode()))
        self.assertEqual(
            self.store.find("alice"),
            ACCOUNT.replace(records=[ACCOUNT.records[0], after]),
        )
        challenge, event = self.log_in(b"alice", RIGHT)
        self.assertEqual(challenge, b"otp-md5 38 ke1234 ext")
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_wrong_ones_use_nothing_up(self) -> None:
        """And look like unknown users, but for the challenge's numbers."""
        _, event = self.log_in(b"alice", WRONG)
        self.assertEqual(self.store.find("alice"), ACCOUNT)
        other, unknown = self.log_in(b"nobody", WRONG)
        self.assertEqual(event, unknown)
        self.assertRegex(other, rb"\Aotp-md5 \d\d ke\d{4} ext\Z")
        self.assertEqual(self.log_in(b"nobody", WRONG)[0], other)
        self.assertNotEqual(self.log_in(b"somebody", WRONG)[0], other)

    def test_who_may_not_log_in(self) -> None:
        """Is nobody, and uses nothing up."""
        off = ACCOUNT.replace(refusal=sasl.Reason.DISABLED)
        self.store.replace("alice", ACCOUNT, off)
        self.assertIs(
            self.log_in(b"alice", RIGHT)[1].reason, sasl.Reason.BAD_CREDENTIALS
        )
        self.assertEqual(self.store.find("alice"), off)
        said = {self.log_in(b"alice", WRONG)[0] for _ in range(5)}
        self.assertEqual(len(said), 1)  # as of whoever does not exist
        self.assertRegex(said.pop(), rb"\Aotp-md5 \d\d ke\d{4} ext\Z")

    def test_accounts_without_one(self) -> None:
        """Are nobody's, too: their challenge is a decoy of no population."""
        store = MemoryStore({"bob": Account([keys("x")])})
        application = Application(store)
        self.addCleanup(application.close)
        challenge, event = log_in(application, b"bob", WRONG)
        self.assertTrue(challenge.startswith(b"otp-sha1 "))
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_what_an_application_offers(self) -> None:
        """OTP where every account has it."""
        self.assertIn("OTP", self.application.policy().allow)
        self.assertLessEqual({sasl.FindOtp, sasl.ConsumeOtp}, self.application.requests)

    def test_something_else_of_the_account_changes(self) -> None:
        """Between the look and the change: it looks again, but not for ever."""
        real = self.store.replace
        other = Account([keys("looking-glass"), STATE])

        def meddle(username: str, old: Any, new: Any) -> bool:
            real("alice", ACCOUNT, other)  # the second time it changes nothing
            return real(username, old, new)

        with mock.patch.object(self.store, "replace", meddle):
            event = self.log_in(b"alice", RIGHT)[1]
        self.assertIsInstance(event, sasl.Success)
        found = self.store.find("alice")
        assert found is not None
        self.assertEqual(found.records[0], other.records[0])
        self.assertNotEqual(found.records[1], STATE)

    def test_an_account_that_never_rests(self) -> None:
        """Is a temporary failure, no wrong password."""
        with mock.patch.object(self.store, "replace", return_value=False):
            event = self.log_in(b"alice", RIGHT)[1]
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)


class RaceTest(unittest.TestCase):
    """Many logins with the same one-time password: one gets in."""

    def test_threads(self) -> None:
        """In memory, and in a database."""
        directory = self.enterContext(tempfile.TemporaryDirectory())
        database = SqlStore.sqlite(f"{directory}/accounts")
        self.addCleanup(database.close)
        for store in (MemoryStore(), database):
            store.replace("alice", None, ACCOUNT)
            application = Application(store)
            events: list[Any] = []
            ready = threading.Barrier(4)

            def work(
                application: Application = application,
                events: list[Any] = events,
                ready: threading.Barrier = ready,
            ) -> None:
                one = server()
                application.answer(one.start(b"\0alice"))
                ready.wait()
                event: Any = one.step(RIGHT)
                while isinstance(event, sasl.Request):
                    event = application.answer(event)
                events.append(event)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            application.close()
            won = [event for event in events if isinstance(event, sasl.Success)]
            with self.subTest(type(store).__name__):
                self.assertEqual((len(won), len(events)), (1, 4))

    def test_asyncio(self) -> None:
        """Under one loop."""

        async def main() -> list[Any]:
            application = AsyncApplication(MemoryStore({"alice": ACCOUNT}))

            async def one() -> Any:
                exchange = server()
                await application.answer(exchange.start(b"\0alice"))
                event: Any = exchange.step(RIGHT)
                while isinstance(event, sasl.Request):
                    event = await application.answer(event)
                return event

            return await asyncio.gather(*(one() for _ in range(4)))

        events = asyncio.run(main())
        self.assertEqual(sum(isinstance(e, sasl.Success) for e in events), 1)


if __name__ == "__main__":
    unittest.main()
