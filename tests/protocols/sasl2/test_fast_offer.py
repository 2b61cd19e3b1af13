"""FAST (XEP-0484): what is on offer, and which of it a client takes."""

from __future__ import annotations

import unittest
from datetime import datetime, timedelta, timezone

import sasl_core as sasl
from sasl_core._hashed_token import HT_NAMES
from sasl_core.protocols.sasl2 import ClientSession, Element, ServerSession, issued

from ... import _accounts as accounts
from ._fast import ANSWERS, FAST, TOKEN, fast
from ._pair import CHANNEL, DEVICE, PASSWORD, POLICY, WRONG, client, run, say, server


class Offer(unittest.TestCase):
    def offered(self, theirs: ServerSession) -> list[str]:
        inline = theirs.features()[0].child("inline")
        if inline is None:
            return []
        return [one.text for one in inline.child("fast", FAST).children]

    def test_where_the_application_has_tokens(self) -> None:
        self.assertEqual(len(self.offered(fast())), 6)  # bound by the exporter, or not
        self.assertEqual(self.offered(server()), [])
        self.assertEqual(self.offered(server(answers=ANSWERS[:2])), [])

    def test_what_the_policy_says(self) -> None:
        some = ["SCRAM-SHA-256", "HT-SHA-256-NONE"]
        theirs = fast(policy=sasl.Policy(allow=some))
        self.assertEqual(self.offered(theirs), some[1:])
        listed = theirs.features()[0].all("mechanism")
        self.assertEqual([one.text for one in listed], some[:1])
        self.assertEqual(self.offered(fast(policy=sasl.Policy(allow=some[:1]))), [])
        newer = ["SCRAM-SHA-256", "HT2-SHA-256-NONE"]
        named = fast(policy=sasl.Policy(allow=newer))
        self.assertEqual(self.offered(named), newer[1:])
        bound = fast(policy=sasl.Policy(channel_binding="require"))
        self.assertEqual(len(self.offered(bound)), 3)
        self.assertEqual(self.offered(fast(policy=sasl.Policy(deny=HT_NAMES))), [])

    def test_what_is_no_token_s_mechanism(self) -> None:
        """In the list of FAST; and a token's, in the other."""
        plain, hashed = (
            [Element("mechanism", name, namespace=FAST)]
            for name in ("PLAIN", "HT-SHA-256-NONE")
        )
        who = PASSWORD.replace(hashed_token=sasl.HashedToken(TOKEN))
        for listed, others, expected in (
            (plain, ["HT-SHA-256-NONE", "PLAIN"], "PLAIN"),
            (plain + hashed, ["PLAIN"], "HT-SHA-256-NONE"),
        ):
            inline = Element(
                "inline", children=[Element("fast", "", listed, namespace=FAST)]
            )
            offer = [*(Element("mechanism", name) for name in others), inline]
            offered = Element(
                "features", children=[Element("authentication", "", offer)]
            )
            mine = ClientSession(
                offered,
                who,
                channel=CHANNEL,
                policy=sasl.Policy(allow=["PLAIN", *HT_NAMES]),
                device=DEVICE,
            )
            begun = mine.begin()
            with self.subTest(expected):
                self.assertEqual(begun.get("mechanism"), expected)
                by_fast = begun.child("fast", FAST) is not None
                self.assertEqual(by_fast, expected != "PLAIN")

    def test_no_bearer_token_is_due(self) -> None:
        who = sasl.Credentials(accounts.USER, hashed_token=sasl.HashedToken(TOKEN))
        mine = client(fast(), who, device=DEVICE)
        self.assertFalse(mine.wants_token)
        self.assertIsNone(mine.token_error)
        with self.assertRaises(sasl.StateError):
            mine.give_token("token")

    def test_no_token_without_a_device(self) -> None:
        theirs = fast()
        who = PASSWORD.replace(hashed_token=sasl.HashedToken(TOKEN))
        mine = client(theirs, who, remember=True)
        said = run(mine, theirs)
        self.assertEqual(said[0].get("mechanism"), "SCRAM-SHA-512-PLUS")
        self.assertIsNone(said[0].child("request-token", FAST))
        self.assertEqual(mine.token, who.hashed_token)

    def test_no_token_for_which_no_mechanism_will_do(self) -> None:
        theirs = fast()
        policy = POLICY.replace(allow=["SCRAM-SHA-256-PLUS"])
        mine = client(theirs, device=DEVICE, remember=True, policy=policy)
        self.assertIsNone(mine.begin().child("request-token", FAST))

    def test_what_the_server_does_not_take(self) -> None:
        with_device = Element("user-agent", attributes={"id": DEVICE})
        long = Element("user-agent", attributes={"id": "x" * 129})
        longest = Element("user-agent", attributes={"id": "x" * 128})
        mark = Element("fast", namespace=FAST)
        for name, children, condition in (
            ("HT-SHA-256-NONE", (mark,), "malformed-request"),
            ("HT-SHA-256-NONE", (mark, long), "malformed-request"),
            ("HT-SHA-256-UNIQ", (mark, longest), "invalid-mechanism"),
            ("HT-SHA-256-NONE", (with_device,), "invalid-mechanism"),
            ("HT-SHA-256-UNIQ", (mark, with_device), "invalid-mechanism"),
            ("SCRAM-SHA-256", (mark, with_device), "invalid-mechanism"),
            ("ht-sha-256-none", (mark, with_device), "invalid-mechanism"),
            ("ht-sha-256-none", (with_device,), "invalid-mechanism"),
        ):
            named = {"mechanism": name}
            said = say(
                fast(policy=sasl.Policy(allow=["SCRAM-SHA-256", *HT_NAMES])),
                Element("authenticate", "", children, attributes=named),
            )
            with self.subTest(name, children=children):
                self.assertEqual(said.children[0].name, condition)

    def test_what_it_does_not_issue(self) -> None:
        device = Element("user-agent", attributes={"id": DEVICE})
        for wanted, children in (
            ("HT-SHA-256-EXPR", ()),
            ("HT-SHA-256-UNIQ", (device,)),
            ("SCRAM-SHA-256", (device,)),
        ):
            attributes = {"mechanism": wanted}
            asks = Element("request-token", namespace=FAST, attributes=attributes)
            first = Element("initial-response", "biwsbj11c2VyLHI9YWJj")
            theirs = fast(policy=sasl.Policy(allow=["SCRAM-SHA-256", *HT_NAMES]))
            say(
                theirs,
                Element(
                    "authenticate",
                    "",
                    (first, asks, *children),
                    attributes={"mechanism": "SCRAM-SHA-256"},
                ),
            )
            with self.subTest(wanted):
                self.assertEqual((theirs.token_for, theirs.asks_token), ("", False))

    def test_asked_where_there_is_no_fast(self) -> None:
        theirs = server()
        self.assertEqual((theirs.device, theirs.token_for), ("", ""))
        self.assertEqual((theirs.asks_token, theirs.forgets), (False, False))
        mine = client(fast(), device=DEVICE, remember=True)
        self.assertEqual(say(theirs, mine.begin()).name, "challenge")
        self.assertEqual((theirs.device, theirs.token_for), (DEVICE, ""))

    def test_an_expiry_in_another_time_zone(self) -> None:
        """Is written in UTC, to the second; without a zone nobody knows when it is."""
        local = datetime(2026, 1, 1, 1, 30, 5, 9, timezone(timedelta(hours=2)))
        told = issued(sasl.HashedToken(TOKEN), local)
        self.assertEqual(told.get("expiry"), "2025-12-31T23:30:05Z")
        with self.assertRaises(ValueError):
            issued(sasl.HashedToken(TOKEN), local.replace(tzinfo=None))

    def test_after_a_failure_nothing_is_issued(self) -> None:
        theirs = fast()
        mine = client(theirs, WRONG, device=DEVICE, remember=True)
        with self.assertRaises(sasl.AuthenticationError):
            run(mine, theirs)
        self.assertEqual((theirs.token_for, theirs.asks_token), ("", False))
