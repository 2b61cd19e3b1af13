"""HT: the types of binding, pinned tokens, several tokens, one use, and each draft."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core._hashed_token import DRAFTS, HT_NAMES
from sasl_core.mechanisms import ht

from .. import _accounts as accounts
from .._play import Outcome, play

TOKEN = accounts.hashed_token(accounts.PASSWORD)
NONE = "HT-SHA-256-NONE"
BOUND = tuple(name for name, (_, binding) in HT_NAMES.items() if binding)


def asked(name: str = NONE, draft: Any = "ietf-02", message: bytes = b"") -> Any:
    """Return the first request of an exchange, for the honest message or another."""
    client = accounts.make_client(name, profile=profiles.RAW, ht_draft=draft)
    server = accounts.make_server(name, profile=profiles.RAW, ht_draft=draft)
    return server.start(message or client.start())


class BindingTest(unittest.TestCase):
    """Each mechanism has its own type, and takes no other."""

    def outcome(self, name: str, mine: Any, theirs: Any) -> Outcome:
        """Run an exchange with the client's bindings and the server's."""
        return play(
            accounts.make_client(name, on=accounts.channel(name, bindings=mine)),
            accounts.make_server(name, on=accounts.channel(name, bindings=theirs)),
        )

    def test_only_its_own(self) -> None:
        """It is run where that is known, wherever it stands among others."""
        for name in BOUND:
            wanted = HT_NAMES[name][1]
            others = [one for one in accounts.BINDINGS if one.type != wanted]
            everything = list(reversed(accounts.BINDINGS))
            outcome = self.outcome(name, accounts.BINDINGS, everything)
            with self.subTest(name):
                self.assertTrue(outcome.succeeded)
                self.assertTrue(outcome.event.bound)
                for make in (accounts.make_client, accounts.make_server):
                    with self.assertRaisesRegex(sasl.NoMechanism, wanted):
                        make(name, on=accounts.channel(name, bindings=others))

    def test_somebody_in_the_middle(self) -> None:
        """Other octets of the same type do not do, nor does a prefix."""
        for name in BOUND:
            wanted = HT_NAMES[name][1]
            [mine] = [one for one in accounts.BINDINGS if one.type == wanted]
            for data in (bytes(len(mine.data)), mine.data[:-1], mine.data + b"\0"):
                forged = sasl.ChannelBinding(wanted, data)
                outcome = self.outcome(name, [mine], [forged])
                self.assertIsInstance(outcome.event, sasl.Failure)

    def test_without_one_nothing_is_bound(self) -> None:
        """NONE says so, and is not run where the policy requires a binding."""
        channel = accounts.channel(NONE, bindings=accounts.BINDINGS)
        outcome = self.outcome(NONE, accounts.BINDINGS, accounts.BINDINGS)
        self.assertFalse(outcome.event.bound)
        with self.assertRaises(sasl.NoMechanism):
            accounts.make_client(NONE, on=channel, channel_binding="require")

    def test_it_is_run_where_nobody_reads_along(self) -> None:
        """What is sent is the same each time: who sees it could send it again."""
        clear = sasl.Channel(False)
        with self.assertRaisesRegex(sasl.NoMechanism, "encrypted"):
            accounts.make_client(NONE, on=clear)
        with self.assertRaisesRegex(sasl.NoMechanism, "encrypted"):
            accounts.make_server(NONE, on=clear)
        accounts.make_client(NONE, on=clear, cleartext="always")


class TokenTest(unittest.TestCase):
    """What a server has of a user."""

    def test_every_draft(self) -> None:
        """Both sides agree; where they do not, nobody gets in."""
        for mine in DRAFTS:
            for theirs in DRAFTS:
                client = accounts.make_client(NONE, ht_draft=mine)
                server = accounts.make_server(NONE, ht_draft=theirs)
                outcome = play(client, server)
                with self.subTest(mine=mine, theirs=theirs):
                    self.assertEqual(outcome.succeeded, mine == theirs)

    def test_the_name_of_the_last_draft(self) -> None:
        """HT2 is that, whatever either policy says; and no HT of an older one."""
        name = NONE.replace("HT-", "HT2-")
        for mine in DRAFTS:
            client = accounts.make_client(name, ht_draft=mine, profile=profiles.RAW)
            server = accounts.make_server(
                name, ht_draft=DRAFTS[0], profile=profiles.RAW
            )
            said = client.start()
            self.assertIsInstance(server.start(said), sasl.FindHashedTokens)
            event = accounts.make_server(name, ht_draft=mine, profile=profiles.RAW)
            end = event.start(said).answer((TOKEN,)).answer(True)
            client.finish(end.data)
            server = accounts.make_server(NONE, ht_draft=mine, profile=profiles.RAW)
            self.assertEqual(
                isinstance(server.start(said), sasl.FindHashedTokens), mine == DRAFTS[0]
            )

    def test_any_of_several(self) -> None:
        """The one that was proved is used, whichever it is."""
        others = tuple(sasl.HashedToken(f"other {number}") for number in range(3))
        for place in range(4):
            tokens = (*others[:place], TOKEN, *others[place:])
            request = asked().answer(tokens)
            self.assertEqual(accounts.question(request)[2], TOKEN)
        self.assertEqual(asked().answer(others).data, b"\x01invalid-token")
        self.assertEqual(asked().answer(()).data, b"\x01invalid-token")

    def test_nobody_s_token(self) -> None:
        """Whoever had it could not log in as a user who does not exist."""
        mine = sasl.Credentials("nobody", hashed_token=ht._NOBODY)
        client = accounts.make_client(NONE, credentials=mine, profile=profiles.RAW)
        event = asked(message=client.start()).answer(None)
        self.assertEqual(event.data, b"\x01invalid-token")

    def test_a_pinned_token(self) -> None:
        """It is good for its own mechanism, on both sides."""
        own = TOKEN.replace(mechanism=NONE)
        other = TOKEN.replace(mechanism="HT-SHA-512-NONE")
        self.assertIsInstance(asked().answer((own,)), sasl.UseHashedToken)
        self.assertEqual(asked().answer((other,)).data, b"\x01invalid-token")
        credentials = sasl.Credentials("user", hashed_token=own)
        accounts.make_client(NONE, credentials=credentials)
        with self.assertRaisesRegex(sasl.NoMechanism, "no hashed token for it"):
            accounts.make_client("HT-SHA-512-NONE", credentials=credentials)

    def test_used_up(self) -> None:
        """A token that is right, but not to be used now, is as wrong as another."""
        for draft in DRAFTS:
            client = accounts.make_client(NONE, profile=profiles.RAW, ht_draft=draft)
            server = accounts.make_server(NONE, profile=profiles.RAW, ht_draft=draft)
            event = server.start(client.start()).answer((TOKEN,)).answer(False)
            if draft != "schmaus-09":
                self.assertEqual(event.data, b"\x01invalid-token")
                event = server.step(b"whatever it says to that")
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_the_responder_s_values(self) -> None:
        """They go back, proven; older drafts leave them out."""
        token = TOKEN.replace(values={"resumed": "yes"})
        for draft, said in (
            ("ietf-02", b"\0resumed=yes\0"),
            ("ietf-00", b"\0"),
            ("schmaus-09", b""),
        ):
            client = accounts.make_client(NONE, profile=profiles.RAW, ht_draft=draft)
            server = accounts.make_server(NONE, profile=profiles.RAW, ht_draft=draft)
            end = server.start(client.start()).answer((token,)).answer(True)
            self.assertTrue(end.data.startswith(said))
            self.assertEqual(len(end.data), len(said) + 32)
            client.finish(end.data)

    def test_values_that_an_older_draft_cannot_carry(self) -> None:
        """The client says so, before anything is sent."""
        token = TOKEN.replace(values=(("x", "1"),))
        mine = sasl.Credentials("user", hashed_token=token)
        for draft in ("ietf-00", "schmaus-09"):
            with self.assertRaises(sasl.CredentialsError):
                accounts.make_client(NONE, credentials=mine, ht_draft=draft)


class MessageTest(unittest.TestCase):
    """What breaks the rules, beside the attacks and the vectors."""

    def test_values(self) -> None:
        """Words, and no key twice; not too many of them."""
        proof = bytes(32)
        for values in (b"a=1,a=2", b"a", b"=1", b"a=", b"a=1,", b"a=\xe9", b"a=1 "):
            event = asked(message=b"user\0" + values + b"\0" + proof)
            with self.subTest(values):
                self.assertIs(event.reason, sasl.Reason.MALFORMED)
        long = b"a=" + b"1" * 4094
        event = asked(message=b"user\0" + long + b"\0" + proof)
        self.assertIsInstance(event, sasl.FindHashedTokens)
        event = asked(message=b"user\0" + long + b"1\0" + proof)
        self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def test_proofs(self) -> None:
        """Of the hash's size, in each draft; the names before them hold no NUL."""
        for draft in DRAFTS:
            nul = b"\0" if draft == "ietf-02" else b""
            for message in (
                b"user\0" + nul + bytes(31),
                b"user\0" + nul + bytes(33),
                b"us\0er\0" + nul + bytes(32),
                b"user" + nul + b"\x01" * 32,
                b"\0" + nul + bytes(32),
            ):
                with self.subTest(draft=draft, message=message):
                    event = asked(draft=draft, message=message)
                    self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def test_what_a_server_says(self) -> None:
        """An answer that is none, and a refusal, which is told without its controls."""
        for draft, answer, error in (
            ("ietf-02", b"\x02" + bytes(33), sasl.ProtocolError),
            ("ietf-02", b"\0" + b"a" * 32, sasl.ProtocolError),
            ("ietf-02", b"\0a\0" + bytes(32), sasl.ProtocolError),
            ("ietf-02", b"\x01\xff", sasl.ProtocolError),
            ("ietf-02", b"", sasl.ServerNotAuthenticated),
            ("ietf-00", b"\0" + bytes(31), sasl.ServerNotAuthenticated),
            ("schmaus-09", b"\x01invalid-token", sasl.ServerNotAuthenticated),
        ):
            client = accounts.make_client(NONE, profile=profiles.RAW, ht_draft=draft)
            client.start()
            with self.subTest(answer), self.assertRaises(error):
                client.step(answer)
        client = accounts.make_client(NONE, profile=profiles.RAW)
        client.start()
        with self.assertRaises(sasl.AuthenticationError) as caught:
            client.step(b"\x01other\x1b[2Jerror")
        self.assertEqual(caught.exception.reply, "other?[2Jerror")
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)


class HashedTokenTest(unittest.TestCase):
    """The value."""

    def test_what_it_refuses(self) -> None:
        """What no mechanism could use."""
        for arguments in (
            ("",),
            ("\ud800",),
            ("t", "HT-SHA-1-NONE"),
            ("t", "", {"": "1"}),
            ("t", "", {"a": "1=2"}),
            ("t", "", {"a": "\0"}),
        ):
            with self.subTest(arguments), self.assertRaises(ValueError):
                sasl.HashedToken(*arguments)
        for wrong in (b"t", None):
            with self.assertRaises(TypeError):
                sasl.HashedToken(wrong)
        with self.assertRaises(TypeError):
            sasl.Credentials("user", hashed_token="t")
        with self.assertRaises(ValueError):
            sasl.Policy(ht_draft="ietf-01")

    def test_it_is_not_shown(self) -> None:
        """And unpinned it is good for all."""
        token = sasl.HashedToken("the-token", values={"a": "1"})
        self.assertNotIn(
            "the-token", f"{token!r}{sasl.Credentials(hashed_token=token)}"
        )
        self.assertEqual(token.mechanisms, set(HT_NAMES))


if __name__ == "__main__":
    unittest.main()
