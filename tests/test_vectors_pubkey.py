"""Every vector of ECDSA-NIST256P-CHALLENGE and ECDH-X25519-CHALLENGE, in both roles, with
the keys of `_p256` and `_x25519`.
"""

from __future__ import annotations

import unittest
from base64 import b64decode
from functools import partial
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import Reason

from ._data import add_test, ids, method_name, octets, vectors
from ._drive import PROFILES, Calling, Serving, Store
from ._p256 import PrivateKey, PublicKey
from ._x25519 import BASE, x25519

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

VECTORS = vectors("pubkey_challenge")

REASONS = {
    "invalid-proof": {Reason.BAD_CREDENTIALS},
    "unknown-user": {Reason.BAD_CREDENTIALS},
}


class Ends(unittest.TestCase):
    """How a server's exchange ends."""

    def check_end(self, vector: Vector, event: Any) -> None:
        """Expect what the vector says."""
        if vector["polarity"] == "positive":
            self.assertIsInstance(event, sasl.Success)
            self.assertEqual(event.identity, sasl.Identity("jilles"))
            return
        self.assertIsInstance(event, sasl.Failure)
        allowed = REASONS.get(vector["expect"]["error"], {Reason.MALFORMED})
        self.assertIn(event.reason, allowed)


class SignatureVectors(Ends):
    """ECDSA-NIST256P-CHALLENGE."""

    def check_key(self, vector: Vector) -> None:
        """Atheme's stored form is the compressed point."""
        key = PrivateKey.sec1(
            b64decode(vector["inputs"]["private_key_sec1_der_base64"])
        )
        stored = PublicKey.compressed(b64decode(vector["stored"]["text"]))
        self.assertEqual(key.public, stored)

    def check_server(self, vector: Vector) -> None:
        """Our server sends the challenge, and asks who can verify."""
        inputs, expect = vector["inputs"], vector["expect"]
        public = PublicKey.compressed(b64decode(inputs["public_key_compressed_base64"]))

        def verify(username: str, challenge: bytes, signature: bytes) -> bool:
            return public.verify(challenge, signature) and username == "jilles"

        for profile in PROFILES:
            server = sasl.server(
                vector["mechanism"],
                channel=sasl.Channel(True),
                policy=sasl.Policy(allow=[vector["mechanism"]]),
                profile=profile,
                nonce=bytes.fromhex(inputs["challenge_hex"]),
            )
            serving = Serving(server, Store(verify=verify))
            for message in vector["messages"]:
                if message["from"] == "client":
                    serving.receive(octets(message))
                else:
                    self.assertEqual(serving.said, octets(message))
            if expect.get("error") == "unknown-user":  # it is not told before the end
                serving.receive(octets(SIGNED["messages"][2]))
            self.check_end(vector, serving.event)

    def check_client(self, vector: Vector) -> None:
        """Our client signs just this challenge."""
        key = PrivateKey.sec1(
            b64decode(vector["inputs"]["private_key_sec1_der_base64"])
        )
        calling = Calling(
            sasl.client(
                vector["mechanism"],
                sasl.Credentials(
                    vector["inputs"]["username"],
                    authzid=vector["inputs"].get("authzid") or "",
                    signer=key.sign,
                ),
                channel=sasl.Channel(True),
                policy=sasl.Policy(allow=[vector["mechanism"]]),
            )
        )
        calling.begin()
        first, challenge, *_ = vector["messages"]
        self.assertEqual(calling.sent, [octets(first)])
        if vector["polarity"] == "negative":
            with self.assertRaises(sasl.ProtocolError):
                calling.receive(octets(challenge))
            return
        calling.receive(octets(challenge))
        signature = calling.sent[1]
        self.assertTrue(key.public.verify(octets(challenge), signature))
        calling.finish()


class AgreementVectors(Ends):
    """ECDH-X25519-CHALLENGE."""

    def check_primitive(self, vector: Vector) -> None:
        """Both sides compute the same."""
        hexes = {**vector["inputs"], **vector["expect"]}
        del hexes["outcome"]
        given = {name: bytes.fromhex(text) for name, text in hexes.items()}
        shared = given["shared_secret_hex"]
        for one, other in (("alice", "bob"), ("bob", "alice")):
            secret = given[f"{one}_secret_hex"]
            self.assertEqual(x25519(secret, BASE), given[f"{one}_public_hex"])
            self.assertEqual(x25519(secret, given[f"{other}_public_hex"]), shared)

    def check_server(self, vector: Vector) -> None:
        """Our server masks what it draws, and wants it back."""
        given = AGREED["inputs"]
        drawn = ("server_secret_hex", "session_salt_hex", "session_challenge_hex")
        for profile in PROFILES:
            server = sasl.server(
                vector["mechanism"],
                channel=sasl.Channel(True),
                policy=sasl.Policy(allow=[vector["mechanism"]], x25519=x25519),
                profile=profile,
                nonce=bytes.fromhex("".join(given[name] for name in drawn)),
            )
            key = bytes.fromhex(given["client_public_hex"])
            serving = Serving(server, Store(public_keys={"jilles": key}))
            for message in vector["messages"]:
                if message["from"] == "client":
                    serving.receive(octets(message))
                else:
                    self.assertEqual(serving.said, octets(message))
            self.check_end(vector, serving.event)

    def check_client(self, vector: Vector) -> None:
        """Our client takes the mask off."""
        secret = bytes.fromhex(vector["inputs"]["client_secret_hex"])
        calling = Calling(
            sasl.client(
                vector["mechanism"],
                sasl.Credentials("jilles", x25519=partial(x25519, secret)),
                channel=sasl.Channel(True),
                policy=sasl.Policy(allow=[vector["mechanism"]]),
            )
        )
        calling.begin()
        first, challenge, response = map(octets, vector["messages"])
        calling.receive(challenge)
        self.assertEqual(calling.sent, [first, response])
        calling.finish()


SIGNED = next(v for v in VECTORS if v["id"] == "ecdsa-erc-raw")


AGREED = next(v for v in VECTORS if v["id"] == "ecdh-x25519-exchange")


def ways(vector: Vector) -> list[tuple[str, str]]:
    """Return the class's methods that run a vector: a word for each, and its name."""
    if vector["kind"] == "stored_credential":
        return [("", "check_key")]
    if vector["kind"] == "primitive":
        return [("", "check_primitive")]
    if vector["polarity"] == "negative":
        sides = [vector["expect"]["detected_by"]]
    elif vector["id"] == "ecdsa-hashed":
        sides = ["server"]  # our client signs the challenge itself
    else:
        sides = ["client", "server"]
    return [(side, f"check_{side}") for side in sides]


generated: set[str] = set()


def _add(vector: Vector, word: str, name: str) -> None:
    agreement = vector["mechanism"] == "ECDH-X25519-CHALLENGE"
    case = AgreementVectors if agreement else SignatureVectors

    def run(self: unittest.TestCase) -> None:
        check: Callable[[Vector], None] = getattr(self, name)
        check(vector)

    add_test(case, method_name(vector["id"], word), run)
    generated.add(vector["id"])


for _vector in VECTORS:
    for _word, _name in ways(_vector):
        _add(_vector, _word, _name)


class CompletenessTest(unittest.TestCase):
    """Every vector has a test."""

    def test_all_run(self) -> None:
        """Nothing is passed over."""
        self.assertEqual(generated, ids(VECTORS))


if __name__ == "__main__":
    unittest.main()
