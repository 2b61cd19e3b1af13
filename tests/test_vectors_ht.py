"""Every vector of HT: names, exchanges in both roles and all three wire formats, and what
is refused.
"""

from __future__ import annotations

import unittest
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import Reason
from sasl_core.mechanisms import find

from ._data import add_test, ids, method_name, octets, vectors
from ._drive import PROFILES, Calling, Serving, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

VECTORS = vectors("ht")
DRAFTS = {"A": "schmaus-09", "B": "ietf-00", "C": "ietf-02"}

LEFT_OUT = {
    "ht-name-ht-blake2b-256-none": "nobody uses this hash: it is not registered",
    "ht-neg-name-ht-sha-256-none-lower": "names are read in any case (RFC 4422 has none)",
}

REASONS = {
    "channel-binding-mismatch": {Reason.BAD_CREDENTIALS},
    "invalid-proof": {Reason.BAD_CREDENTIALS, Reason.MALFORMED},  # of the wrong size
    "invalid-token": {Reason.BAD_CREDENTIALS},
    "unknown-user": {Reason.BAD_CREDENTIALS},
}
ERRORS = {
    "server-reported-error": sasl.AuthenticationError,
    "server-signature-mismatch": sasl.ServerNotAuthenticated,
}


def named(vector: Vector) -> list[Vector]:
    """Return a vector by each of its names: format C has two."""
    name, draft = vector["mechanism"], vector["inputs"].get("format", "C")
    names = [name, name.replace("HT-", "HT2-")] if draft == "C" else [name]
    return [vector | {"mechanism": each} for each in names]


def settings(vector: Vector) -> tuple[sasl.Channel, sasl.Policy]:
    """Return the channel and policy of both sides."""
    given = vector["inputs"].get("channel_binding")
    bindings = []
    if given is not None:
        data = bytes.fromhex(given["data_hex"])
        bindings = [sasl.ChannelBinding(given["type"], data)]
    draft: Any = DRAFTS[vector["inputs"].get("format", "C")]
    policy = sasl.Policy(allow=[vector["mechanism"]], ht_draft=draft)
    return sasl.Channel(True, bindings=bindings), policy


def pairs(text: str) -> tuple[Any, ...]:
    """Take a list of values apart."""
    return tuple(tuple(pair.split("=")) for pair in text.split(",") if pair)


def token(vector: Vector, side: str) -> sasl.HashedToken:
    """Return the token as one side has it."""
    inputs = vector["inputs"]
    values = pairs(inputs.get(f"extra_{side}_values", ""))
    pinned = inputs.get("token_mechanism", "") if side == "responder" else ""
    return sasl.HashedToken(inputs["token"], pinned, values)


class HashedTokenVectors(unittest.TestCase):
    """HT."""

    def check_name(self, vector: Vector) -> None:
        """The name tells hash and binding, or nothing is called so."""
        found, expect = find(vector["inputs"]["name"]), vector["expect"]
        if vector["polarity"] == "negative":
            self.assertIsNone(found)
            return
        hash_name = expect["hash"].lower().replace("-", "")
        self.assertEqual(found.hash_name.replace("_", ""), hash_name)
        self.assertEqual(found.binding, expect["channel_binding_type"] or "")

    def check_client(self, vector: Vector) -> None:
        """Our client says what is written, and judges the answer."""
        channel, policy = settings(vector)
        for profile in PROFILES:
            mine = sasl.client(
                vector["mechanism"],
                sasl.Credentials(
                    vector["inputs"]["username"],
                    hashed_token=token(vector, "initiator"),
                ),
                channel=channel,
                policy=policy,
                profile=profile,
            )
            calling = Calling(mine)
            calling.begin()
            first, answer = vector["messages"]
            self.assertEqual(calling.sent, [octets(first)])
            finish = calling.finish if profile.success_data else calling.receive
            if vector["polarity"] == "positive":
                finish(octets(answer))
                if not profile.success_data:
                    calling.finish()
                continue
            with self.assertRaises(ERRORS[vector["expect"]["error"]]):
                finish(octets(answer))
            with self.assertRaises(sasl.StateError):
                calling.finish()

    def check_server(self, vector: Vector) -> None:
        """Our server takes what is written, and answers so, or refuses."""
        channel, policy = settings(vector)
        inputs = vector["inputs"]
        known = {inputs["username"]: (token(vector, "responder"),)}
        if inputs.get("token_expired"):
            known = {}
        for profile in PROFILES:
            server = sasl.server(
                vector["mechanism"], channel=channel, policy=policy, profile=profile
            )
            serving = Serving(server, Store(hashed_tokens=known))
            serving.receive(octets(vector["messages"][0]))
            if vector["polarity"] == "positive":
                self.assertEqual(serving.said, octets(vector["messages"][1]))
                serving.close()
                self.assertIsInstance(serving.event, sasl.Success)
                self.assertEqual(serving.event.identity.authcid, inputs["username"])
                self.assertEqual(serving.event.bound, bool(channel.bindings))
                continue
            if serving.said is not None:
                self.assertEqual(serving.said, b"\x01invalid-token")
                serving.receive(b"")
            self.assertIsInstance(serving.event, sasl.Failure)
            allowed = REASONS.get(vector["expect"]["error"], {Reason.MALFORMED})
            self.assertIn(serving.event.reason, allowed)

    def test_the_values_are_told(self) -> None:
        """What the client sent along comes with the question."""
        vector = next(v for v in VECTORS if v["id"].endswith("-c-sha-256-expr-extra"))
        channel, policy = settings(vector)
        server = sasl.server(vector["mechanism"], channel=channel, policy=policy)
        asked = server.start(b64encode(octets(vector["messages"][0])))
        sent = vector["inputs"]["extra_initiator_values"]
        self.assertEqual(asked.values, pairs(sent))


def ways(vector: Vector) -> list[tuple[str, str]]:
    """Return the class's methods that run a vector: a word for each, and its name."""
    if vector["id"] in LEFT_OUT:
        return []
    if vector["kind"] == "codec":
        return [("", "check_name")]
    if vector["polarity"] == "negative":
        sides = [vector["expect"]["detected_by"]]
    else:
        sides = ["client", "server"]
    return [(side, f"check_{side}") for side in sides]


generated: set[str] = set()


def _add(vector: Vector, word: str, name: str) -> None:
    def run(self: HashedTokenVectors) -> None:
        check: Callable[[Vector], None] = getattr(self, name)
        for each in named(vector):
            check(each)

    add_test(HashedTokenVectors, method_name(vector["id"], word), run)
    generated.add(vector["id"])


for _vector in VECTORS:
    for _word, _name in ways(_vector):
        _add(_vector, _word, _name)


class CompletenessTest(unittest.TestCase):
    """Every vector has a test, or a reason."""

    def test_what_ran_and_what_is_listed_are_all(self) -> None:
        """Nothing is passed over, and no entry is stale."""
        self.assertEqual(generated | LEFT_OUT.keys(), ids(VECTORS))
        self.assertEqual(generated & LEFT_OUT.keys(), set())


if __name__ == "__main__":
    unittest.main()
