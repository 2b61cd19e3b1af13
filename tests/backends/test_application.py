"""Every request answered."""

from __future__ import annotations

import asyncio
import contextlib
import unittest

import sasl_core as sasl
from sasl_core import Reason, records
from sasl_core.backends import Account, Application, Population, Unavailable
from sasl_core.backends.hashed_tokens import HashedTokens
from sasl_core.mechanisms import registered
from sasl_core.records import DigestMd5Secret

from ._application import ALICE, BOB, MECHANISMS, Parts
from ._worlds import CHANNEL, AsyncWorld, Store, SyncWorld, Throttle


class Tokens:
    """One good token."""

    down = False

    def check(
        self, token: str, *, username: str, host: str | None, port: int | None
    ) -> str | sasl.TokenError:
        """Check it."""
        if self.down:
            raise Unavailable("no answer")
        return "alice" if token == "good" else sasl.TokenError()


class Rules(Parts):
    """The rules, in both worlds."""

    def test_every_password_mechanism(self) -> None:
        """Clear text feeds all, keys and secrets their own; a wrong one none."""
        app = self.make(self.store)
        able = {
            "alice": MECHANISMS,
            "bob": ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "NTLM"],
        }
        for name in MECHANISMS:
            for user in ("alice", "bob", "carol"):
                with self.subTest(name, user=user):
                    event = self.login(app, name, user, "pencil")
                    if name in able.get(user, ()):
                        self.assertIsInstance(event, sasl.Success)
                        self.assertEqual(event.identity.authcid, user)
                    else:
                        self.assert_failed(event)
                    self.assert_failed(self.login(app, name, user, "pencil "))

    def test_secrets_of_several_realms(self) -> None:
        """That of the realm asked for; one of which the realm is not known at worst."""
        host = CHANNEL.host
        for realms, welcome in (
            ([host], True),
            (["elsewhere", host], True),
            (["elsewhere"], False),
        ):
            made = [DigestMd5Secret.derive("dora", realm, "pencil") for realm in realms]
            app = self.make(Store(dora=Account(made)))
            event = self.login(app, "DIGEST-MD5", "dora", "pencil")
            with self.subTest(realms):
                self.assertEqual(isinstance(event, sasl.Success), welcome)
            # Obsolete: whoever wants it names it.
            self.assertNotIn("DIGEST-MD5", self.policy(app).allow)
            text = DigestMd5Secret.derive("dora", host, "pencil").format()
            app = self.make(Store(dora=Account(records.parse(text, username="dora"))))
            event = self.login(app, "DIGEST-MD5", "dora", "pencil")
            self.assertIsInstance(event, sasl.Success)

    def test_who_may_act_as_whom(self) -> None:
        """By the account, never by default; "*" is any account that there is."""
        app = self.make(self.store)
        for user, authzid, may in (
            ("alice", "sales", True),
            ("alice", "bob", True),
            ("alice", "carol", False),
            ("bob", "alice", False),
        ):
            event = self.login(app, "PLAIN", user, "pencil", authzid=authzid)
            if may:
                self.assertEqual(event.identity.authzid, authzid)
            else:
                self.assert_failed(event, Reason.NOT_AUTHORIZED)
        self.store.replace("bob", BOB, BOB.replace(authzids={"*"}))
        event = self.login(app, "PLAIN", "bob", "pencil", authzid="alice")
        self.assertEqual(event.identity.authzid, "alice")
        event = self.login(app, "PLAIN", "bob", "pencil", authzid="nobody")
        self.assert_failed(event, Reason.NOT_AUTHORIZED)

    def test_a_decision_of_one_s_own(self) -> None:
        """It must say True; nothing else is a yes."""
        for said, may in ((True, True), (1, False), ("yes", False), (False, False)):
            app = self.make(self.store, authorize=lambda *_, said=said: said)
            event = self.login(app, "PLAIN", "bob", "pencil", authzid="root")
            self.assertEqual(isinstance(event, sasl.Success), may)

    def test_an_account_that_may_not_log_in(self) -> None:
        """Only who has the password learns why; to SCRAM and CRAM-MD5 it is nobody."""
        self.store.replace("alice", ALICE, ALICE.replace(refusal=Reason.DISABLED))
        expired = BOB.replace(refusal=Reason.PASSWORD_EXPIRED)
        self.store.replace("bob", BOB, expired)
        app = self.make(self.store, tokens=Tokens())
        for user, reason in (
            ("alice", Reason.DISABLED),
            ("bob", Reason.PASSWORD_EXPIRED),
        ):
            self.assert_failed(self.login(app, "PLAIN", user, "pencil"), reason)
            self.assert_failed(self.login(app, "PLAIN", user, "wrong"))
            for name in ("CRAM-MD5", "SCRAM-SHA-256"):
                self.assert_failed(self.login(app, name, user, "pencil"))
        event = self.login(app, "XOAUTH2", "alice", token="good")
        self.assert_failed(event, Reason.DISABLED)

    def test_an_account_without_a_password(self) -> None:
        """It is nobody."""
        self.store.replace("dave", None, Account())
        app = self.make(self.store)
        for name in MECHANISMS:
            self.assert_failed(self.login(app, name, "dave", "pencil"))

    def test_tokens(self) -> None:
        """Good, bad, somebody else's, and where there is nobody to ask."""
        tokens = Tokens()
        app = self.make(self.store, tokens=tokens)
        self.assertIn(sasl.CheckToken, app.requests)
        for name in ("OAUTHBEARER", "XOAUTH2"):
            event = self.login(app, name, "alice", token="good")
            self.assertEqual(event.identity.authcid, "alice")
            self.assert_failed(self.login(app, name, "alice", token="bad"))
        tokens.down = True
        event = self.login(app, "XOAUTH2", "alice", token="good")
        self.assert_failed(event, Reason.UNAVAILABLE)
        without = self.make(self.store)
        self.assertNotIn(sasl.CheckToken, without.requests)
        self.assert_failed(self.login(without, "XOAUTH2", "alice", token="good"))

    def test_a_dead_store_is_no_wrong_password(self) -> None:
        """Nor is it one for the throttle."""
        throttle = Throttle()
        app = self.make(self.store, throttle=throttle, population=Population(()))
        self.store.down = True
        for name in MECHANISMS:
            event = self.login(app, name, "alice", "pencil")
            self.assert_failed(event, Reason.UNAVAILABLE)
            self.assertIn("OperationalError", event.detail)
        self.assertEqual(throttle.told, ["neither"] * len(MECHANISMS))

    def test_a_hash_that_nobody_can_verify(self) -> None:
        """It is a mistake of the configuration, not of the user."""
        foreign = records.parse("$2b$05$" + "a" * 53)
        self.store.replace("dave", None, Account(foreign))
        app = self.make(self.store)
        event = self.login(app, "PLAIN", "dave", "pencil")
        self.assert_failed(event, Reason.UNAVAILABLE)

    def test_a_policy_that_fits(self) -> None:
        """On offer is what every account can do, shown is what accounts look like."""
        app = self.make(self.store)
        policy = self.policy(app, max_message=1234)
        self.assertEqual(policy.max_message, 1234)
        expected = {"PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL"}
        expected |= {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}
        self.assertEqual(policy.allow, expected)
        app = self.make(Store(bob=BOB), tokens=Tokens())
        policy = self.policy(app)
        self.assertTrue(policy.allow > {"OAUTHBEARER", "XOAUTH2"})
        self.assertEqual(policy.decoy_terms("sha256", "nobody")[1], 2)
        policy = self.policy(self.make(Store()))  # an empty store offers something
        self.assertIn("SCRAM-SHA-256", policy.allow)
        self.assertIn("PLAIN", policy.allow)

    def test_all_that_is_registered_can_be_answered(self) -> None:
        """No mechanism asks what an Application with all parts does not know."""
        app = self.make(
            self.store,
            tokens=Tokens(),
            hashed_tokens=self.enterContext(contextlib.closing(HashedTokens())),
            signatures=lambda *_: False,
            passcodes=lambda *_, **more: False,
            contexts={"GSSAPI": lambda _: None},
            redirects={"SAML20": None},
        )
        for mechanism in registered():
            asked = set(mechanism.asks)
            self.assertLessEqual(asked, app.requests, mechanism.name)


class ApplicationTest(SyncWorld, Rules, unittest.TestCase):
    """In threads, and in loops of one's own."""

    def test_an_asynchronous_backend_is_refused(self) -> None:
        """Rather than taken for a yes."""

        async def authorize(authcid: str, authzid: str) -> bool:
            await asyncio.sleep(0)
            return True

        app = Application(self.store, authorize=authorize)
        with self.assertRaises(sasl.StateError):
            self.login(app, "PLAIN", "bob", "pencil", authzid="root")


class AsyncApplicationTest(AsyncWorld, Rules, unittest.TestCase):
    """In a loop."""

    def test_coroutine_functions_are_awaited(self) -> None:
        """As well as plain ones."""

        async def authorize(authcid: str, authzid: str) -> bool:
            await asyncio.sleep(0)
            return authzid == "root"

        app = self.make(self.store, authorize=authorize)
        event = self.login(app, "PLAIN", "bob", "pencil", authzid="root")
        self.assertEqual(event.identity.authzid, "root")
        event = self.login(app, "PLAIN", "bob", "pencil", authzid="boot")
        self.assert_failed(event, Reason.NOT_AUTHORIZED)


if __name__ == "__main__":
    unittest.main()
