"""Every decision noted: by the throttle, in the audit, and in better records."""

from __future__ import annotations

import threading
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import Reason, records
from sasl_core.backends import Account, Population, Upgrade, correlation_id

from ._application import ALICE, MECHANISMS, Parts
from ._contract import keys
from ._worlds import CHANNEL, AsyncWorld, SyncWorld, Throttle


class Rules(Parts):
    """The rules, in both worlds."""

    def test_the_throttle_is_asked_before_and_told_after(self) -> None:
        """Each attempt once; a right password with a wrong authzid was no guess."""
        throttle = Throttle()
        app = self.make(self.store, throttle=throttle)
        for name in MECHANISMS:
            self.login(app, name, "alice", "pencil")
            self.login(app, name, "alice", "wrong")
            self.login(app, name, "nobody", "pencil")
        expected = [("alice", "192.0.2.7")] * 2 + [("nobody", "192.0.2.7")]
        self.assertEqual(throttle.asked, expected * len(MECHANISMS))
        outcomes = ["success", "failure", "failure"] * len(MECHANISMS)
        self.assertEqual(throttle.told, outcomes)
        self.login(app, "PLAIN", "bob", "pencil", authzid="root")
        self.assertEqual(throttle.told[-1], "neither")

    def test_an_attempt_that_must_wait(self) -> None:
        """The store is not even asked, and the right password does not help."""
        throttle = Throttle(wait=30.0)
        app = self.make(
            self.store,
            throttle=throttle,
            audit=self.events.append,
            population=Population(()),
        )
        for name in MECHANISMS:
            event = self.login(app, name, "alice", "pencil")
            self.assert_failed(event, Reason.UNAVAILABLE)
        self.assertEqual(self.store.asked, [])
        self.assertEqual(throttle.told, [])
        self.assertEqual({e.outcome for e in self.events}, {"throttled"})

    def test_every_decision_is_audited_once(self) -> None:
        """With what was claimed, what was proved, and how it ended."""
        times = iter(range(1000))
        app = self.make(
            self.store,
            audit=self.events.append,
            clock=lambda: 1_700_000_000.0,
            timer=lambda: float(next(times)),
        )
        for name in ("PLAIN", "SCRAM-SHA-256", "CRAM-MD5"):
            self.events.clear()
            self.login(app, name, "alice", "pencil")
            self.login(app, name, "alice", "wrong")
            won, lost = self.events
            self.assertEqual((won.outcome, lost.outcome), ("success", "failure"))
            for event in (won, lost):
                self.assertEqual(event.mechanism, name)
                self.assertEqual(event.username, "alice")
                self.assertEqual(event.remote, "192.0.2.7")
                self.assertEqual((event.host, event.port), ("mail.example.org", 587))
                self.assertTrue(event.encrypted)
                self.assertEqual(event.time, 1_700_000_000.0)
                self.assertGreater(event.duration, 0)
                self.assertNotIn("pencil", repr(event))
            self.assertEqual((won.authcid, won.authzid), ("alice", "alice"))
            self.assertEqual((lost.authcid, lost.authzid), ("", ""))
            self.assertIs(lost.reason, Reason.BAD_CREDENTIALS)
            self.assertNotEqual(won.id, lost.id)
        self.events.clear()
        self.store.down = True
        self.login(app, "PLAIN", "alice", "pencil")
        self.assertEqual(self.events[-1].outcome, "unavailable")
        self.login(app, "ANONYMOUS", trace="me")  # asks nothing at all
        self.assertEqual(self.events[-1].outcome, "success")
        self.assertEqual(len(self.events), 2)

    def test_an_aborted_exchange(self) -> None:
        """It is audited, and was no guess."""
        throttle = Throttle()
        app = self.make(self.store, audit=self.events.append, throttle=throttle)
        with mock.patch.object(
            sasl.Client, "step", side_effect=sasl.ProtocolError("enough")
        ):
            event = self.login(app, "SCRAM-SHA-256", "alice", "pencil")
        self.assert_failed(event, Reason.ABORTED)
        self.assertEqual([e.outcome for e in self.events], ["aborted"])
        self.assertEqual(throttle.asked and throttle.told, ["neither"])

    def test_a_failing_audit_changes_nothing(self) -> None:
        """The login goes on; the log says so."""

        def full(event: Any) -> None:
            raise OSError("no space left for pencil")

        app = self.make(self.store, audit=full)
        with self.assertLogs("sasl_core.backends", "ERROR") as logs:
            event = self.login(app, "PLAIN", "alice", "pencil")
        self.assertIsInstance(event, sasl.Success)
        self.assertNotIn("pencil", "".join(logs.output))

    def test_one_name_through_the_exchange(self) -> None:
        """In the audit and for the application's own log lines."""
        app = self.make(self.store, audit=self.events.append)
        server = sasl.server(
            "ANONYMOUS", channel=CHANNEL, policy=sasl.Policy(allow=["ANONYMOUS"])
        )
        self.assertEqual(correlation_id(server), "")
        seen = []
        decided = app.decided

        def watch(exchange: Any, outcome: Any) -> Any:
            seen.append(correlation_id(exchange))
            return decided(exchange, outcome)

        app.decided = watch
        self.login(app, "PLAIN", "alice", "pencil")
        self.assertEqual(seen, [self.events[0].id])
        self.assertRegex(seen[0], r"\A[0-9a-f]{16}\Z")

    def test_a_login_makes_better_records(self) -> None:
        """Once: what is weak goes, what is missing comes."""
        sha1 = records.parse("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=")  # "secret"
        self.store.replace("dave", None, Account([*sha1, keys("secret", "sha1")]))
        upgrade = Upgrade(("SCRAM-SHA-256", "SCRAM-SHA-512"), iterations=3)
        app = self.make(self.store, upgrade=upgrade)
        self.assert_failed(self.login(app, "PLAIN", "dave", "Secret"))
        self.assertIsInstance(self.login(app, "LOGIN", "dave", "secret"), sasl.Success)
        self.close(app)
        better = self.store.find("dave")
        schemes = [record.scheme for record in better.records]
        self.assertEqual(schemes[:2], ["SCRAM-SHA-256", "SCRAM-SHA-512"])
        self.assertNotIn("SHA", schemes)
        for record in better.records:
            self.assertTrue(record.verify("secret"))
            self.assertFalse(record.verify("Secret"))
        self.assertFalse(upgrade.due(better))

    def test_a_password_changed_meanwhile_stays(self) -> None:
        """What is made of the old one is not stored."""
        changed = Account([keys("new")])
        upgrade = Upgrade(("SCRAM-SHA-512",), iterations=3)
        app = self.make(self.store, upgrade=upgrade)
        original = Upgrade.apply

        def apply(*arguments: Any) -> Account:
            self.store.replace("alice", ALICE, changed)
            return original(*arguments)

        with mock.patch.object(Upgrade, "apply", apply):
            self.login(app, "PLAIN", "alice", "pencil")
            self.close(app)
        self.assertEqual(self.store.find("alice"), changed)


class ApplicationTest(SyncWorld, Rules, unittest.TestCase):
    """In threads, and in loops of one's own."""

    def test_one_upgrade_of_an_account_at_a_time(self) -> None:
        """A login meanwhile begins none."""
        app = self.make(self.store, upgrade=Upgrade(("SCRAM-SHA-512",), iterations=3))
        made, go_on = [], threading.Event()

        def apply(upgrade: Upgrade, username: str, account: Account, _: str) -> Account:
            go_on.wait(5)
            made.append(username)
            return account

        with mock.patch.object(Upgrade, "apply", apply):
            self.login(app, "PLAIN", "alice", "pencil")
            self.login(app, "PLAIN", "alice", "pencil")
            go_on.set()
            self.close(app)
        self.assertEqual(made, ["alice"])


class AsyncApplicationTest(AsyncWorld, Rules, unittest.TestCase):
    """In a loop."""


if __name__ == "__main__":
    unittest.main()
