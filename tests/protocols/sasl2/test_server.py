"""A server of SASL2, by what a client may send."""

from __future__ import annotations

import itertools
import unittest

import sasl_core as sasl
from sasl_core.protocols.sasl2 import Element

from ... import _accounts as accounts
from ._pair import PLAIN, authenticate, say, server

LOGIN = authenticate("PLAIN", "AHVzZXIAcGVuY2ls")
REFUSED = authenticate("PLAIN", "AHVzZXIAd3Jvbmc=")


class Server(unittest.TestCase):
    def test_conditions(self) -> None:
        begin = authenticate("PLAIN")
        for elements, condition in {
            (Element("abort"),): "aborted",
            (begin, Element("abort")): "aborted",
            (authenticate(""),): "invalid-mechanism",
            (authenticate("NTLM"),): "invalid-mechanism",
            (authenticate("PLA\u0131N"),): "invalid-mechanism",
            (authenticate("PLAIN", "QQ"),): "malformed-request",
            (authenticate("PLAIN", "="),): "malformed-request",
            (authenticate("PLAIN", "é"),): "malformed-request",
            (authenticate("PLAIN", "QQ==\n"),): "malformed-request",
            (authenticate("PLAIN", ""),): "malformed-request",
            (authenticate("PLAIN", "A" * 70000),): "malformed-request",
            (begin, Element("response", "=")): "malformed-request",
            (REFUSED,): "not-authorized",
        }.items():
            theirs = server(policy=PLAIN)
            said = [say(theirs, element) for element in elements][-1]
            with self.subTest(elements):
                self.assertEqual(said.name, "failure")
                self.assertEqual(said.children[0].name, condition)
                self.assertFalse(said.close)
                self.assertIsNone(theirs.identity)
                self.assertEqual(say(theirs, LOGIN).name, "success")

    def test_what_ends_the_stream(self) -> None:
        begin = authenticate("PLAIN")
        for elements in (
            (Element("response"),),
            (Element("next", attributes={"task": ""}),),
            (Element("task-data"),),
            (Element("success"),),
            (Element("authenticate", namespace="jabber:client"),),
            (begin, begin),
            (begin, Element("next")),
            (begin, Element("task-data")),
            (LOGIN, LOGIN),
            (LOGIN, Element("response")),
            (LOGIN, Element("abort")),
        ):
            theirs = server(policy=PLAIN)
            said = [say(theirs, element) for element in elements][-1]
            with self.subTest(elements):
                self.assertEqual((said.name, said.close), ("failure", True))
                again = say(theirs, LOGIN)
                self.assertEqual((again.name, again.close), ("failure", True))

    def test_any_elements_in_any_order(self) -> None:
        task = "UPGR-SCRAM-SHA-256"
        asks = Element("upgrade", task, namespace="urn:xmpp:sasl:upgrade:0")
        elements = [
            REFUSED,
            authenticate("PLAIN"),
            authenticate("PLAIN", "AHVzZXIAcGVuY2ls", asks),
            authenticate("PLAIN", "", Element("fast", namespace="urn:xmpp:fast:0")),
            Element("response", "AHVzZXIAd3Jvbmc="),
            Element("next", attributes={"task": task}),
            Element("next"),
            Element("task-data"),
            Element("abort"),
            Element("", "", [Element("")], namespace=""),
        ]
        for order in itertools.product(elements, repeat=3):
            theirs = server(policy=PLAIN, upgrades=[task])
            for element in order:
                action = theirs.receive(element)
                while isinstance(action, sasl.Request):
                    action = theirs.resume(accounts.Application().settle(action))
            self.assertIsNone(theirs.identity)  # nobody has given a hash

    def test_nothing_to_offer(self) -> None:
        self.assertEqual(server(sasl.Channel(False), policy=PLAIN).features(), ())
        theirs = server(policy=PLAIN)
        say(theirs, LOGIN)
        self.assertEqual(theirs.features(), ())

    def test_the_domain(self) -> None:
        theirs = server(policy=PLAIN, domain="example.org")
        said = say(theirs, LOGIN)
        jid = said.child("authorization-identifier").text
        self.assertEqual(jid, "user@example.org")

    def test_too_many_failures(self) -> None:
        theirs = server(policy=PLAIN, max_failures=2)
        self.assertFalse(say(theirs, REFUSED).close)
        self.assertFalse(say(theirs, REFUSED).close)
        for _ in range(2):
            said = say(theirs, LOGIN)
            self.assertEqual((said.name, said.close), ("failure", True))

    def test_out_of_turn(self) -> None:
        theirs = server(policy=PLAIN)
        self.assertIsInstance(theirs.receive(LOGIN), sasl.CheckPassword)
        with self.assertRaises(sasl.StateError):
            theirs.receive(LOGIN)
        said = theirs.unavailable("no database")
        self.assertEqual(said.children[0].name, "temporary-auth-failure")
        theirs.closed()
        with self.assertRaises(sasl.StateError):
            theirs.receive(LOGIN)

    def test_decisions(self) -> None:
        theirs = server(policy=PLAIN)
        say(theirs, REFUSED)
        self.assertIs(theirs.decision()[1].reason, sasl.Reason.BAD_CREDENTIALS)
        say(theirs, LOGIN)
        self.assertEqual(theirs.decision()[1], theirs.success)
        self.assertIsNone(theirs.decision())
