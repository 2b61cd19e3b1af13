"""Vectors of NTLM: exchanges in both roles, layers, and that all of the file is run."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import _ntlm_math as math
from sasl_core.mechanisms import _ntlm_messages as messages
from sasl_core.mechanisms._ntlm_layer import NtlmLayer, Way
from sasl_core.mechanisms._ntlm_server import _AwaitAuthenticate

from . import test_vectors_ntlm_parts as parts
from ._data import generate, ids, octets
from ._drive import Calling, Serving, Store
from .test_vectors_ntlm_parts import DES, unhex

if TYPE_CHECKING:
    Vector = dict[str, Any]

VECTORS = parts.VECTORS
MECHANISM = "NTLM"
EPOCH = 11_644_473_600

LEFT_OUT = parts.LEFT_OUT | {
    "ntlm-ms-wrap-v1": "a CRC32 for a MAC: no layer without extended session security",
}
# The client of the example sends the server's pairs back and adds none; ours always says
# to whom it speaks.
ADDS_PAIRS = {"ntlm-ms-v2-messages"}
# What a Reason may be for the error words of the vectors; else it is MALFORMED.
REASONS = {
    "invalid-proof": sasl.Reason.BAD_CREDENTIALS,
    "integrity-failure": sasl.Reason.BAD_CREDENTIALS,
    "channel-binding-mismatch": sasl.Reason.BAD_CREDENTIALS,
    "unsupported-option": sasl.Reason.TOO_WEAK,
}
V1 = {"NTLMv1", "NTLM2 session"}
OTHER_BINDING = sasl.ChannelBinding("tls-server-end-point", bytes(32))


def said_by(vector: Vector, side: str) -> list[bytes]:
    """Return what one side of a vector says."""
    return [octets(m) for m in vector["messages"] if m["from"] == side]


def policy(vector: Vector) -> sasl.Policy:
    """Make the policy that a vector's flags, time and version stand for."""
    inputs = vector.get("inputs", {})
    sealed = messages.SEAL | messages.EXTENDED_SESSION_SECURITY
    flags = [int.from_bytes(m[20:24], "little") for m in said_by(vector, "server")]
    seals = all(flag & sealed == sealed for flag in flags)
    time = int.from_bytes(bytes.fromhex(inputs.get("time_hex", "")), "little")
    seconds = time // 10_000_000 - EPOCH
    allowed = inputs.get("response") in V1 and inputs.get("policy") != "ntlmv2-only"
    return sasl.Policy(
        allow=[MECHANISM],
        layers=["confidentiality" if seals else "none"],
        clock=(lambda: seconds) if time else None,
        ntlm_v1=DES if allowed else None,
    )


def channel(vector: Vector, *bindings: sasl.ChannelBinding) -> sasl.Channel:
    """Return the channel that a vector's target name stands for."""
    target = vector.get("inputs", {}).get("target_name", "/")
    service, _, host = target.partition("/")
    return sasl.Channel(True, service=service, host=host, bindings=bindings)


class ExchangeVectors(unittest.TestCase):
    """Whole exchanges."""

    def serving(
        self, vector: Vector, *bindings: sasl.ChannelBinding, negotiate: bytes = b""
    ) -> Serving:
        """Make our server, where it has said what the vector's server says."""
        inputs = vector.get("inputs", {})
        domain = inputs.get("domain", "")
        challenges = said_by(vector, "server")
        server = sasl.server(
            MECHANISM,
            channel=channel(vector, *bindings),
            policy=policy(vector),
            profile=profiles.RAW,
            realm=domain,
        )
        known = {inputs["username"]: inputs["password"]} if inputs else {}
        serving = Serving(server, Store(known))
        first = negotiate or next(iter(said_by(vector, "client")))
        if challenges:
            challenge = messages.read_challenge(challenges[0])
            negotiate = first if len(said_by(vector, "client")) > 1 else negotiate
            record = _AwaitAuthenticate(
                negotiate, challenges[0], challenge.flags, challenge.server_challenge
            )
            serving.begin()
            server._turn[:] = [record]
        return serving

    def check_server(self, vector: Vector) -> None:
        """Our server lets the written client in, and has the same keys."""
        serving = self.serving(vector)
        serving.receive(said_by(vector, "client")[-1])
        self.assertIsInstance(serving.event, sasl.Success)
        name = vector["inputs"]["username"]
        self.assertEqual(serving.event.identity, sasl.Identity(name))
        self.check_layer(vector, serving.event.layer)

    def check_layer(self, vector: Vector, layer: Any) -> None:
        if layer is None:
            return
        theirs = NtlmLayer(
            unhex(vector["derived"], "exported_session_key"),
            is_client=True,
            seals=True,
            exchanged=True,
            strength=128,
            maker=None,
            size=4096,
        )
        self.assertEqual(layer.unwrap(theirs.wrap(b"hello")), b"hello")
        self.assertEqual(theirs.unwrap(layer.wrap(b"hello")), b"hello")

    def calling(self, vector: Vector) -> Calling:
        """Make our client."""
        inputs = vector.get("inputs", {})
        nonce = None
        if "client_challenge_hex" in inputs:
            key = bytes.fromhex(inputs.get("random_session_key_hex", ""))
            nonce = unhex(inputs, "client_challenge") + key
        client = sasl.client(
            MECHANISM,
            sasl.Credentials(
                inputs.get("username", "user"),
                inputs.get("password", "pencil"),
                realm=inputs.get("domain"),
            ),
            channel=channel(vector),
            policy=policy(vector),
            profile=profiles.RAW,
            nonce=nonce,
        )
        calling = Calling(client)
        calling.begin()
        return calling

    def check_client(self, vector: Vector) -> None:
        """Our client proves the same, and our server takes it."""
        calling = self.calling(vector)
        challenge = said_by(vector, "server")[0]
        flags = messages.read_challenge(challenge).flags
        calling.receive(challenge)
        negotiate, ours = calling.sent
        mine = messages.read_authenticate(ours, flags)
        said = messages.read_authenticate(said_by(vector, "client")[-1], flags)
        self.assertEqual((mine.username, mine.domain), (said.username, said.domain))
        if vector["id"] not in ADDS_PAIRS:
            self.assertEqual(mine.nt_response, said.nt_response)
        self.assertEqual(flagged(mine), flagged(said))
        if vector["inputs"]["response"] not in V1:
            self.assertEqual(mine.lm_response, said.lm_response)
            if vector["id"] not in ADDS_PAIRS:
                self.assertEqual(mine.session_key, said.session_key)
        serving = self.serving(vector, negotiate=negotiate)
        serving.receive(ours)
        self.assertIsInstance(serving.event, sasl.Success)
        calling.finish()
        self.check_layer(vector, serving.event.layer)
        self.assertEqual(calling.client.layer is None, serving.event.layer is None)

    def check_server_refuses(self, vector: Vector) -> None:
        """Our server fails at the last message."""
        binding = "binding" in vector["id"]
        serving = self.serving(vector, *((OTHER_BINDING,) if binding else ()))
        serving.receive(said_by(vector, "client")[-1])
        self.assertTrue(serving.failed, serving.event)
        reason = REASONS.get(vector["expect"]["error"], sasl.Reason.MALFORMED)
        self.assertIs(serving.event.reason, reason)

    def check_client_refuses(self, vector: Vector) -> None:
        """Our client raises at the challenge, and says nothing more."""
        calling = self.calling(vector)
        with self.assertRaises(sasl.ProtocolError):
            calling.receive(said_by(vector, "server")[-1])
        self.assertEqual(len(calling.sent), 1)


def flagged(said: messages.Authenticate) -> bool:
    """Tell whether a client says that its message has a MIC."""
    if len(said.nt_response) < 44:
        return False
    told = messages.read_pairs(said.nt_response[44:]).get(messages.AV_FLAGS, b"")
    return bool(int.from_bytes(told, "little") & messages.MIC_PROVIDED)


class LayerVectors(unittest.TestCase):
    """Protected data without an exchange."""

    def check(self, vector: Vector) -> None:
        """What one side protects, the other one reads."""
        inputs, expect = vector["inputs"], vector["expect"]
        if "frames" in expect:
            self.check_frames(inputs, expect["frames"])
            return
        plain = unhex(inputs, "plaintext")
        sealed = expect["sealed_hex"]
        ways = [
            Way(
                unhex(inputs, "signing_key"),
                unhex(inputs, "sealing_key"),
                seals=sealed is not None,
                exchanged=inputs["key_exchange"],
            )
            for _ in ("mine", "theirs")
        ]
        made = ways[0].protect(plain)
        data = plain.hex() if sealed is None else sealed
        self.assertEqual(made.hex(), expect["signature_hex"] + data)
        self.assertEqual(ways[1].unprotect(made), plain)
        if "session_key_hex" in inputs:
            key, bits = unhex(inputs, "session_key"), inputs["strength_bits"]
            seal = math.seal_key(key, bits, of_client=True)
            self.assertEqual(seal, unhex(inputs, "sealing_key"))
            sign = math.sign_key(key, of_client=True)
            self.assertEqual(sign, unhex(inputs, "signing_key"))

    def layer(self, inputs: Vector, *, is_client: bool) -> NtlmLayer:
        return NtlmLayer(
            unhex(inputs, "session_key"),
            is_client=is_client,
            seals=True,
            exchanged=inputs["key_exchange"],
            strength=inputs["strength_bits"],
            maker=None,
            size=4096,
        )

    def check_frames(self, inputs: Vector, frames: list[Vector]) -> None:
        client = self.layer(inputs, is_client=True)
        server = self.layer(inputs, is_client=False)
        for frame in frames:
            plain, buffer = (
                bytes.fromhex(frame[key])
                for key in ("plaintext_hex", "sasl_buffer_hex")
            )
            made = client.wrap(plain)
            if not plain:  # of no data, nothing is sent; but the frame is a sound one
                self.assertEqual(made, b"")
                made = len(buffer[4:]).to_bytes(4) + client._seal(plain)
            self.assertEqual(made, buffer)
            self.assertEqual(
                made[4:].hex(), frame["signature_hex"] + frame["sealed_hex"]
            )
            self.assertEqual(server.unwrap(buffer), plain)

    def check_refused(self, vector: Vector) -> None:
        """The buffer ends the layer."""
        inputs = vector["inputs"]
        server = self.layer(inputs, is_client=False)
        buffer = unhex(inputs, "signature") + unhex(inputs, "sealed")
        with self.assertRaises(sasl.ProtocolError):
            server.unwrap(len(buffer).to_bytes(4) + buffer)
        self.assertTrue(server.closed)


def ways(vector: Vector) -> list[tuple[type[unittest.TestCase], str]]:
    """Return the classes and checks that a vector is for."""
    positive = vector["polarity"] == "positive"
    if vector["id"] in LEFT_OUT:
        return []
    if vector["kind"] == "security_layer":
        return [(LayerVectors, "" if positive else "refused")]
    if vector["kind"] != "exchange":
        return []  # in parts
    if not positive:
        side = vector["expect"]["detected_by"]
        return [(ExchangeVectors, f"{side}_refuses")]
    found = [(ExchangeVectors, "server")]
    if vector["inputs"]["response"] != "NTLM2 session":
        # Ours answers with NTLMv2 where a server knows extended session security.
        found.append((ExchangeVectors, "client"))
    return found


generated = generate(VECTORS, ways)


class CompletenessTest(unittest.TestCase):
    """Every vector has a test, or a reason."""

    def test_all_of_the_file(self) -> None:
        """None is passed over, and no reason is stale."""
        run = generated | parts.generated
        self.assertEqual(run | LEFT_OUT.keys(), ids(VECTORS))
        self.assertFalse(run & LEFT_OUT.keys())
        self.assertLessEqual(ADDS_PAIRS, generated)


if __name__ == "__main__":
    unittest.main()
