"""Both sides of SASL2 against each other."""

from __future__ import annotations

import copy
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
    PLAIN,
    POLICY,
    SCRAM,
    authenticate,
    client,
    failure,
    features,
    names,
    run,
    say,
    server,
)


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
