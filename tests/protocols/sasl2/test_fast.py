"""FAST (XEP-0484): a token is asked for, used, replaced, refused and forgotten."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.backends.hashed_tokens import HashedTokens
from sasl_core.protocols.sasl2 import Element, ServerSession, issued

from ... import _accounts as accounts
from ._fast import FAST, TOKEN, fast
from ._pair import CHANNEL, DEVICE, PASSWORD, client, failure, names, run, say

EXPIRY = "2026-12-01T00:00:00Z"


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
