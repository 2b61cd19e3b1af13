"""Recorded exchanges of real programs, replayed: each of our sides in the place of theirs.

Our server gets what the recorded client sent, with the nonce and salt of the recorded
server; our client gets what the recorded server sent, with the nonce of the recorded
client. Where ours does otherwise on purpose, a table says why.
"""

from __future__ import annotations

import json
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import Reason

from ._data import add_test, ids, method_name, recorded_servers, transcripts
from ._drive import Calling, Serving
from ._recorded import client_of, octets_of, server_of, store_of, trace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Transcript = dict[str, Any]

ANONYMOUS = "anonymous"

# In these tables a key is the last words of an id, a mechanism with them, or a client.

# Why our server refuses what theirs took.
STRICTER = {
    "SCRAM-SHA-256--ack-garbage": "the answer to the last challenge is empty",
    "PLAIN--base64-with-space": "base64 has no white space (RFC 4954, section 4)",
}

# Why our server takes what theirs refused.
MORE_LENIENT = {
    "CRAM-MD5--account-nfkc": "they compare with the password as it was typed",
    "SCRAM-SHA-1--account-nfkc": "they compare with the password as it was typed",
    "SCRAM-SHA-256--account-nfkc": "they compare with the password as it was typed",
    "PLAIN--saslprep-roman-nine": "RFC 4616 prepares before it compares",
    "OAUTHBEARER--no-authzid": "RFC 7628 lets the token alone say who it is",
}

# Why our server fails before the client that gave up, or that sent no base64.
REFUSED_BEFORE = {
    "CRAM-MD5--unexpected-ir": "CRAM-MD5 takes no initial response",
    "LOGIN--empty-user": "no account has an empty name",
    "OAUTHBEARER--expired-answer-cancel": "the token was refused before the cancel",
    "SCRAM-SHA-256--empty-nonce": "a nonce has at least one character",
    "SCRAM-SHA-256--gs2-p-flag": "p= is for the -PLUS mechanism",
}

# Why our server is not even made.
NOT_OFFERED = {
    "EXTERNAL--no-client-cert": "no identity was proven",
    "EXTERNAL--no-tls": "no identity was proven",
}

# Why our client would not say what theirs said.
OTHER_CLIENT = {
    "raw-socket": "no client: messages by hand, most of them wrong",
    "LOGIN with an initial response": "our client waits for the prompt",
    "SCRAM-SHA-256--authzid-empty-but-present": "a= has a name (RFC 5801, section 4)",
    "msmtp--OAUTHBEARER--expired-token": "the dummy response is %x01, not empty",
}


def keys_of(transcript: Transcript) -> set[str]:
    """Return the words under which a table may name a recording."""
    _server, _, rest = transcript["id"].partition("--")
    keys = {transcript["client"], rest, rest.partition("--")[2]}
    if transcript["mechanism"] == "LOGIN" and transcript["messages"][0].get("initial"):
        keys.add("LOGIN with an initial response")
    return keys


def in_table(transcript: Transcript, table: dict[str, str]) -> bool:
    """Tell whether a table names a recording."""
    return not keys_of(transcript).isdisjoint(table)


class ReplayCase(unittest.TestCase):
    """Tests made of recordings."""

    # --- our server in the place of theirs

    def replay_server(self, transcript: Transcript) -> None:
        """Feed the recorded client to our server."""
        if in_table(transcript, NOT_OFFERED):
            with self.assertRaises(sasl.NoMechanism):
                server_of(transcript)
            return
        serving = Serving(server_of(transcript), store_of(transcript))
        self._feed(serving, transcript)
        if isinstance(serving.event, sasl.Challenge):
            self._bring_to_an_end(serving)
        if self._expects_success(transcript):
            self.assertIsInstance(serving.event, sasl.Success)
            self._check_identity(serving.event.identity, transcript)
        else:
            self.assertIsInstance(serving.event, sasl.Failure)
            self._check_reason(serving.event.reason, transcript)

    def _expects_success(self, transcript: Transcript) -> bool:
        if in_table(transcript, STRICTER):
            return False
        if in_table(transcript, MORE_LENIENT):
            return True
        return bool(transcript["outcome"] == "success")

    def _check_reason(self, reason: Reason, transcript: Transcript) -> None:
        early = in_table(transcript, REFUSED_BEFORE)
        if transcript["outcome"] == "cancelled":
            self.assertEqual(reason is Reason.ABORTED, not early)
        elif transcript["outcome"] == "bad base64 rejected":
            self.assertIs(reason, Reason.MALFORMED)

    def _feed(self, serving: Serving, transcript: Transcript) -> None:
        server, store = serving.server, serving.store
        for message in transcript["messages"]:
            if serving.failed:
                break
            if message.get("initial"):
                serving.event = store.settle(server.start(message["text"].encode()))
                continue
            if serving.event is None:
                serving.begin()
            if message["from"] == "server":
                self._compare(serving.said or b"", octets_of(message))
            else:
                serving.event = store.settle(server.step(message["text"].encode()))

    def _compare(self, ours: bytes, theirs: bytes) -> None:
        """What ours says is what theirs said, up to what each may choose."""
        if theirs[:1] == b"{":
            self.assertEqual(json.loads(ours)["status"], json.loads(theirs)["status"])
        else:
            self.assertEqual(ours, theirs)

    def _bring_to_an_end(self, serving: Serving) -> None:
        """The recording ended here; ours wants to hear one thing more."""
        said = serving.said or b""
        if said[:1] == b"{":
            serving.receive(b"\x01")
        elif said[:2] == b"r=":
            nonce = said.partition(b",")[0]
            serving.receive(b"c=biws," + nonce + b",p=AAAA")
        else:
            self.assertEqual(said[:2], b"v=")
            serving.receive(b"")

    def _check_identity(self, identity: sasl.Identity, transcript: Transcript) -> None:
        account = transcript["account"]
        if transcript["mechanism"] == "ANONYMOUS":
            self.assertEqual(identity.trace, trace_of(transcript))
            return
        user = account.get("user") or account.get("certificate_CN")
        self.assertEqual(identity.authcid, user)
        self.assertEqual(identity.authzid, account.get("authzid") or user)

    # --- our client in the place of theirs

    def replay_client(self, transcript: Transcript) -> None:
        """Feed the recorded server to our client."""
        calling = Calling(client_of(transcript))
        messages = transcript["messages"]
        if messages[0]["from"] == "client":
            calling.begin()
        try:
            for message in messages:
                if message["from"] == "server":
                    calling.receive_text(message["text"].encode())
        finally:
            said = [octets_of(m) for m in messages if m["from"] == "client"]
            self.assertEqual(calling.sent[: len(said)], said)
        self.assertLessEqual(len(calling.sent), len(said) + 1)
        if transcript["outcome"] == "success":
            calling.finish()
        else:
            error = calling.client.refused(Reason.BAD_CREDENTIALS)
            self.assertIsInstance(error, sasl.AuthenticationError)
            with self.assertRaises(sasl.SASLError):
                calling.finish()


generated: set[str] = set()


def _add_tests() -> None:
    """Make a class for each recorded server, with a method for each role we replay."""
    for server in recorded_servers():
        words = [word.capitalize() for word in server.split("-")]
        case = type(f"{''.join(words)}Replay", (ReplayCase,), {"__module__": __name__})
        for transcript in transcripts(server):
            name = transcript["id"].removeprefix(f"{server}--")
            add_test(case, method_name(name, "server"), _method("server", transcript))
            generated.add(transcript["id"])
            if not in_table(transcript, OTHER_CLIENT):
                run = _method("client", transcript)
                add_test(case, method_name(name, "client"), run)
        globals()[case.__name__] = case


def _method(role: str, transcript: Transcript) -> Callable[[ReplayCase], None]:
    def method(self: ReplayCase) -> None:
        getattr(self, f"replay_{role}")(transcript)

    return method


_add_tests()


class CompletenessTest(unittest.TestCase):
    """Every recording is replayed; every exception is still one."""

    def test_every_recording_has_a_test(self) -> None:
        """No recording is passed over in silence."""
        known = set().union(*(ids(transcripts(name)) for name in recorded_servers()))
        self.assertEqual(generated, known)
        self.assertGreater(len(known), 400)

    def test_tables_have_no_stale_key(self) -> None:
        """A recording that is gone leaves no entry behind."""
        keys: set[str] = set()
        for name in recorded_servers():
            keys = keys.union(*map(keys_of, transcripts(name)))
        tables = (STRICTER, MORE_LENIENT, REFUSED_BEFORE, NOT_OFFERED, OTHER_CLIENT)
        for table in tables:
            self.assertLessEqual(set(table), keys)

    def test_the_difference_is_real(self) -> None:
        """Where ours is said to judge otherwise, some recording shows it."""
        outcomes: dict[str, set[str]] = {}
        for name in recorded_servers():
            for transcript in transcripts(name):
                for key in keys_of(transcript):
                    outcomes.setdefault(key, set()).add(transcript["outcome"])
        for key in STRICTER:
            self.assertIn("success", outcomes[key])
        for key in MORE_LENIENT:
            self.assertIn("failure", outcomes[key])


if __name__ == "__main__":
    unittest.main()
