"""Application with security contexts: who is let in, and which of them may be guesses."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import Reason, profiles
from sasl_core.backends import Application

from .. import _gss as gss
from ._elsewhere import CONTEXTS, Parts
from ._worlds import CHANNEL, AsyncWorld, Store, SyncWorld, Throttle


class Ntlm(gss.Context):
    """Its first token proves a password; where that is wrong, its acceptor may say so."""

    says_so = False
    mark = b"NTLMSSP\0\3\0\0\0"

    def step(self, token: bytes | None = None) -> bytes | None:
        """Put the mark before the first token, or take it off."""
        if token is None:
            return self.mark + (super().step() or b"")
        try:
            return super().step(token.removeprefix(self.mark))
        except gss.Fault:
            if self.initiates or not self.says_so:
                raise
        return b"no"

    @classmethod
    def acceptor(cls, request: Any) -> gss.Context:
        """Answer an AcceptSecurityContext."""
        made = gss.acceptor(request, "ticket")
        return cls(False, "ticket", bindings=made.bindings, oid=made.oid)


class Polite(Ntlm):
    """One that says so."""

    says_so = True


class Rules(Parts):
    """The rules, in both worlds."""

    def test_contexts(self) -> None:
        """Who has a ticket is in, with an account or without; nobody else."""
        app = self.make(self.store, contexts=CONTEXTS, audit=self.events.append)
        for principal in ("alice", "carol@EXAMPLE.ORG"):
            event = self.kerberos(app, principal)
            self.assertEqual(event.identity, sasl.Identity(principal))
            self.assertEqual(self.events[-1].authcid, principal)
        self.assert_failed(self.kerberos(app, ticket="forged"))
        self.assertEqual(self.events[-1].outcome, "failure")
        self.assertEqual(len(self.events), 3)

    def test_contexts_and_accounts(self) -> None:
        """An account may refuse; who may act as whom, it says, too."""
        app = self.make(self.store, contexts=CONTEXTS, audit=self.events.append)
        event = self.kerberos(app, authzid="sales")
        self.assertEqual(event.identity, sasl.Identity("alice", "sales"))
        self.assert_failed(self.kerberos(app, authzid="bob"), Reason.NOT_AUTHORIZED)
        self.set_refusal(Reason.DISABLED)
        for authzid in ("", "sales"):
            event = self.kerberos(app, authzid=authzid)
            self.assert_failed(event, Reason.DISABLED)
            self.assertEqual(self.events[-1].username, "alice")
        self.assert_failed(self.kerberos(app, "a\u2028b"))
        self.store.down = True
        self.assert_failed(self.kerberos(app), Reason.UNAVAILABLE)

    def test_who_acts_as_whom_without_an_account(self) -> None:
        """Nobody says that he may; nor may an account that is closed."""
        app = self.make(self.store, contexts=CONTEXTS)
        event = self.kerberos(app, "carol", authzid="sales")
        self.assert_failed(event, Reason.NOT_AUTHORIZED)
        self.set_refusal(Reason.DISABLED)
        unasked = sasl.Policy(allow=["EXTERNAL"])  # whether it is
        event = self.login(app, "EXTERNAL", authzid="sales", policy=unasked)
        self.assert_failed(event, Reason.NOT_AUTHORIZED)

    def test_data_and_layers_come_after_the_confirmation(self) -> None:
        """The last token goes with the success, or before it."""
        spnego = {"GSS-SPNEGO": CONTEXTS["GSSAPI"]}
        app = self.make(self.store, contexts=spnego)
        policy = sasl.Policy(allow=["GSS-SPNEGO"])
        event = self.kerberos(app, name="GSS-SPNEGO", policy=policy)
        self.assertEqual(event.identity, sasl.Identity("alice"))

    def test_an_acceptor_that_cannot(self) -> None:
        """There is no keytab: a temporary failure. None is a no."""

        def without_keytab(request: Any) -> Any:
            raise OSError("/etc/krb5.keytab")

        app = self.make(self.store, contexts={"GSSAPI": without_keytab})
        event = self.kerberos(app)
        self.assert_failed(event, Reason.UNAVAILABLE)
        self.assertIn("OSError", event.detail)
        self.assertNotIn("keytab", event.detail)
        app = self.make(self.store, contexts={"GSSAPI": lambda _: None})
        self.assert_failed(self.kerberos(app))

    def test_passwords_inside_spnego(self) -> None:
        """NTLM's are guesses, of nobody knows whom: the address pays for the wrong ones,
        even if the client hangs up then. Kerberos costs nothing.
        """
        throttle = Throttle()
        for kind, acceptor, ticket, told in (
            (gss.Context, Ntlm, "ticket", "success"),
            (gss.Context, Ntlm, "forged", "neither"),
            (gss.Context, Polite, "forged", "neither"),
            (Ntlm, Ntlm, "ticket", "success"),
            (Ntlm, Ntlm, "forged", "failure"),
            (Ntlm, Polite, "forged", "failure"),
        ):
            contexts = {"GSSAPI": Ntlm.acceptor, "GSS-SPNEGO": acceptor.acceptor}
            app = self.make(self.store, contexts=contexts, throttle=throttle)
            who = gss.Maker("alice", ticket, kind=kind)
            event = self.login(app, "GSS-SPNEGO", gss=who)
            with self.subTest(told, kind=kind, acceptor=acceptor):
                self.assertEqual(isinstance(event, sasl.Success), told == "success")
                self.assertEqual(throttle.asked.pop(), (None, "192.0.2.7"))
                self.assertEqual(throttle.told.pop(), told)
            self.login(app, "GSSAPI", gss=gss.Maker("alice", ticket))
            self.assertEqual(throttle.asked, [])
        self.set_refusal(Reason.DISABLED)  # which only the right password tells
        self.assert_failed(
            self.login(app, "GSS-SPNEGO", gss=gss.Maker("alice", "ticket", kind=Ntlm)),
            Reason.DISABLED,
        )
        self.assertEqual(throttle.told, ["neither"])
        for answer, error in ((None, None), (object(), sasl.StateError)):
            contexts["GSS-SPNEGO"] = lambda _, answer=answer: answer
            app = self.make(self.store, contexts=contexts, throttle=throttle)
            if error is None:
                self.assert_failed(self.kerberos(app, name="GSS-SPNEGO"))
                continue
            with self.assertRaises(error):
                self.kerberos(app, name="GSS-SPNEGO")
        throttle.wait = 30.0
        contexts["GSS-SPNEGO"] = lambda _: self.fail("asked all the same")
        app = self.make(self.store, contexts=contexts, throttle=throttle)
        event = self.login(app, "GSS-SPNEGO", gss=gss.Maker("alice", "ticket"))
        self.assert_failed(event, Reason.UNAVAILABLE)


class ApplicationTest(SyncWorld, Rules, unittest.TestCase):
    """In threads, and in loops of one's own."""


class AsyncApplicationTest(AsyncWorld, Rules, unittest.TestCase):
    """In a loop."""


class AcceptorTest(unittest.TestCase):
    """Which one is asked for a -PLUS."""

    def test_its_own_then_the_plain_one(self) -> None:
        """The one by its own name comes first; a stranger's is never asked."""
        bound = CHANNEL.replace(
            bindings=[sasl.ChannelBinding("tls-exporter", b"x" * 32)]
        )
        asked: list[str] = []
        contexts = {
            name: lambda _, name=name: asked.append(name)
            for name in ("GSSAPI", "GS2-KRB5", "GS2-KRB5-PLUS")
        }
        for name in ("GS2-KRB5-PLUS", "GS2-KRB5"):
            app = Application(Store(), contexts=contexts)
            server = sasl.server(
                "GS2-KRB5-PLUS",
                channel=bound,
                policy=app.policy(),
                profile=profiles.RAW,
            )
            app.answer(server.start(b"p=tls-exporter,,token"))
            self.assertEqual(asked.pop(), name)
            self.assertEqual(asked, [])
            del contexts[name]


if __name__ == "__main__":
    unittest.main()
