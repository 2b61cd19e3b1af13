"""Our client by SASL2 to Prosody and ejabberd: SCRAM whose server proves what it had
advertised (XEP-0474), the tokens of FAST (XEP-0484), and new keys (XEP-0480).
"""

from __future__ import annotations

import base64
import time
import unittest
from typing import Any, ClassVar

import sasl_core as sasl
from sasl_core.protocols.sasl2 import ClientSession, Element

from .cases import Case, each, matrix
from .checks import OURS, Checks
from .outcomes import note
from .peers import ejabberd, newer_prosody
from .peers.accounts import ALICE, CAROL, JUERGEN, USERS
from .xmpp_client import XmppClient

RIGHT = sasl.Credentials(*ALICE)
# By which version of TLS each can be had, and by what its user has logged in before.
TOKENS = {
    "HT-SHA-256-NONE": ("TLSv1.3", "SCRAM-SHA-256"),
    "HT-SHA-256-EXPR": ("TLSv1.3", "SCRAM-SHA-256-PLUS"),
    "HT-SHA-256-ENDP": ("TLSv1.3", "SCRAM-SHA-256-PLUS"),
    "HT-SHA-256-UNIQ": ("TLSv1.2", "SCRAM-SHA-256-PLUS"),
}
VERSIONS = ("TLSv1.3", "TLSv1.2")
AGEING = 0.3  # seconds; see the peers
OTHER_DEVICE = "9cf1bd1a-2a4f-4d6a-9c0c-6f8f0a9f2b12"


class ServerTest(Checks):
    """What is the same for both."""

    peer: Any  # the module
    running: Any
    name: str
    tokens: ClassVar[tuple[str, ...]]

    @classmethod
    def start(cls, peer: Any, name: str) -> None:
        """Run the server for all tests of the class."""
        cls.peer = peer
        cls.running = cls.enterClassContext(peer.running())
        cls.name = f"{name} {cls.running.version}, SASL2"

    def stream(
        self, domain: str = "", user: str = ALICE.user, latest: str = "TLSv1.3"
    ) -> XmppClient:
        """Open a stream."""
        domain = domain or self.peer.LASTING
        return XmppClient(self.running.port, user, domain, latest=latest)

    def log_in(
        self,
        credentials: sasl.Credentials,
        mechanism: str,
        *others: str,
        domain: str = "",
        latest: str = "TLSv1.3",
        **options: Any,
    ) -> ClientSession:
        """Log in on a stream of its own, by these mechanisms."""
        options["policy"] = sasl.Policy(allow=[mechanism, *others])
        with self.stream(domain, credentials.username, latest) as stream:
            return stream.log_in(credentials, **options)

    def remembered(self, mechanism: str, domain: str = "") -> sasl.Credentials:
        """Log in by the password; return credentials with the token only."""
        latest, before = TOKENS[mechanism]
        session = self.log_in(
            RIGHT, before, mechanism, domain=domain, latest=latest, remember=True
        )
        token = session.token
        assert token is not None
        self.assertEqual(token.mechanism, mechanism)
        self.assertRegex(session.expiry, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        return sasl.Credentials(ALICE.user, hashed_token=token)

    def by_token(
        self, who: sasl.Credentials, welcome: bool, case: str, **options: Any
    ) -> ClientSession | None:
        """Expect a login by the token to succeed or not, and note it."""
        token, session = who.hashed_token, None
        assert token is not None
        mechanism = token.mechanism
        options["latest"] = TOKENS[mechanism][0]
        with self.attempt(self.name, mechanism, Case(case, who, welcome)):
            session = self.log_in(who, mechanism, **options)
            self.assertEqual(session.mechanism, mechanism)
            self.assertEqual(session.jid.partition("@")[0], who.username)
        return session

    def check(self, mechanism: str, case: Case) -> None:
        """Log in by the password, and see that the server proves its lists."""
        for latest in VERSIONS if case.name == "right" else VERSIONS[:1]:
            who = case.credentials
            with self.stream("", who.username, latest) as stream:
                with self.attempt(self.name, mechanism, case):
                    policy = sasl.Policy(allow=[mechanism])
                    session = stream.log_in(who, policy=policy)
                    self.assertEqual(session.jid, f"{who.username}@{self.peer.LASTING}")
                if mechanism != "PLAIN" and case.welcome:
                    self.assertIn(b",h=", stream.challenges()[0])

    def test_by_the_older_protocol(self) -> None:
        for password in (ALICE.password, "Wonderland"):
            who = sasl.Credentials(ALICE.user, password)
            case = Case("XEP-0474 in RFC 6120", who, password == ALICE.password)
            with self.subTest(password), self.stream() as stream:
                with self.attempt(self.name, "SCRAM-SHA-256-PLUS", case):
                    policy = sasl.Policy(allow=["SCRAM-SHA-256-PLUS"])
                    stream.log_in_by_rfc_6120(who, policy=policy)
                self.assertIn(b",h=", stream.challenges()[0])

    def test_what_was_taken_away(self) -> None:
        policy = sasl.Policy(allow=["SCRAM-SHA-256"])
        for older in (False, True):
            for taken in ("SCRAM-SHA-1-PLUS", "tls-exporter"):
                case = Case(f"without {taken}", RIGHT, False)
                with self.subTest(taken, older=older), self.stream() as stream:
                    stream.features = without(stream.features, taken)
                    log_in = stream.log_in_by_rfc_6120 if older else stream.log_in
                    with self.assertRaises(sasl.ServerNotAuthenticated):
                        log_in(RIGHT, policy=policy)
                    self.noted("SCRAM-SHA-256", case, "ServerNotAuthenticated")

    def noted(self, mechanism: str, case: Case, outcome: str) -> None:
        """Note what `attempt` does not know."""
        note(self.name, OURS, mechanism, case.name, outcome)

    def test_tokens(self) -> None:
        for mechanism in self.tokens:
            with self.subTest(mechanism):
                who = self.remembered(mechanism)
                for _ in range(2):
                    session = self.by_token(who, True, "right")
                    assert session is not None
                    self.assertEqual(session.token, who.hashed_token)

    def test_wrong_tokens(self) -> None:
        for mechanism in self.tokens:
            who = self.remembered(mechanism)
            wrong = sasl.HashedToken("no such token", mechanism)
            with self.subTest(mechanism):
                self.by_token(who.replace(hashed_token=wrong), False, "wrong token")
                other = who.replace(username="jürgen")
                self.by_token(other, False, "token of another user")
                elsewhere = {"device": OTHER_DEVICE}
                self.by_token(who, False, "token of another device", **elsewhere)
                self.by_token(who, True, "right, after wrong ones")

    def test_one_is_forgotten(self) -> None:
        for mechanism in self.tokens:
            who = self.remembered(mechanism)
            with self.subTest(mechanism):
                # The first use makes a token the current one, which ejabberd forgets.
                self.by_token(who, True, "right")
                session = self.by_token(who, True, "forgotten with it", forget=True)
                assert session is not None
                self.assertIsNone(session.token)
                self.by_token(who, False, "forgotten")

    def test_rotation(self) -> None:
        mechanism = "HT-SHA-256-EXPR"
        first = self.remembered(mechanism, self.peer.ROTATING)
        rotating = {"domain": self.peer.ROTATING}
        time.sleep(AGEING)
        renewed = []
        for _ in range(2):
            # The old one is good until the new one is used (XEP-0484, section 3.5).
            session = self.by_token(first, True, "due for another", **rotating)
            assert session is not None and session.token is not None
            self.assertNotEqual(session.token, first.hashed_token)
            renewed.append(first.replace(hashed_token=session.token))
        self.by_token(renewed[0], False, "replaced, never used", **rotating)
        self.by_token(renewed[1], True, "the replacement", **rotating)
        self.by_token(first, False, "replaced", **rotating)

    def test_it_expires(self) -> None:
        who = self.remembered("HT-SHA-256-EXPR", self.peer.SHORT)
        time.sleep(AGEING)
        short = {"domain": self.peer.SHORT}
        policy = sasl.Policy(allow=["HT-SHA-256-EXPR"])
        with self.stream(**short) as stream:
            with self.assertRaises(sasl.AuthenticationError) as caught:
                stream.log_in(who, policy=policy)
        self.assertIn(caught.exception.reason, self.expired)
        case = Case("expired", who, False)
        self.noted(
            "HT-SHA-256-EXPR", case, f"refused ({caught.exception.reason.value})"
        )

    expired: ClassVar[frozenset[sasl.Reason]]

    def test_then_by_the_password(self) -> None:
        """On the same stream, and another token is asked for."""
        mechanism, before = "HT-SHA-256-EXPR", "SCRAM-SHA-256-PLUS"
        wrong = sasl.HashedToken("no such token", mechanism)
        for password, welcome in ((ALICE.password, True), ("Wonderland", False)):
            who = sasl.Credentials(ALICE.user, password, hashed_token=wrong)
            case = Case("after a token that was refused", who, welcome)
            with self.subTest(password), self.attempt(self.name, before, case):
                session = self.log_in(who, mechanism, before, remember=True)
                self.assertEqual(session.mechanism, before)
                self.assertNotIn(session.token, (None, wrong))


@each(matrix(newer_prosody.MECHANISMS, authzid=False))
class ProsodyTest(ServerTest):
    """Prosody, with the community's modules."""

    tokens = ("HT-SHA-256-NONE", "HT-SHA-256-EXPR", "HT-SHA-256-UNIQ")
    expired = frozenset({sasl.Reason.PASSWORD_EXPIRED})

    @classmethod
    def setUpClass(cls) -> None:
        cls.start(newer_prosody, "Prosody")

    def test_a_token_for_another_mechanism(self) -> None:
        who = self.remembered("HT-SHA-256-NONE")
        token = sasl.HashedToken(who.hashed_token.token, "HT-SHA-256-EXPR")
        self.by_token(who.replace(hashed_token=token), False, "of another mechanism")


@each(matrix(ejabberd.MECHANISMS, authzid=False))
class EjabberdTest(ServerTest):
    """ejabberd; its tokens are good for all mechanisms, against XEP-0484's section 3.4."""

    tokens = tuple(TOKENS)
    expired = frozenset({sasl.Reason.BAD_CREDENTIALS})

    @classmethod
    def setUpClass(cls) -> None:
        cls.start(ejabberd, "ejabberd")

    def test_x_oauth2(self) -> None:
        """Its own tokens of OAuth, with the right scope."""
        mechanism = "X-OAUTH2"
        for user in (ALICE.user, JUERGEN.user):
            good, other = self.running.oauth_tokens(user)
            for name, token, welcome in (
                ("right", good, True),
                ("other scope", other, False),
                ("unknown token", good[::-1], False),
                ("of another user", self.running.oauth_tokens(CAROL.user)[0], False),
            ):
                who = sasl.Credentials(user, token=token)
                case = Case(f"{name}, {user}", who, welcome)
                with self.subTest(case.name), self.stream("", user) as stream:
                    with self.attempt(self.name, mechanism, case):
                        policy = sasl.Policy(allow=[mechanism])
                        session = stream.log_in(who, policy=policy)
                        self.assertEqual(session.jid, f"{user}@{ejabberd.LASTING}")

    def test_new_keys(self) -> None:
        """It takes them, and 24.12 stores them so that it cannot read them again; so the
        file of its database is looked at. It ends the stream at a second task.
        """
        stored = []
        for user, hash_name in ((ALICE.user, "sha256"), (JUERGEN.user, "sha512")):
            task = f"UPGR-SCRAM-SHA-{hash_name[3:]}"
            who = sasl.Credentials(user, dict(USERS)[user])
            case = Case(f"{task} after it", who, True)
            with self.subTest(task), self.stream(ejabberd.UPGRADING, user) as stream:
                with self.attempt(self.name, "SCRAM-SHA-1-PLUS", case):
                    session = stream.log_in(who, upgrades=[task])
                    self.assertTrue(session.authenticated)
                told = stream.received[-2].children[0]
                keys = sasl.ScramKeys.derive(
                    dict(USERS)[user],
                    hash_name,
                    iterations=int(told.get("iterations")),
                    salt=base64.b64decode(told.text),
                )
                stored += [keys.stored_key, keys.server_key]
        self.running.wait_for(*stored)

    def test_no_new_keys_by_a_wrong_password(self) -> None:
        who = sasl.Credentials(CAROL.user, "Wonderland")
        case = Case("wrong password, UPGR-SCRAM-SHA-512 wanted", who, False)
        with self.stream(ejabberd.UPGRADING, CAROL.user) as stream:
            with self.attempt(self.name, "SCRAM-SHA-1-PLUS", case):
                stream.log_in(who, upgrades=["UPGR-SCRAM-SHA-512"])
            names = [one.name for one in stream.received]
            self.assertEqual(names, ["features", "challenge", "failure"])


del ServerTest  # it is no test by itself


def without(features: Element, word: str) -> Element:
    """Take away whatever tells this word."""
    return features.replace(
        children=[
            without(one, word)
            for one in features.children
            if word not in (one.text, one.get("type"))
        ]
    )


if __name__ == "__main__":
    unittest.main()
