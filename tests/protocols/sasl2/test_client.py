"""A client of SASL2, by what a server may send."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.protocols.sasl2 import Element

from ._pair import WRONG, client, failure, run, say, server


class Client(unittest.TestCase):
    def test_success_too_early(self) -> None:
        data = Element("additional-data", "dj1x")
        for element, error in (
            (Element("success"), sasl.ServerNotAuthenticated),
            (Element("success", children=[data]), sasl.ProtocolError),
            (Element("continue"), sasl.ServerNotAuthenticated),
        ):
            mine = client(server())
            mine.begin()
            with self.subTest(element), self.assertRaises(error):
                mine.receive(element)
            self.assertFalse(mine.authenticated)
            with self.assertRaises(sasl.StateError):
                mine.receive(element)

    def test_what_cannot_be(self) -> None:
        salt = Element(
            "salt",
            "c2FsdA==",
            namespace="urn:xmpp:scram-upgrade:0",
            attributes={"iterations": "4096"},
        )
        for element in (
            Element("response"),
            Element("task-data", children=[salt]),
            Element("success", namespace="jabber:client"),
        ):
            theirs = server()
            mine = client(theirs)
            challenge = say(theirs, mine.begin())
            with self.subTest(element), self.assertRaises(sasl.ProtocolError):
                mine.receive(element)
            with self.assertRaises(sasl.StateError):
                mine.receive(challenge)

    def test_nothing_after_the_end(self) -> None:
        theirs = server()
        mine = client(theirs)
        run(mine, theirs)
        for element in (Element("success"), failure("not-authorized")):
            with self.assertRaises(sasl.StateError):
                mine.receive(element)
        self.assertTrue(mine.authenticated)

    def test_a_challenge_that_cannot_be_is_aborted(self) -> None:
        mine = client(server())
        mine.begin()
        self.assertEqual(mine.receive(Element("challenge", "!")), Element("abort"))
        with self.assertRaises(sasl.ProtocolError):
            mine.receive(failure("aborted"))

    def test_the_refusal(self) -> None:
        theirs = server()
        mine = client(theirs, WRONG)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            run(mine, theirs)
        self.assertEqual(caught.exception.reply, "not-authorized")
        mine = client(theirs)
        mine.begin()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(failure("account-disabled", "Call us"))
        self.assertIs(caught.exception.reason, sasl.Reason.DISABLED)
        self.assertEqual(caught.exception.reply, "account-disabled: Call us")
        mine = client(theirs)
        mine.begin()
        two = failure("account-disabled")
        two = two.replace(children=(*two.children, *failure("aborted").children))
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(two)
        self.assertIs(caught.exception.reason, sasl.Reason.DISABLED)

    def test_the_condition_is_the_standard_s(self) -> None:
        mine = client(server())
        mine.begin()
        other = Element("not-authorized", namespace="urn:something:else")
        refused = failure("temporary-auth-failure")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(refused.replace(children=(other, *refused.children)))
        self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)

    def test_a_task_of_the_server_s_own(self) -> None:
        theirs = server()
        mine = client(theirs)
        said = say(theirs, mine.begin())
        said = say(theirs, mine.receive(said))
        task = Element("tasks", children=[Element("task", "TOTP")])
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(Element("continue", children=[said.children[0], task]))
        self.assertNotIsInstance(caught.exception, sasl.ServerNotAuthenticated)
        self.assertFalse(mine.authenticated)

    def test_no_bearer_token_is_due(self) -> None:
        with self.assertRaises(sasl.StateError):
            client(server()).give_token("token")
