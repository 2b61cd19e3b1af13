"""Application, where others decide: contexts, passcodes, identity providers, signatures."""

from __future__ import annotations

import unittest
from functools import partial
from typing import Any

import sasl_core as sasl
from sasl_core import Reason
from sasl_core.backends import Account, Unavailable
from sasl_core.records import EcdsaPublicKey, X25519PublicKey

from .. import _gss as gss
from .._p256 import PrivateKey, PublicKey
from .._x25519 import BASE, x25519
from ._elsewhere import ALICE, HAS, NOBODYS, OTHER, Parts
from ._worlds import AsyncWorld, Store, SyncWorld, Throttle

ECDSA, ECDH = "ECDSA-NIST256P-CHALLENGE", "ECDH-X25519-CHALLENGE"
URL = "https://idp.example.org/go?for=4711"


def verify(point: bytes, challenge: bytes, signature: bytes) -> bool:
    """Verify with the tests' own curve."""
    return PublicKey.compressed(point).verify(challenge, signature)


class Passcodes:
    """An authentication server with one user, whom it asks once more."""

    def __init__(self, next_one: str = "") -> None:
        self.asked: list[Any] = []
        self.next_one = next_one

    def __call__(
        self, username: str, passcode: str, /, *, pin: str | None, asked: str
    ) -> bool | sasl.PasscodePrompt:
        """Check it."""
        self.asked.append((username, passcode, pin, asked))
        if passcode == "dead":
            raise OSError("no route to 123456")
        if self.next_one and not asked:
            return sasl.PasscodePrompt()
        return username == "alice" and passcode == (self.next_one or "123456")


class Provider:
    """An identity provider."""

    def __init__(self, who: str | None = "alice") -> None:
        self.who = who

    def begin(self, provider: str) -> str | None:
        """Say where to go."""
        return URL if "example.org" in provider else None

    def finish(self, provider: str, url: str) -> sasl.Asserted | None:
        """Say who it was."""
        if self.who == "down":
            raise Unavailable("the provider does not answer")
        return sasl.Asserted(self.who) if url == URL and self.who else None


class Rules(Parts):
    """The rules, in both worlds."""

    def sign(self, app: Any, key: PrivateKey, username: str = "alice") -> Any:
        """Log in by a signature."""
        return self.login(app, ECDSA, username, signer=key.sign)

    def redirect(self, app: Any, name: str = "SAML20", **more: Any) -> Any:
        """Log in at a provider."""
        has = {"provider": "https://example.org", "prompt": lambda *_: None} | more
        return self.login(app, name, **has)

    def test_without_these_parts(self) -> None:
        """They are neither on offer nor answered."""
        app = self.make(self.store)
        asked = {
            sasl.AcceptSecurityContext,
            sasl.VerifySignature,
            sasl.CheckPasscode,
            sasl.BeginRedirect,
            sasl.FinishRedirect,
        }
        self.assertTrue(asked.isdisjoint(app.requests))
        self.assertFalse(
            {"GSSAPI", ECDSA, "SECURID", "SAML20"} & self.policy(app).allow
        )
        self.assert_failed(self.kerberos(app))
        self.assert_failed(self.sign(app, ALICE))
        self.assert_failed(self.login(app, "SECURID", "alice", "123456"))
        self.assert_failed(self.redirect(app))

    def test_what_is_on_offer(self) -> None:
        """What there is a part for, by its name; a name stands for its -PLUS."""
        app = self.make(
            self.store,
            contexts={"GS2-KRB5": lambda _: None},
            redirects={"OPENID20": Provider()},
            passcodes=Passcodes(),
            signatures=verify,
        )
        offered = self.policy(app).allow
        expected = {"GS2-KRB5", "GS2-KRB5-PLUS", "OPENID20", "SECURID", ECDSA}
        self.assertLessEqual(expected, offered)
        self.assertTrue({"GSSAPI", "GSS-SPNEGO", "SAML20"}.isdisjoint(offered))
        # Asked all the same, by a policy of one's own, it says no.
        self.assert_failed(self.kerberos(app))
        self.assert_failed(self.redirect(app))
        plus = self.make(self.store, contexts={"GS2-KRB5-PLUS": lambda _: None})
        self.assertNotIn("GS2-KRB5", self.policy(plus).allow)
        for wrong in ({"contexts": {"KRB5": None}}, {"redirects": {"PLAIN": None}}):
            with self.assertRaises(ValueError):
                self.make(self.store, **wrong)

    def test_external(self) -> None:
        """Who has a certificate is in, too, unless his account says that he is not."""
        app = self.make(self.store, audit=self.events.append)
        policy = self.policy(app)
        login = partial(self.login, app, "EXTERNAL", policy=policy)
        self.assertEqual(login().identity, sasl.Identity("alice"))
        self.assertEqual(
            login(authzid="sales").identity, sasl.Identity("alice", "sales")
        )
        self.set_refusal(Reason.DISABLED)
        for authzid in ("", "sales"):
            self.assert_failed(login(authzid=authzid), Reason.DISABLED)
            self.assertEqual(self.events[-1].username, "alice")
        self.store.replace("alice", self.store.find("alice"), None)
        self.assertEqual(login().identity, sasl.Identity("alice"))

    def test_signatures(self) -> None:
        """By one of the account's keys, whatever else it has."""
        two = [EcdsaPublicKey(each.public.octets) for each in (OTHER, ALICE)]
        app = self.make(self.store, signatures=verify, audit=self.events.append)
        self.assertEqual(self.sign(app, ALICE).identity, sasl.Identity("alice"))
        self.assertEqual(self.events[-1].username, "alice")
        self.assert_failed(self.sign(app, OTHER))
        for name in ("bob", "carol"):  # one without a key, and nobody
            self.assert_failed(self.sign(app, ALICE, name))
        self.assert_failed(self.sign(app, NOBODYS, "carol"))
        self.store.replace("carol", None, Account(two))
        for key in (ALICE, OTHER):
            self.assertEqual(self.sign(app, key, "carol").identity.authcid, "carol")

    def test_as_much_work_for_nobody(self) -> None:
        """A verification, whether there is a user, a key, or neither."""
        tried: list[bytes] = []
        app = self.make(
            self.store, signatures=lambda point, *_: tried.append(point) or False
        )
        for name in ("alice", "bob", "carol"):
            tried.clear()
            self.assert_failed(self.sign(app, ALICE, name))
            with self.subTest(name):
                self.assertEqual(len(tried), 1)

    def test_signatures_and_accounts(self) -> None:
        """Only who has signed hears that the account is closed."""
        signed: list[Any] = [True]
        app = self.make(self.store, signatures=lambda *_: signed[0])
        self.set_refusal(Reason.DISABLED)
        self.assert_failed(self.sign(app, ALICE), Reason.DISABLED)
        for signed[0] in (False, 1, "yes"):  # only True is a yes
            self.assert_failed(self.sign(app, ALICE))

    def test_a_public_key_is_no_password(self) -> None:
        """First in the account or alone, and one alone takes no mechanism from others."""
        key = HAS.records[1]
        self.store.replace("alice", HAS, HAS.replace(records=HAS.records[::-1]))
        self.store.replace("robot", None, Account([key]))
        app = self.make(self.store, signatures=verify)
        event = self.login(app, "PLAIN", "alice", "pencil")
        self.assertEqual(event.identity.authcid, "alice")
        self.assertLessEqual({"PLAIN", "SCRAM-SHA-256", ECDSA}, self.policy(app).allow)
        for name in ("PLAIN", "SCRAM-SHA-256"):
            event = self.login(app, name, "robot", key.format())
            self.assert_failed(event)

    def test_x25519(self) -> None:
        """By the account's first key, where the policy has the function."""
        mine, second = (bytes([number]) * 32 for number in (1, 2))
        keys = [X25519PublicKey(x25519(each, BASE)) for each in (mine, second)]
        has = HAS.replace(records=(*HAS.records, *keys))
        self.store.replace("alice", HAS, has)
        app = self.make(self.store, audit=self.events.append)
        self.assertNotIn(ECDH, self.policy(app).allow)
        policy = self.policy(app, x25519=x25519)
        self.assertIn(ECDH, policy.allow)

        def login(secret: bytes, username: str = "alice") -> Any:
            function = partial(x25519, secret)
            return self.login(app, ECDH, username, x25519=function, policy=policy)

        self.assertEqual(login(mine).identity, sasl.Identity("alice"))
        self.assertEqual(self.events[-1].username, "alice")
        self.assert_failed(login(second))
        for name in ("bob", "carol"):  # one without a key, and nobody
            self.assert_failed(login(mine, name))
        self.store.replace("alice", has, has.replace(refusal=Reason.DISABLED))
        self.assert_failed(login(mine))

    def test_nobody_s_key_of_x25519(self) -> None:
        """A decoy is the base point, whose owner anybody can be."""
        key = X25519PublicKey(x25519(bytes(32), BASE))
        app = self.make(Store(alice=Account([key])))
        facts = {"x25519": lambda u: u, "policy": self.policy(app, x25519=x25519)}
        for name in ("alice", "carol"):
            self.assert_failed(self.login(app, ECDH, name, **facts))

    def test_passcodes(self) -> None:
        """A guess each: the throttle is asked before and told after."""
        throttle, passcodes = Throttle(), Passcodes()
        app = self.make(
            self.store,
            passcodes=passcodes,
            throttle=throttle,
            audit=self.events.append,
        )
        event = self.login(app, "SECURID", "alice", "123456", authzid="sales")
        self.assertEqual(event.identity, sasl.Identity("alice", "sales"))
        self.assert_failed(self.login(app, "SECURID", "alice", "654321"))
        event = self.login(app, "SECURID", "alice", "dead")
        self.assert_failed(event, Reason.UNAVAILABLE)
        self.assertNotIn("123456", event.detail)
        self.assertEqual(throttle.told, ["success", "failure", "neither"])
        self.assertEqual(throttle.asked, [("alice", "192.0.2.7")] * 3)
        self.assertEqual([each.username for each in self.events], ["alice"] * 3)
        asked = len(passcodes.asked)
        throttle.wait = 0.5
        event = self.login(app, "SECURID", "alice", "123456")
        self.assert_failed(event, Reason.UNAVAILABLE)
        self.assertEqual(len(passcodes.asked), asked)

    def test_another_passcode(self) -> None:
        """One exchange is charged once, however often it asks."""
        throttle, passcodes = Throttle(), Passcodes("654321")
        app = self.make(self.store, passcodes=passcodes, throttle=throttle)
        for given, told in (("654321", "success"), ("111111", "failure")):
            event = self.login(
                app, "SECURID", "alice", "123456", prompt=lambda *_, given=given: given
            )
            self.assertEqual(isinstance(event, sasl.Success), told == "success")
            self.assertEqual(throttle.told[-1], told)
        self.assertEqual(len(throttle.asked), 2)
        self.assertEqual(passcodes.asked[1], ("alice", "654321", None, "passcode"))

    def test_passcodes_and_accounts(self) -> None:
        """Only who has the passcode hears that the account is closed."""
        app = self.make(self.store, passcodes=Passcodes())
        self.set_refusal(Reason.PASSWORD_EXPIRED)
        event = self.login(app, "SECURID", "alice", "123456")
        self.assert_failed(event, Reason.PASSWORD_EXPIRED)
        self.assert_failed(self.login(app, "SECURID", "alice", "654321"))

    def test_redirects(self) -> None:
        """Who comes back is in, with an account or without."""
        provider = Provider()
        both = {"SAML20": provider, "OPENID20": provider}
        app = self.make(self.store, redirects=both, audit=self.events.append)
        for name in both:
            for provider.who in ("alice", "carol"):
                event = self.redirect(app, name)
                self.assertEqual(event.identity, sasl.Identity(provider.who))
            event = self.redirect(app, name, provider="https://example.net")
            self.assert_failed(event)
            provider.who = None
            self.assert_failed(self.redirect(app, name))
            provider.who = "down"
            self.assert_failed(self.redirect(app, name), Reason.UNAVAILABLE)
        self.assertEqual(self.events[0].username, "alice")
        self.assertEqual(self.events[-1].username, "https://example.org")

    def test_redirects_and_accounts(self) -> None:
        """An account may refuse; who may act as whom, it says, too."""
        provider = Provider()
        app = self.make(self.store, redirects={"SAML20": provider})
        event = self.redirect(app, authzid="sales")
        self.assertEqual(event.identity, sasl.Identity("alice", "sales"))
        event = self.redirect(app, authzid="bob")
        self.assert_failed(event, Reason.NOT_AUTHORIZED)
        self.set_refusal(Reason.DISABLED)
        self.assert_failed(self.redirect(app), Reason.DISABLED)
        provider.who = "a\0b"  # no account's name
        self.assert_failed(self.redirect(app))


class ApplicationTest(SyncWorld, Rules, unittest.TestCase):
    """In threads, and in loops of one's own."""

    def test_an_asynchronous_part_is_refused(self) -> None:
        """Rather than taken for a yes."""

        async def passcodes(*_: object, **more: object) -> bool:
            return True

        app = self.make(self.store, passcodes=passcodes)
        with self.assertRaises(sasl.StateError):
            self.login(app, "SECURID", "alice", "123456")


class AsyncApplicationTest(AsyncWorld, Rules, unittest.TestCase):
    """In a loop."""

    def test_coroutine_functions_are_awaited(self) -> None:
        """Whatever the part is."""

        class Later:
            async def begin(self, provider: str) -> str:
                return URL

            async def finish(self, provider: str, url: str) -> sasl.Asserted:
                return sasl.Asserted("alice")

        async def passcodes(*_: object, **more: object) -> bool:
            return True

        async def signatures(*_: object) -> bool:
            return True

        async def accept(request: Any) -> Any:
            return gss.acceptor(request, "ticket")

        app = self.make(
            self.store,
            passcodes=passcodes,
            signatures=signatures,
            contexts={"GSSAPI": accept},
            redirects={"SAML20": Later()},
        )
        for event in (
            self.login(app, "SECURID", "alice", "123456"),
            self.sign(app, OTHER),
            self.kerberos(app),
            self.redirect(app),
        ):
            self.assertEqual(event.identity, sasl.Identity("alice"))


if __name__ == "__main__":
    unittest.main()
