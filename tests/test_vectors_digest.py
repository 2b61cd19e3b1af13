"""Every vector of DIGEST-MD5: exchanges in both roles, layers, and what is refused.

Directives are compared without their order and quotes. A maxbuf that says what its
absence says counts for nothing; the server's lists are those of its policy.
"""

from __future__ import annotations

import re
import unittest
from collections import Counter
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.layers import Layer
from sasl_core.mechanisms import _digest_math as math
from sasl_core.mechanisms._digest_layer import DigestLayer

from ._data import generate, ids, octets, vectors
from ._des import MAKERS
from ._drive import PROFILES, Calling, Serving, Store

if TYPE_CHECKING:
    Vector = dict[str, Any]

VECTORS = vectors("digest_md5")
WORDS = {"auth": "none", "auth-int": "integrity", "auth-conf": "confidentiality"}
MECHANISM = "DIGEST-MD5"

# What a Reason may be for the error words of the vectors; else it is MALFORMED.
REASONS = {
    "invalid-proof": sasl.Reason.BAD_CREDENTIALS,
    "wrong-service": sasl.Reason.BAD_CREDENTIALS,
}
# An rspauth of another size is malformed.
ERRORS = {
    "server-signature-mismatch": (sasl.ServerNotAuthenticated, sasl.ProtocolError)
}
# Where there are several realms, ours says of which of them the user is.
REALM_IN_NAME = {"digest-elytron-more-realms": "chris@elwood.innosoft.com"}


def directives(message: bytes) -> Counter[tuple[str, str]]:
    """Take a message apart, with a reader of the test's own."""
    pairs = re.findall(r'([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,"]*))', message.decode())
    return Counter((name, quoted or word) for name, quoted, word in pairs)


def compared(message: bytes) -> Counter[tuple[str, str]]:
    """Return what counts of a message."""
    found = directives(message)
    del found["maxbuf", "65536"]
    return Counter({pair: count for pair, count in found.items() if pair[1:] != ("",)})


def policy(inputs: Vector, *qops: str) -> sasl.Policy:
    """Make a policy for these qualities of protection, and the vector's cipher."""
    cipher = inputs.get("cipher")
    ciphers = {cipher: MAKERS[cipher]} if cipher else MAKERS
    layers = [WORDS[qop] for qop in qops]
    return sasl.Policy(allow=[MECHANISM], layers=layers, ciphers=ciphers)


def channel(inputs: Vector) -> sasl.Channel:
    """Return the channel that the digest-uri names."""
    service, _, host = inputs["digest_uri"].partition("/")
    return sasl.Channel(True, service=service, host=host)


def realms(vector: Vector) -> tuple[str, ...]:
    """Return the realms of the vector's server."""
    found = directives(octets(vector["messages"][0]))
    return tuple(value for name, value in found.elements() if name == "realm")


def serving_of(vector: Vector, profile: sasl.Profile) -> Serving:
    """Make the server of a vector."""
    inputs = vector["inputs"]
    challenge = directives(octets(vector["messages"][0]))
    offered = dict(challenge).get("qop") or next(
        (value for name, value in challenge if name == "qop"), "auth"
    )
    server = sasl.server(
        MECHANISM,
        channel=channel(inputs),
        policy=policy(inputs, *str(offered).split(",")),
        profile=profile,
        realm=realms(vector),
        nonce=inputs["nonce"].encode(),
    )
    store = Store({inputs["username"]: inputs["password"]}, may_act=lambda *_: False)
    return Serving(server, store)


def client_of(vector: Vector, profile: sasl.Profile) -> sasl.Client:
    """Make the client of a vector."""
    inputs = vector["inputs"]
    qop = inputs.get("qop") or inputs.get("required_qop", "auth")
    return sasl.client(
        MECHANISM,
        sasl.Credentials(
            inputs["username"],
            inputs["password"],
            authzid=inputs.get("authzid", ""),
            realm=inputs.get("realm") or None,
        ),
        channel=channel(inputs),
        policy=policy(inputs, qop),
        profile=profile,
        nonce=inputs["cnonce"].encode(),
    )


class ExchangeVectors(unittest.TestCase):
    """Whole exchanges."""

    def check_server(self, vector: Vector) -> None:
        """Our server says what is written, and lets the written client in."""
        for profile in PROFILES:
            serving = serving_of(vector, profile)
            challenge, response, last = map(octets, vector["messages"][:3])
            serving.begin()
            with self.subTest(profile.name):
                self.assert_offers(serving.said or b"", challenge)
                serving.receive(response)
                self.assertEqual(serving.said, last)
                serving.close()
                self.assertIsInstance(serving.event, sasl.Success)
                identity = serving.event.identity
                name = REALM_IN_NAME.get(vector["id"], vector["expect"]["authcid"])
                self.assertEqual(identity.authcid, name)
                self.assertEqual(identity.authzid, name)
                self.check_frames(vector, "server", serving.event.layer)

    def assert_offers(self, ours: bytes, theirs: bytes) -> None:
        ours_said, theirs_said = compared(ours), compared(theirs)
        for said in (ours_said, theirs_said):  # the order is the policy's, and defaults
            for name, value in list(said):
                if name in ("cipher", "qop"):
                    del said[name, value]
        self.assertEqual(ours_said, theirs_said)

    def check_client(self, vector: Vector) -> None:
        """Our client says what is written, and is content at the end."""
        for profile in PROFILES:
            calling = Calling(client_of(vector, profile))
            challenge, response, last = map(octets, vector["messages"][:3])
            calling.receive(challenge)
            with self.subTest(profile.name):
                self.assertEqual(compared(calling.sent[0]), compared(response))
                calling.receive(last)
                self.assertEqual(calling.sent[1], b"")
                self.assertIsNone(calling.client.layer)
                calling.finish()
                self.check_frames(vector, "client", calling.client.layer)

    def check_frames(self, vector: Vector, side: str, layer: Layer | None) -> None:
        written = vector.get("security_layer")
        self.assertEqual(layer is None, vector["inputs"]["qop"] == "auth")
        for frame in written["frames"] if written and layer else ():
            plain, wrapped = (
                bytes.fromhex(frame[key]) for key in ("plaintext_hex", "wrapped_hex")
            )
            wrapped = len(wrapped).to_bytes(4) + wrapped
            if frame["from"] == side:
                self.assertEqual(layer.wrap(plain), wrapped)
            else:
                self.assertEqual(layer.unwrap(wrapped), plain)

    def check_server_refuses(self, vector: Vector) -> None:
        """Our server fails at the client's message, for the right reason."""
        for profile in PROFILES:
            serving = serving_of(vector, profile)
            serving.begin()
            serving.receive(octets(vector["messages"][1]))
            with self.subTest(profile.name):
                self.assertTrue(serving.failed, serving.event)
                reason = REASONS.get(vector["expect"]["error"], sasl.Reason.MALFORMED)
                self.assertIs(serving.event.reason, reason)

    def check_client_refuses(self, vector: Vector) -> None:
        """Our client raises at the last message, not before."""
        *before, last = [m for m in vector["messages"] if m["from"] == "server"]
        error = ERRORS.get(vector["expect"]["error"], sasl.ProtocolError)
        for profile in PROFILES:
            calling = Calling(client_of(vector, profile))
            for message in before:
                calling.receive(octets(message))
            with self.subTest(profile.name):
                with self.assertRaises(error):
                    calling.receive(octets(last))
                self.assertEqual(len(calling.sent), len(before))
                with self.assertRaises(sasl.StateError):
                    calling.finish()


# The session that the vectors of broken frames belong to.
SESSION = next(v for v in VECTORS if v["id"] == "digest-elytron-auth-int")


class LayerVectors(unittest.TestCase):
    """Frames without an exchange."""

    def layer(self, session_key: bytes, cipher: str, *, is_client: bool) -> DigestLayer:
        return DigestLayer(
            session_key,
            is_client=is_client,
            cipher=cipher,
            maker=MAKERS.get(cipher),
            send_size=65536,
            receive_size=65536,
        )

    def check_frames(self, vector: Vector) -> None:
        """What a client wraps, and a server unwraps."""
        key = bytes.fromhex(vector["inputs"]["ha1_hex"])
        cipher = vector["inputs"]["cipher"] or ""
        client = self.layer(key, cipher, is_client=True)
        server = self.layer(key, cipher, is_client=False)
        for frame in vector["security_layer"]["frames"]:
            self.assertEqual(frame["from"], "client")
            plain, wrapped = (
                bytes.fromhex(frame[key]) for key in ("plaintext_hex", "wrapped_hex")
            )
            wrapped = len(wrapped).to_bytes(4) + wrapped
            self.assertEqual(client.wrap(plain), wrapped)
            self.assertEqual(server.unwrap(wrapped), plain)

    def check_refused(self, vector: Vector) -> None:
        """The last frame ends the layer."""
        key = bytes.fromhex(SESSION["derived"]["ha1_hex"])
        client = self.layer(key, "", is_client=True)
        frames = [octets(message) for message in vector["messages"]]
        if vector["inputs"].get("prior_frames_from_same_side"):
            first = next(
                frame["wrapped_hex"]
                for frame in SESSION["security_layer"]["frames"]
                if frame["from"] == "server"
            )
            frames.insert(0, bytes.fromhex(first))
        *before, last = [len(frame).to_bytes(4) + frame for frame in frames]
        for frame in before:
            client.unwrap(frame)
        with self.assertRaises(sasl.ProtocolError):
            client.unwrap(last)
        self.assertTrue(client.closed)


class DerivedTest(unittest.TestCase):
    """What the vectors say of the steps between."""

    def test_every_value(self) -> None:
        """H(user:realm:password), H(A1), the response and rspauth."""
        counted = 0
        for vector in VECTORS:
            if "derived" not in vector:
                continue
            inputs, derived = vector["inputs"], vector["derived"]
            secret = math.secret(
                inputs["username"], inputs["realm"], inputs["password"]
            )
            authzid = inputs.get("authzid")
            session_key, response, rspauth = math.digests(
                secret,
                inputs["nonce"].encode(),
                inputs["cnonce"].encode(),
                authzid.encode() if authzid else None,
                inputs["qop"].encode(),
                inputs["digest_uri"].encode(),
            )
            with self.subTest(vector["id"]):
                self.assertEqual(secret.hex(), derived["user_realm_password_md5_hex"])
                self.assertEqual(session_key.hex(), derived["ha1_hex"])
                self.assertEqual(response.decode(), derived["response"])
                self.assertEqual(rspauth.decode(), derived["rspauth"])
                counted += 1
        self.assertGreater(counted, 10)


def ways(vector: Vector) -> list[tuple[type[unittest.TestCase], str]]:
    """Return the classes and checks that a vector is for."""
    if vector["kind"] == "security_layer":
        check = "frames" if vector["polarity"] == "positive" else "refused"
        return [(LayerVectors, check)]
    if vector["polarity"] == "positive":
        return [(ExchangeVectors, "server"), (ExchangeVectors, "client")]
    return [(ExchangeVectors, f"{vector['expect']['detected_by']}_refuses")]


generated = generate(VECTORS, ways)


class CompletenessTest(unittest.TestCase):
    """Every vector has a test."""

    def test_all_of_the_file(self) -> None:
        """None is passed over."""
        self.assertEqual(generated, ids(VECTORS))
        self.assertLessEqual(set(REALM_IN_NAME), generated)


if __name__ == "__main__":
    unittest.main()
