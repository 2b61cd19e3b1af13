"""Both sides of XMPP's SASL against each other, and by what the other may send."""

from __future__ import annotations

import unittest
import xml.etree.ElementTree as ET

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find
from sasl_core.protocols.xmpp import (
    NAMESPACE,
    ClientSession,
    Element,
    ServerSession,
    reason_of,
)

from ... import _accounts as accounts
from ..._hypothesis import given, settings, st

SECURE = sasl.Channel(True, service="xmpp", host="im.example.org")
PLAIN = sasl.Policy(allow=["PLAIN"])
AUTH = Element("auth", "AHVzZXIAcGVuY2ls", mechanism="PLAIN")
WRONG = Element("auth", "AHVzZXIAd3Jvbmc=", mechanism="PLAIN")


def server(channel=SECURE, *, policy=PLAIN, **options) -> ServerSession:
    return ServerSession(channel, policy=policy, **options)


def client(*offered: str, credentials=None, **options) -> ClientSession:
    who = credentials or sasl.Credentials(accounts.USER, accounts.PASSWORD)
    policy = sasl.Policy(allow=offered, iterations=(1, 5000))
    options = {"channel": SECURE, "policy": policy} | options
    return ClientSession(offered, who, **options)


def say(session: ServerSession, element: Element, application=None) -> Element:
    """Let a server take an element; return what it says."""
    application = application or accounts.Application()
    action = session.receive(element)
    while isinstance(action, sasl.Request):
        action = session.resume(application.settle(action))
    return action


def run(mine: ClientSession, theirs: ServerSession) -> list[Element]:
    """Log in; return all that went over the stream."""
    said = []
    element = mine.begin()
    while element is not None:
        said += [element, say(theirs, element)]
        element = mine.receive(said[-1])
    return said


class Mechanisms(unittest.TestCase):
    def pair(self, name: str, **right) -> tuple[ClientSession, ServerSession]:
        on, policy = accounts.channel(name), accounts.policy(name)
        who = sasl.Credentials(**(accounts.TABLE[name].right | right))
        mine = client(name, credentials=who, channel=on, policy=policy)
        return mine, server(on, policy=policy)

    def test_every_mechanism(self) -> None:
        for name in accounts.TABLE:
            mine, theirs = self.pair(name)
            with self.subTest(name):
                said = run(mine, theirs)
                self.assertTrue(mine.authenticated)
                self.assertEqual(mine.mechanism, name)
                self.assertEqual(theirs.success.bound, find(name).plus)
                data = said[-1].text  # with the success
                self.assertEqual(bool(data), accounts.says_last(name))
                if name in accounts.SCRAMS:
                    self.assertEqual(len(said), 4)

    def test_what_was_advertised(self) -> None:
        name = "SCRAM-SHA-256"
        on, policy = accounts.channel(name), accounts.policy(name)
        types = ("tls-exporter", "tls-server-end-point")
        for came, welcome in ((types, True), (types[1:], False), (None, False)):
            mine = client(
                name,
                credentials=sasl.Credentials(**accounts.TABLE[name].right),
                channel=on,
                policy=policy,
                advertised=sasl.Advertised([name], came),
            )
            theirs = server(on, policy=policy)
            theirs.advertised = sasl.Advertised(theirs.mechanisms(), types)
            if welcome:
                run(mine, theirs)
                self.assertTrue(mine.authenticated)
                continue
            with self.assertRaises(sasl.ServerNotAuthenticated):
                run(mine, theirs)

    def test_every_wrong_credential(self) -> None:
        for name, entry in accounts.TABLE.items():
            if entry.wrong is None:
                continue
            mine, theirs = self.pair(name, **entry.wrong)
            with self.subTest(name), self.assertRaises(sasl.SASLError) as caught:
                run(mine, theirs)
            self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
            self.assertIsNone(theirs.identity)

    def test_an_empty_initial_response_is_an_equals_sign(self) -> None:
        mine, theirs = self.pair("EXTERNAL")
        said = run(mine, theirs)
        self.assertEqual(said[0], Element("auth", "=", mechanism="EXTERNAL"))
        self.assertEqual(said[1], Element("success"))

    def test_none_is_no_text(self) -> None:
        mine, theirs = self.pair("CRAM-MD5")
        self.assertEqual(run(mine, theirs)[0], Element("auth", mechanism="CRAM-MD5"))

    def test_an_empty_challenge_is_an_empty_element(self) -> None:
        session = server()
        said = say(session, Element("auth", mechanism="PLAIN"))
        self.assertEqual(said, Element("challenge"))
        said = say(session, Element("response", AUTH.text))
        self.assertEqual(said, Element("success"))


class Elements(unittest.TestCase):
    def test_xml(self) -> None:
        for element in (
            Element("auth", "=", mechanism="SCRAM-SHA-1"),
            Element("abort"),
            Element("failure", "Call <us> & co.", condition="account-disabled"),
            Element("failure", condition="aborted"),
            Element("auth", mechanism="'<&>"),
        ):
            with self.subTest(element):
                root = ET.fromstring(bytes(element))
                self.assertEqual(root.tag, f"{{{NAMESPACE}}}{element.name}")
                self.assertEqual(root.get("mechanism", ""), element.mechanism)
                self.assertEqual("".join(root.itertext()), element.text)
                if element.condition:
                    self.assertEqual(root[0].tag, f"{{{NAMESPACE}}}{element.condition}")

    def test_no_secret_is_shown(self) -> None:
        self.assertNotIn(AUTH.text, repr(AUTH))

    def test_every_condition(self) -> None:
        for reason in sasl.Reason:
            condition = profiles.XMPP.reply(reason)
            with self.subTest(condition):
                back = reason_of(condition)
                self.assertEqual(profiles.XMPP.reply(back), condition)
        self.assertIs(reason_of("not-authorized"), sasl.Reason.BAD_CREDENTIALS)
        self.assertIs(reason_of("not-in-the-rfc"), sasl.Reason.BAD_CREDENTIALS)
        self.assertIs(reason_of("incorrect-encoding"), sasl.Reason.MALFORMED)


class Server(unittest.TestCase):
    def test_conditions(self) -> None:
        begin = Element("auth", mechanism="PLAIN")
        for elements, condition in {
            (Element("abort"),): "aborted",
            (begin, Element("abort")): "aborted",
            (begin, begin): "malformed-request",
            (Element("response"),): "malformed-request",
            (Element("success"),): "malformed-request",
            (Element("no-such"),): "malformed-request",
            (begin, Element("challenge")): "malformed-request",
            (Element("auth"),): "invalid-mechanism",
            (Element("auth", mechanism="NTLM"),): "invalid-mechanism",
            (Element("auth", mechanism="PLA\u0131N"),): "invalid-mechanism",
            (Element("auth", "!", mechanism="PLAIN"),): "incorrect-encoding",
            (Element("auth", "QQ", mechanism="PLAIN"),): "incorrect-encoding",
            (Element("auth", "QQ==\n", mechanism="PLAIN"),): "incorrect-encoding",
            (Element("auth", "é", mechanism="PLAIN"),): "incorrect-encoding",
            (begin, Element("response", "=")): "incorrect-encoding",
            (Element("auth", "=", mechanism="PLAIN"),): "malformed-request",
            (Element("auth", "QQ==", mechanism="PLAIN"),): "malformed-request",
            (Element("auth", "A" * 70000, mechanism="PLAIN"),): "malformed-request",
            (begin, Element("response")): "malformed-request",
            (WRONG,): "not-authorized",
            (AUTH, AUTH): "malformed-request",
        }.items():
            session = server()
            said = [say(session, element) for element in elements][-1]
            with self.subTest(elements):
                self.assertEqual(said, Element("failure", condition=condition))
                if elements != (AUTH, AUTH):
                    self.assertIsNone(session.identity)
                    self.assertEqual(say(session, AUTH), Element("success"))

    def test_mechanisms(self) -> None:
        session = server()
        self.assertEqual(session.mechanisms(), ("PLAIN",))
        say(session, AUTH)
        self.assertEqual(session.mechanisms(), ())

    def test_no_password_in_the_clear(self) -> None:
        session = server(sasl.Channel(False))
        self.assertEqual(session.mechanisms(), ())
        self.assertEqual(say(session, AUTH).condition, "encryption-required")

    def test_too_many_failures(self) -> None:
        session = server(max_failures=2)
        self.assertFalse(say(session, WRONG).close)
        self.assertFalse(say(session, WRONG).close)
        for _ in range(2):
            said = say(session, AUTH)
            self.assertEqual((said.name, said.close), ("failure", True))
        self.assertIsNone(session.identity)

    def test_out_of_turn(self) -> None:
        session = server()
        self.assertIsInstance(session.receive(AUTH), sasl.CheckPassword)
        with self.assertRaises(sasl.StateError):
            session.receive(AUTH)
        said = session.unavailable("no database")
        self.assertEqual(said.condition, "temporary-auth-failure")
        session.closed()
        with self.assertRaises(sasl.StateError):
            session.receive(AUTH)

    def test_decisions(self) -> None:
        session = server()
        say(session, WRONG)
        exchange, outcome = session.decision()
        self.assertEqual(exchange.name, "PLAIN")
        self.assertIs(outcome.reason, sasl.Reason.BAD_CREDENTIALS)


class Client(unittest.TestCase):
    def test_a_refusal_of_the_mechanism_moves_on(self) -> None:
        mine = client("CRAM-MD5", "PLAIN")
        self.assertEqual(mine.begin().mechanism, "CRAM-MD5")
        said = mine.receive(Element("failure", condition="invalid-mechanism"))
        self.assertEqual(said, AUTH)
        self.assertIsNone(mine.receive(Element("success")))
        self.assertTrue(mine.authenticated)
        self.assertEqual(mine.mechanism, "PLAIN")

    def test_a_wrong_password_is_one_attempt(self) -> None:
        mine = client("PLAIN", "LOGIN")
        mine.begin()
        failure = Element("failure", "Go away", condition="not-authorized")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(failure)
        self.assertFalse(caught.exception.try_another)
        self.assertIn("not-authorized: Go away", str(caught.exception))
        with self.assertRaises(sasl.StateError):
            mine.receive(failure)

    def test_early_success(self) -> None:
        for name in ("CRAM-MD5", "SCRAM-SHA-256"):
            for text in ("", "=", "QQ=="):
                mine = client(name)
                mine.begin()
                with self.subTest(name, text=text):
                    with self.assertRaises(sasl.SASLError):
                        mine.receive(Element("success", text))
                    self.assertFalse(mine.authenticated)

    def test_what_cannot_be(self) -> None:
        for element in (Element("auth"), Element("success", "!"), Element("x")):
            mine = client("PLAIN")
            mine.begin()
            with self.subTest(element), self.assertRaises(sasl.SASLError):
                mine.receive(element)
            self.assertFalse(mine.authenticated)

    def test_a_challenge_that_is_none_is_aborted(self) -> None:
        for text in ("!", "QQ", "é", "="):
            mine = client("CRAM-MD5")
            mine.begin()
            with self.subTest(text):
                self.assertEqual(
                    mine.receive(Element("challenge", text)), Element("abort")
                )
                with self.assertRaises(sasl.ProtocolError):
                    mine.receive(Element("failure", condition="aborted"))

    def test_no_mechanism(self) -> None:
        with self.assertRaises(sasl.NoMechanism):
            client("PLAIN", channel=sasl.Channel(False))

    def test_a_source_of_tokens(self) -> None:
        who = sasl.Credentials("user", token=lambda error: "")
        mine = client("OAUTHBEARER", credentials=who)
        self.assertIsNone(mine.begin())
        self.assertTrue(mine.wants_token)
        self.assertEqual(mine.give_token("one").name, "auth")
        mine.receive(Element("challenge", "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0="))
        failed = Element("failure", condition="not-authorized")
        self.assertIsNone(mine.receive(failed))
        self.assertTrue(mine.wants_token)
        self.assertEqual(mine.token_error.status, "invalid_token")
        self.assertEqual(mine.credentials, who)
        with self.assertRaises(sasl.AuthenticationError):
            mine.give_token("one")


_TEXT = st.one_of(
    st.sampled_from(["", "=", "QQ==", "QQ", WRONG.text, "A" * 66000, "é", "\0"]),
    st.text(max_size=4),
)
_ELEMENT = st.builds(
    Element,
    st.sampled_from(
        ["auth", "response", "abort", "success", "challenge", "failure", "x"]
    ),
    _TEXT,
    mechanism=st.sampled_from(["", "PLAIN", "LOGIN", "SCRAM-SHA-256", "é x"]),
    condition=st.sampled_from(["", "not-authorized", "invalid-mechanism", "aborted"]),
)


class Anything(unittest.TestCase):
    @settings(max_examples=100)
    @given(st.lists(_ELEMENT, max_size=8))
    def test_a_server_never_raises_and_lets_nobody_in(self, elements) -> None:
        session = server(policy=sasl.Policy(allow=["PLAIN", "LOGIN", "SCRAM-SHA-256"]))
        for element in elements:
            said = say(session, element)
            self.assertIn(said.name, ("challenge", "failure"))
            if said.close:
                return
        self.assertIsNone(session.success)
        say(session, Element("abort"))
        self.assertTrue(say(session, AUTH).name == "success" or session._ending)

    @settings(max_examples=100)
    @given(
        st.lists(_ELEMENT, max_size=8),
        st.sampled_from(["SCRAM-SHA-256", "CRAM-MD5", "OAUTHBEARER"]),
    )
    def test_a_client_raises_only_ours(self, elements, name) -> None:
        mine = client(name, credentials=sasl.Credentials("u", "pencil", token="t"))
        mine.begin()
        try:
            for element in elements:
                mine.receive(element)
        except sasl.SASLError:
            with self.assertRaises(sasl.StateError):
                mine.receive(Element("success"))
        if name == "SCRAM-SHA-256":
            self.assertFalse(mine.authenticated)
        if mine.authenticated and name == "CRAM-MD5":
            self.assertIn("challenge", [element.name for element in elements])


if __name__ == "__main__":
    unittest.main()
