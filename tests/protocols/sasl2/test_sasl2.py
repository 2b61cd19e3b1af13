"""Both sides of SASL2 against each other, and by what the other may send."""

from __future__ import annotations

import copy
import itertools
import unittest
import xml.etree.ElementTree as ET

import sasl_core as sasl
from sasl_core.mechanisms import find
from sasl_core.protocols.sasl2 import NAMESPACE, Element

from ... import _accounts as accounts
from ._pair import (
    CHANNEL,
    DEVICE,
    PASSWORD,
    POLICY,
    SCRAM,
    WRONG,
    client,
    failure,
    features,
    names,
    run,
    say,
    server,
)

PLAIN = sasl.Policy(allow=["PLAIN"])


def authenticate(mechanism: str, initial: str | None = None, *more: Element) -> Element:
    children = [] if initial is None else [Element("initial-response", initial)]
    name = {"mechanism": mechanism}
    return Element("authenticate", children=[*children, *more], attributes=name)


LOGIN = authenticate("PLAIN", "AHVzZXIAcGVuY2ls")
REFUSED = authenticate("PLAIN", "AHVzZXIAd3Jvbmc=")


class Exchanges(unittest.TestCase):
    def test_every_mechanism(self) -> None:
        for name, entry in accounts.TABLE.items():
            if name.startswith(("HT-", "HT2-")):
                continue  # FAST's
            on, policy = accounts.channel(name), accounts.policy(name)
            for facts, welcome in ((entry.right, True), (entry.wrong, False)):
                if facts is None:
                    continue
                theirs = server(on, policy=policy)
                who = sasl.Credentials(**entry.right | facts)
                mine = client(theirs, who, policy=policy)
                with self.subTest(name, welcome=welcome):
                    if not welcome:
                        with self.assertRaises(sasl.SASLError) as caught:
                            run(mine, theirs)
                        reason = caught.exception.reason
                        self.assertIs(reason, sasl.Reason.BAD_CREDENTIALS)
                        self.assertIsNone(theirs.identity)
                        continue
                    said = run(mine, theirs)
                    self.assertTrue(mine.authenticated)
                    self.assertEqual(mine.mechanism, name)
                    self.assertEqual(theirs.success.bound, find(name).plus)
                    data = said[-1].child("additional-data")
                    self.assertEqual(data is not None, accounts.says_last(name))
                    user = theirs.identity.authzid
                    jid = user if "@" in user else f"{user}@{accounts.HOST}"
                    self.assertEqual(mine.jid, jid)

    def test_an_empty_initial_response_is_an_empty_element(self) -> None:
        theirs = server(
            accounts.channel("EXTERNAL"), policy=accounts.policy("EXTERNAL")
        )
        mine = client(theirs, sasl.Credentials(), policy=accounts.policy("EXTERNAL"))
        said = run(mine, theirs)
        self.assertEqual(said[0].child("initial-response"), Element("initial-response"))

    def test_no_initial_response_is_no_element(self) -> None:
        theirs = server(policy=PLAIN)
        self.assertEqual(say(theirs, authenticate("PLAIN")), Element("challenge"))
        said = say(theirs, Element("response", "AHVzZXIAcGVuY2ls"))
        self.assertEqual(said.name, "success")

    def test_the_strongest_then_the_next(self) -> None:
        theirs = server()
        mine = client(theirs)
        self.assertEqual(mine.begin().get("mechanism"), "SCRAM-SHA-512-PLUS")
        self.assertEqual((mine.jid, mine.expiry, mine.token), ("", "", None))
        following = mine.receive(failure("mechanism-too-weak"))
        self.assertEqual(following.get("mechanism"), "SCRAM-SHA3-512-PLUS")
        self.assertFalse(mine.authenticated)

    def test_what_else_is_negotiated(self) -> None:
        bind = Element("bind", namespace="urn:xmpp:bind:0")
        theirs = server()
        mine = client(theirs, inline=[bind])
        said = run(mine, theirs)
        self.assertEqual(said[0].child("bind", bind.namespace), bind)

    def test_a_security_layer(self) -> None:
        """Both say what the stream then goes through."""
        policy = sasl.Policy(allow=["DIGEST-MD5"], layers=("integrity",))
        theirs = server(policy=policy)
        mine = client(theirs, policy=policy)
        self.assertIsNone(mine.layer)
        run(mine, theirs)
        self.assertEqual(theirs.layer.unwrap(mine.layer.wrap(b"<x/>")), b"<x/>")

    def test_a_bearer_token_from_a_source(self) -> None:
        policy = sasl.Policy(allow=["XOAUTH2"])
        theirs = server(policy=policy)
        who = sasl.Credentials(accounts.USER, token=lambda error: accounts.TOKEN)
        mine = client(theirs, who, policy=policy)
        self.assertIsNone(mine.begin())
        self.assertTrue(mine.wants_token)
        self.assertIsNone(mine.token_error)
        spoilt = copy.deepcopy(mine)
        with self.assertRaises(sasl.StateError):
            spoilt.receive(Element("success"))
        self.assertFalse(spoilt.wants_token or spoilt.authenticated)
        element = mine.give_token(accounts.TOKEN)
        self.assertFalse(mine.wants_token)
        self.assertIsNone(mine.receive(say(theirs, element)))
        self.assertTrue(mine.authenticated)
        self.assertIsNone(mine.token_error)

    def test_a_bearer_token_that_has_expired(self) -> None:
        policy = sasl.Policy(allow=["XOAUTH2"])
        theirs = server(policy=policy)
        who = sasl.Credentials(accounts.USER, token=lambda error: accounts.TOKEN)
        mine = client(theirs, who, policy=policy)
        mine.begin()
        said = say(theirs, mine.give_token("an-old-one"))
        said = say(theirs, mine.receive(said))
        self.assertIsNone(mine.receive(said))
        self.assertTrue(mine.wants_token)
        self.assertIsNotNone(mine.token_error)
        mine.receive(say(theirs, mine.give_token(accounts.TOKEN)))
        self.assertTrue(mine.authenticated)


class Advertised(unittest.TestCase):
    """XEP-0474, and XEP-0440."""

    def test_what_came_is_what_was_told(self) -> None:
        theirs = server()
        said = run(client(theirs), theirs)
        self.assertEqual(
            names(said), ["authenticate", "challenge", "response", "success"]
        )

    def test_something_was_taken_away(self) -> None:
        both = CHANNEL.replace(bindings=accounts.BINDINGS[:2])
        for spoiled in (
            ("<mechanism>SCRAM-SHA-512-PLUS</mechanism>",),
            ("<mechanism>PLAIN</mechanism>",),
            ("<channel-binding type='tls-server-end-point'></channel-binding>",),
        ):
            theirs = server(both)
            mine = client(theirs, PASSWORD, *spoiled)
            with self.subTest(spoiled), self.assertRaises(sasl.ServerNotAuthenticated):
                run(mine, theirs)

    def test_a_binding_that_the_server_knows(self) -> None:
        known = server(CHANNEL.replace(bindings=accounts.BINDINGS[1:2]))
        all_of_them = CHANNEL.replace(bindings=accounts.BINDINGS)
        mine = client(known, channel=all_of_them)
        run(mine, known)
        self.assertTrue(known.success.bound)

    def test_no_binding_in_common(self) -> None:
        """Is one to do without, if it was the server who told so (XEP-0474, section 6)."""
        mine_only = CHANNEL.replace(bindings=accounts.BINDINGS[1:2])
        theirs = server()
        run(client(theirs, channel=mine_only), theirs)
        self.assertFalse(theirs.success.bound)
        theirs = server(mine_only)
        spoiled = "<channel-binding type='tls-server-end-point'></channel-binding>"
        mine = client(theirs, PASSWORD, spoiled, channel=mine_only)
        with self.assertRaises(sasl.ServerNotAuthenticated):
            run(mine, theirs)

    def test_a_separator_in_a_name(self) -> None:
        offer = Element("authentication", children=[Element("mechanism", "PLAIN\x1fA")])
        features = Element("features", children=[offer])
        from sasl_core.protocols.sasl2 import ClientSession

        with self.assertRaises(sasl.ProtocolError):
            ClientSession(features, PASSWORD, channel=CHANNEL)

    def test_no_features_of_sasl2(self) -> None:
        from sasl_core.protocols.sasl2 import ClientSession

        with self.assertRaises(sasl.NoMechanism):
            ClientSession(Element("features"), PASSWORD, channel=CHANNEL)


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


class Elements(unittest.TestCase):
    def test_xml_there_and_back(self) -> None:
        inner = Element("in", "a<b&c>'d", namespace="urn:x", attributes={"é": "'\n\t&"})
        for element in (
            Element("abort"),
            Element("success", children=[Element("text", "x"), inner, inner]),
            inner,
        ):
            with self.subTest(element):
                root = ET.fromstring(bytes(element))
                self.assertEqual(root.tag, f"{{{element.namespace}}}{element.name}")
                self.assertEqual(Element.of(root), element)

    def test_how_children_are_found(self) -> None:
        one, other = Element("a", "1"), Element("a", "2", namespace="urn:x")
        parent = Element("p", children=[other, one, one], attributes={"k": "v"})
        self.assertEqual(parent.namespace, NAMESPACE)
        self.assertEqual(parent.child("a"), one)
        self.assertEqual(parent.all("a"), (one, one))
        self.assertEqual(parent.child("a", "urn:x"), other)
        self.assertIsNone(parent.child("b"))
        self.assertEqual((parent.get("k"), parent.get("l")), ("v", ""))

    def test_a_deep_tree_is_cut(self) -> None:
        root = tree = ET.Element("a")
        for _ in range(5000):
            tree = ET.SubElement(tree, "a")
        element, depth = Element.of(root), 0
        while element.children:
            (element,) = element.children
            depth += 1
        self.assertLess(depth, 10)

    def test_comments_are_no_elements(self) -> None:
        root = ET.Element("a")
        root.append(ET.Comment("b"))
        self.assertEqual(Element.of(root).children, ())

    def test_no_secret_is_shown(self) -> None:
        theirs = server(policy=PLAIN)
        mine = client(theirs, policy=PLAIN, device=DEVICE)
        shown = repr(mine.begin())
        self.assertNotIn("AHVzZXIAcGVuY2ls", shown)
        self.assertNotIn(accounts.PASSWORD, repr(mine))
        self.assertIn("PLAIN", repr(mine))

    def test_features_as_often_as_one_likes(self) -> None:
        answers = (sasl.CheckPassword, sasl.FindHashedTokens, sasl.UseHashedToken)
        theirs = server(answers=answers)
        before = theirs.features()
        self.assertEqual(theirs.features(), before)
        mark = Element("fast", namespace="urn:xmpp:fast:0")
        device = Element("user-agent", attributes={"id": DEVICE})
        bad = authenticate("HT-SHA-256-NONE", "dXNlcgA=", mark, device)
        self.assertEqual(say(theirs, bad).name, "failure")
        self.assertEqual(theirs.features(), before)

    def test_a_stream_s_features(self) -> None:
        found = features(server(policy=sasl.Policy(allow=[SCRAM, "PLAIN"])))
        self.assertEqual(
            [one.name for one in found.children],
            ["authentication", "sasl-channel-binding"],
        )
        offered = [one.text for one in found.children[0].children]
        self.assertEqual(offered, [SCRAM, "PLAIN"])
        self.assertEqual(found.children[1].children[0].get("type"), "tls-exporter")
        self.assertEqual(POLICY.allow, None)
