"""go-sendxmpp and xmpp.js by SASL2 to our server: SCRAM that proves what was advertised,
tokens of FAST, new keys.
"""

from __future__ import annotations

import queue
import unittest
from typing import Any

import sasl_core as sasl

from .cases import Case, each, matrix
from .checks import OURS, Checks
from .outcomes import note
from .peers import go_sendxmpp, xmppjs
from .peers.accounts import ALICE
from .sasl2_server import DOMAIN, Sasl2Server
from .xmpp_client import DEVICE

RIGHT = Case("right", sasl.Credentials(*ALICE), True)
JID = f"{ALICE.user}@{DOMAIN}"
TASK = "UPGR-SCRAM-SHA-512"
# With the version of TLS by which it can be had.
TOKENS = {
    "HT-SHA-256-NONE": "TLSv1.3",
    "HT-SHA-256-EXPR": "TLSv1.3",
    "HT-SHA-256-ENDP": "TLSv1.3",
    "HT-SHA-256-UNIQ": "TLSv1.2",
}


class ClientTest(Checks):
    """What is the same for both: a server for each test, and what it notes."""

    client: str

    def setUp(self) -> None:
        self.server = self.enterContext(Sasl2Server())

    def outcome(self) -> sasl.Success | sasl.Failure:
        """Return how the next exchange has ended."""
        return self.server.outcomes.get(timeout=5)

    def expect_token(self, mechanism: str, case: str, welcome: bool = True) -> None:
        """Expect that a token was proved next, or was not; note it."""
        event = self.outcome()
        if welcome:
            assert isinstance(event, sasl.Success), event
            self.assertEqual(event.mechanism, mechanism)
            self.assertEqual(event.bound, not mechanism.endswith("-NONE"))
            self.assertEqual(event.identity.authcid, ALICE.user)
            outcome = "accepted"
        else:
            assert isinstance(event, sasl.Failure), event
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
            outcome = f"refused ({event.reason.value})"
        note(OURS, self.client, mechanism, case, outcome)

    def expect_nothing(self) -> None:
        """Expect no other exchange."""
        with self.assertRaises(queue.Empty):
            self.server.outcomes.get(timeout=0.1)


@each(matrix(go_sendxmpp.MECHANISMS, authzid=False, without=go_sendxmpp.WITHOUT))
class GoSendxmppTest(ClientTest):
    """It checks all that it is told, and binds the channel in every way."""

    def setUp(self) -> None:
        super().setUp()
        self.go = self.enterContext(go_sendxmpp.GoSendxmpp())
        self.client = self.go.version

    def send(
        self,
        *options: str,
        mechanism: str = "",
        password: str = ALICE.password,
        sent: bool = True,
    ) -> str:
        """Log in as alice and send a message, or not; return the output."""
        done = self.go.send(
            self.server.port, JID, password, *options, mechanism=mechanism
        )
        self.assertEqual(done.sent, sent, done.output)
        return done.output

    def check(self, mechanism: str, case: Case) -> None:
        """Log in by the password, without a token."""
        who = case.credentials
        self.server.policy = sasl.Policy(allow=[*go_sendxmpp.MECHANISMS])
        done = self.go.send(
            self.server.port,
            f"{who.username}@{DOMAIN}",
            who.password or "",
            "--fast-off",
            mechanism=mechanism,
        )
        self.assertEqual(done.sent, case.welcome, done.output)
        self.check_event(self.outcome(), self.client, mechanism, case)

    def test_what_was_taken_away(self) -> None:
        for taken in ("SCRAM-SHA-512-PLUS", "OAUTHBEARER"):
            self.server.spoiled = taken
            with self.subTest(taken):
                output = self.send(mechanism="SCRAM-SHA-256", sent=False)
                self.assertIn("downgrade protection hash mismatch", output)
                self.expect_nothing()
                case = f"without {taken}"
                note(OURS, self.client, "SCRAM-SHA-256", case, "refused by the client")

    def use_tokens(self, mechanism: str) -> tuple[str, ...]:
        """Offer this one for tokens; return options of the client's."""
        self.server.latest = TOKENS[mechanism]
        self.server.policy = sasl.Policy(allow=["SCRAM-SHA-256-PLUS", mechanism])
        return ("--tls-version=12",) if self.server.latest == "TLSv1.2" else ()

    def test_tokens(self) -> None:
        for mechanism in TOKENS:
            with self.subTest(mechanism):
                self.setUp()
                options = self.use_tokens(mechanism)
                self.send(*options)
                self.check_event(
                    self.outcome(), self.client, "SCRAM-SHA-256-PLUS", RIGHT
                )
                for case in ("right", "once more"):
                    self.send(*options)
                    self.expect_token(mechanism, case)

    def test_rotation(self) -> None:
        self.use_tokens("HT-SHA-256-EXPR")
        self.send()
        self.outcome()
        self.server.rotates = True
        for case in ("due for another", "the replacement"):
            before = self.server.tokens.find(ALICE.user)
            self.send()
            self.expect_token("HT-SHA-256-EXPR", case)
            self.assertNotEqual(self.server.tokens.find(ALICE.user), before)

    def test_one_that_is_revoked(self) -> None:
        """It then gives up, and does so again: it keeps the token."""
        self.use_tokens("HT-SHA-256-EXPR")
        self.send()
        self.outcome()
        self.server.tokens.revoke(ALICE.user)
        self.send(sent=False)
        self.expect_token("HT-SHA-256-EXPR", "revoked", welcome=False)
        self.expect_nothing()

    def test_new_keys(self) -> None:
        self.server.upgrades = (TASK,)
        self.server.policy = sasl.Policy(allow=["SCRAM-SHA-1-PLUS"])
        self.send("--fast-off", password="Wonderland", sent=False)
        self.assertIsInstance(self.outcome(), sasl.Failure)
        self.assertEqual(self.server.saved, {})
        self.send("--fast-off")
        case = Case(f"{TASK} after it", RIGHT.credentials, True)
        self.check_event(self.outcome(), self.client, "SCRAM-SHA-1-PLUS", case)
        self.assertEqual(self.outcome().mechanism, TASK)
        self.server.policy = sasl.Policy(allow=["SCRAM-SHA-512-PLUS"])
        for password, welcome in ((ALICE.password, True), ("Wonderland", False)):
            options = "--fast-off", "--no-sasl-upgrade"
            self.send(*options, password=password, sent=welcome)
            case = Case(f"by the keys of {TASK}", RIGHT.credentials, welcome)
            self.check_event(self.outcome(), self.client, "SCRAM-SHA-512-PLUS", case)


@each(matrix(xmppjs.MECHANISMS, authzid=False, without=xmppjs.WITHOUT))
class XmppJsTest(ClientTest):
    """It has one mechanism for a token, and asks for it at each login."""

    def setUp(self) -> None:
        super().setUp()
        self.client = xmppjs.version()
        names = [*xmppjs.MECHANISMS, xmppjs.TOKEN_MECHANISM]
        self.server.policy = sasl.Policy(allow=names)

    def log_in(
        self, mechanism: str = "SCRAM-SHA-1", password: str = "", **facts: Any
    ) -> dict[str, Any]:
        facts = {"username": ALICE.user, "device": DEVICE, **facts}
        password = password or ALICE.password
        return xmppjs.log_in(self.server.port, mechanism, password=password, **facts)

    def check(self, mechanism: str, case: Case) -> None:
        who = case.credentials
        told = self.log_in(mechanism, who.password or "", username=who.username)
        self.assertEqual(told.get("error"), None if case.welcome else "not-authorized")
        self.assertEqual(bool(told["token"]), case.welcome)
        self.check_event(self.outcome(), self.client, mechanism, case)

    def test_tokens(self) -> None:
        token = self.log_in()["token"]
        self.outcome()
        self.assertEqual(token["mechanism"], xmppjs.TOKEN_MECHANISM)
        for rotates, case in ((False, "right"), (True, "due for another")):
            self.server.rotates = rotates
            told = self.log_in(password="Wonderland", token=token)
            self.assertNotIn("error", told)
            self.assertEqual(told["token"] != token, rotates)
            self.expect_token(xmppjs.TOKEN_MECHANISM, case)
        told = self.log_in(token=told["token"])
        self.expect_token(xmppjs.TOKEN_MECHANISM, "the replacement")
        self.assertNotIn("error", told)

    def test_one_that_is_revoked(self) -> None:
        """It goes on with the password on the same stream, and asks for another."""
        token = self.log_in()["token"]
        self.outcome()
        self.server.tokens.revoke(ALICE.user)
        told = self.log_in(token=token)
        self.expect_token(xmppjs.TOKEN_MECHANISM, "revoked", welcome=False)
        case = Case("after a token that was refused", RIGHT.credentials, True)
        self.check_event(self.outcome(), self.client, "SCRAM-SHA-1", case)
        self.assertNotIn(told["token"], (None, token))


del ClientTest  # it is no test by itself

if __name__ == "__main__":
    unittest.main()
