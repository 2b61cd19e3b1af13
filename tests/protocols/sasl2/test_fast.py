"""FAST (XEP-0484): a token is asked for, used, replaced, refused and forgotten."""

from __future__ import annotations

import unittest
from datetime import datetime, timedelta, timezone

import sasl_core as sasl
from sasl_core._hashed_token import HT_NAMES
from sasl_core.backends.hashed_tokens import HashedTokens
from sasl_core.protocols.sasl2 import ClientSession, Element, ServerSession, issued

from ... import _accounts as accounts
from ._pair import (
    CHANNEL,
    DEVICE,
    PASSWORD,
    POLICY,
    WRONG,
    client,
    failure,
    names,
    run,
    say,
    server,
)

FAST = "urn:xmpp:fast:0"
ANSWERS = (sasl.FindScramKeys, sasl.FindHashedTokens, sasl.UseHashedToken)
EXPIRY = "2026-12-01T00:00:00Z"
TOKEN = "an issued token"


class Store:
    """Tokens by name and mechanism, and what a server does before it sends a success."""

    def __init__(self) -> None:
        self.tokens: list[sasl.HashedToken] = []
        self.rotates = False

    def settle(self, request: sasl.Request) -> object:
        match request:
            case sasl.FindHashedTokens():
                return request.answer(tuple(self.tokens))
            case sasl.UseHashedToken(_, token):
                return request.answer(token in self.tokens)
        return accounts.Application().settle(request)

    def finish(self, theirs: ServerSession, success: Element) -> Element:
        if theirs.forgets:
            self.tokens.clear()
        if not theirs.token_for or not (theirs.asks_token or self.rotates):
            return success
        secret = f"{TOKEN} {len(self.tokens)}"
        self.tokens.append(sasl.HashedToken(secret, theirs.token_for))
        told = issued(self.tokens[-1], EXPIRY)
        return success.replace(children=(*success.children, told))


def fast(**options: object) -> ServerSession:
    return server(**{"answers": ANSWERS} | options)


class Tokens(unittest.TestCase):
    def setUp(self) -> None:
        self.store = Store()

    def log_in(self, mine, theirs) -> list[Element]:
        return run(
            mine, theirs, self.store.settle, lambda one: self.store.finish(theirs, one)
        )

    def test_asked_for_and_used(self) -> None:
        for channel, mechanism in (
            (CHANNEL, "HT-SHA-512-EXPR"),
            (CHANNEL.replace(bindings=()), "HT-SHA-512-NONE"),
        ):
            theirs = fast(channel=channel)
            mine = client(theirs, device=DEVICE, remember=True)
            said = self.log_in(mine, theirs)
            with self.subTest(mechanism):
                asked = said[0].child("request-token", FAST)
                self.assertEqual(asked.get("mechanism"), mechanism)
                self.assertEqual(mine.token.mechanism, mechanism)
                self.assertEqual(mine.expiry, EXPIRY)
                self.assertEqual(theirs.device, DEVICE)
                theirs = fast(channel=channel)
                who = sasl.Credentials(accounts.USER, hashed_token=mine.token)
                again = client(theirs, who, device=DEVICE)
                said = self.log_in(again, theirs)
                self.assertEqual(names(said), ["authenticate", "success"])
                self.assertIsNotNone(said[0].child("fast", FAST))
                self.assertEqual(again.mechanism, mechanism)
                self.assertEqual(again.token, mine.token)
                self.assertEqual(again.expiry, "")
                self.assertEqual(theirs.success.bound, bool(channel.bindings))
                self.assertFalse(theirs.asks_token)
                self.assertEqual(theirs.token_for, mechanism)

    def test_replaced(self) -> None:
        self.store.tokens.append(sasl.HashedToken(TOKEN, "HT-SHA-256-EXPR"))
        self.store.rotates = True
        theirs = fast()
        who = sasl.Credentials(accounts.USER, hashed_token=self.store.tokens[0])
        mine = client(theirs, who, device=DEVICE)
        self.log_in(mine, theirs)
        self.assertEqual(mine.token, self.store.tokens[1])
        self.assertEqual(mine.expiry, EXPIRY)
        self.assertEqual(mine.token.mechanism, "HT-SHA-256-EXPR")

    def test_forgotten(self) -> None:
        self.store.tokens.append(sasl.HashedToken(TOKEN))
        self.store.rotates = True
        theirs = fast()
        who = sasl.Credentials(accounts.USER, hashed_token=self.store.tokens[0])
        mine = client(theirs, who, device=DEVICE, forget=True)
        said = self.log_in(mine, theirs)
        self.assertEqual(said[0].child("fast", FAST).get("invalidate"), "true")
        self.assertEqual(theirs.token_for, "")
        self.assertIsNone(mine.token)
        self.assertEqual(self.store.tokens, [])

    def test_refused_and_the_password_tried(self) -> None:
        for token in ("wrong", "wrong, for whom has no password"):
            theirs = fast()
            password = accounts.PASSWORD if token == "wrong" else None
            pinned = sasl.HashedToken(token, "HT-SHA-256-NONE")
            who = sasl.Credentials(accounts.USER, password, hashed_token=pinned)
            mine = client(theirs, who, device=DEVICE, remember=True)
            with self.subTest(token):
                if password is None:
                    with self.assertRaises(sasl.AuthenticationError):
                        self.log_in(mine, theirs)
                    self.assertIsNone(mine.token)
                    continue
                said = self.log_in(mine, theirs)
                self.assertEqual(said[1].children[0].name, "not-authorized")
                self.assertEqual(mine.mechanism, "SCRAM-SHA-512-PLUS")
                self.assertEqual(mine.token, self.store.tokens[0])
                self.assertIsNone(mine.credentials.hashed_token)

    def test_no_other_is_asked_for_after_a_refusal_unless_it_is_wanted(self) -> None:
        who = PASSWORD.replace(hashed_token=sasl.HashedToken("wrong"))
        for options, asked in (({}, 0), ({"forget": True}, 0), ({"remember": True}, 1)):
            mine = client(fast(), who, device=DEVICE, **options)
            mine.begin()
            element = mine.receive(failure("not-authorized"))
            with self.subTest(options):
                self.assertEqual(len(element.all("request-token", FAST)), asked)

    def test_a_token_of_another_device(self) -> None:
        """Else who got hold of it would get the next one under a name of his own."""
        tokens = HashedTokens()
        self.addCleanup(tokens.close)
        pinned = "HT-SHA-256-EXPR"
        mine, anybody = (
            tokens.issue(accounts.USER, pinned, device=name) for name in (DEVICE, "")
        )

        def settle(request: sasl.Request) -> object:
            if isinstance(request, sasl.FindHashedTokens):
                found = tokens.find(request.username, device=request.device)
                return request.answer(found)
            return request.answer(True)

        for token, device, welcome in (
            (mine, DEVICE, True),
            (anybody, "another", True),
            (mine, "another", False),
        ):
            who = sasl.Credentials(accounts.USER, hashed_token=token)
            theirs = fast()
            session = client(theirs, who, device=device)
            said = say(theirs, session.begin(), settle)
            with self.subTest(device=device, welcome=welcome):
                self.assertEqual(said.name == "success", welcome)

    def test_a_refusal_forgets_nothing(self) -> None:
        theirs = fast()
        who = sasl.Credentials(accounts.USER, hashed_token=sasl.HashedToken("wrong"))
        mine = client(theirs, who, device=DEVICE, forget=True)
        with self.assertRaises(sasl.AuthenticationError):
            self.log_in(mine, theirs)
        self.assertFalse(theirs.forgets)

    def test_a_login_without_the_token_does_not_forget_it(self) -> None:
        pinned = sasl.HashedToken(TOKEN, "HT-SHA-256-UNIQ")  # of no channel of ours
        theirs = fast()
        mine = client(
            theirs, PASSWORD.replace(hashed_token=pinned), device=DEVICE, forget=True
        )
        self.log_in(mine, theirs)
        self.assertEqual(mine.token, pinned)

    def test_another_mechanism_asked_for_with_a_token(self) -> None:
        self.store.tokens.append(sasl.HashedToken(TOKEN))
        theirs = fast()
        who = sasl.Credentials(accounts.USER, hashed_token=self.store.tokens[0])
        element = client(theirs, who, device=DEVICE).begin()
        wanted = {"mechanism": "HT-SHA-256-NONE"}
        asks = Element("request-token", namespace=FAST, attributes=wanted)
        element = element.replace(children=(*element.children, asks))
        self.assertEqual(say(theirs, element, self.store.settle).name, "success")
        self.assertEqual(
            (theirs.token_for, theirs.asks_token), (*wanted.values(), True)
        )

    def test_a_refusal_that_is_not_about_the_token(self) -> None:
        who = PASSWORD.replace(hashed_token=sasl.HashedToken(TOKEN))
        for condition, kept in (
            ("temporary-auth-failure", True),
            ("account-disabled", True),
            ("credentials-expired", False),
        ):
            mine = client(fast(), who, device=DEVICE)
            mine.begin()
            with self.subTest(condition):
                if not kept:
                    self.assertEqual(
                        mine.receive(failure(condition)).name, "authenticate"
                    )
                    self.assertIsNone(mine.token)
                    continue
                with self.assertRaises(sasl.AuthenticationError):
                    mine.receive(failure(condition))
                self.assertEqual(mine.token, who.hashed_token)

    def test_no_token_where_none_was_asked_for(self) -> None:
        theirs = fast()
        mine = client(theirs, device=DEVICE)
        run(mine, theirs, self.store.settle, self._unasked)
        self.assertIsNone(mine.token)
        self.assertEqual(theirs.token_for, "")

    def _unasked(self, success: Element) -> Element:
        told = issued(sasl.HashedToken(TOKEN), EXPIRY)
        return success.replace(children=(*success.children, told))

    def test_a_token_that_is_none(self) -> None:
        for token in ("", "\ud800"):
            theirs = fast()
            mine = client(theirs, device=DEVICE, remember=True)
            said = say(theirs, mine.begin())
            said = say(theirs, mine.receive(said))
            empty = Element("token", namespace=FAST, attributes={"token": token})
            with self.subTest(token), self.assertRaises(sasl.ProtocolError):
                mine.receive(said.replace(children=(*said.children, empty)))
            self.assertFalse(mine.authenticated)

    def test_a_server_that_does_not_know_the_token(self) -> None:
        who = sasl.Credentials(accounts.USER, hashed_token=sasl.HashedToken(TOKEN))
        mine = client(fast(), who, device=DEVICE)
        mine.begin()
        with self.assertRaises(sasl.ServerNotAuthenticated):
            mine.receive(
                Element("success", children=[Element("additional-data", "QUJD")])
            )


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
