"""Vectors of NTLM's parts: each computation, each message read and written."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core._strict import Malformed
from sasl_core.mechanisms import _ntlm_math as math
from sasl_core.mechanisms import _ntlm_messages as messages
from sasl_core.mechanisms._des_key import des_key

from ._data import add_test, method_name, vectors
from ._des import MAKERS

if TYPE_CHECKING:
    Vector = dict[str, Any]

VECTORS = vectors("ntlm")
DES = MAKERS["des"]
LEFT_OUT = {
    "ntlm-ms-lmowfv1": "the LM hash: nothing here is answered or checked with it",
    "ntlm-davenport-lm-hash": "the LM hash: nothing here is answered or checked with it",
    "ntlm-ms-v1-encrypted-session-key-lm-key": "a session key of the LM hash",
}
LM_HASHES = {
    vector["inputs"]["password"]: bytes.fromhex(vector["expect"]["hex"])
    for vector in VECTORS
    if vector.get("operation") == "LMOWFv1"
}


def unhex(inputs: Vector, name: str) -> bytes:
    """Return one of a vector's inputs as octets."""
    return bytes.fromhex(inputs[f"{name}_hex"])


def nt_hash(inputs: Vector) -> bytes:
    """Return NTOWFv1."""
    return math.ntowf_v1(inputs["password"])


def key_v2(inputs: Vector) -> bytes:
    """Return NTOWFv2."""
    return math.ntowf_v2(nt_hash(inputs), inputs["username"], inputs["domain"])


def temp_of(inputs: Vector) -> bytes:
    """Return the NTLMv2_CLIENT_CHALLENGE, and the zeros behind it."""
    names = ("time", "client_challenge", "target_info")
    return math.temp(*(unhex(inputs, name) for name in names))


class PrimitiveVectors(unittest.TestCase):
    """One computation each."""

    def check(self, vector: Vector) -> None:
        """The result is what is written."""
        found = self.computed(vector["operation"], vector["inputs"])
        expect = dict(vector["expect"])
        del expect["outcome"]
        for key, value in found.items():
            self.assertEqual(value.hex(), expect[key], key)
        if not vector["operation"].startswith("verify"):
            self.assertEqual(set(found), set(expect))

    def computed(self, operation: str, inputs: Vector) -> dict[str, bytes]:
        match operation:
            case "NTOWFv1":
                return {"hex": nt_hash(inputs)}
            case "NTLMv1.SessionBaseKey":
                return {"hex": math.md4(nt_hash(inputs))}
            case "NTLMv1.NtChallengeResponse":
                asked = unhex(inputs, "server_challenge")
                return {"hex": math.desl(DES, nt_hash(inputs), asked)}
            case "NTLMv1.LmChallengeResponse":
                lm_hash = LM_HASHES[inputs["password"]]
                asked = unhex(inputs, "server_challenge")
                return {"hex": math.desl(DES, lm_hash, asked)}
            case "KXKEY and RC4K":
                key = math.md4(nt_hash(inputs))
                sent = math.rc4k(key, unhex(inputs, "random_session_key"))
                return {
                    "key_exchange_key_hex": key,
                    "encrypted_random_session_key_hex": sent,
                }
            case "NTLM2 session NtChallengeResponse":
                mine = unhex(inputs, "client_challenge")
                asked = math.session_challenge(unhex(inputs, "server_challenge"), mine)
                answer = math.desl(DES, nt_hash(inputs), asked)
                return {"nt_hex": answer, "lm_hex": mine + bytes(16)}
            case "NTOWFv2":
                return {"hex": key_v2(inputs)}
            case "NTLMv2_CLIENT_CHALLENGE (temp)":
                return {"hex": temp_of(inputs)}
            case "LMv2 response":
                mine = unhex(inputs, "client_challenge")
                asked = unhex(inputs, "server_challenge") + mine
                return {"hex": math.HMAC_MD5(key_v2(inputs), asked) + mine}
            case "NTLMv2 response (NTProofStr)":
                temp = temp_of(inputs)
                asked = unhex(inputs, "server_challenge")
                proof = math.HMAC_MD5(key_v2(inputs), asked + temp)
                return {
                    "nt_proof_str_hex": proof,
                    "nt_challenge_response_hex": proof + temp,
                }
            case "NTLMv2 SessionBaseKey":
                key, proof = unhex(inputs, "ntowfv2"), unhex(inputs, "nt_proof_str")
                return {"hex": math.HMAC_MD5(key, proof)}
            case "RC4K":
                key = unhex(inputs, "key_exchange_key")
                return {"hex": math.rc4k(key, unhex(inputs, "random_session_key"))}
        return self.computed_keys(operation, inputs)

    def computed_keys(self, operation: str, inputs: Vector) -> dict[str, bytes]:
        sides = {"client_hex": True, "server_hex": False}
        match operation.partition(" ")[0].rstrip(":"):
            case "SEALKEY":
                key = unhex(inputs, "exported_session_key")
                bits = inputs["strength_bits"]
                return {
                    name: math.seal_key(key, bits, of_client=of_client)
                    for name, of_client in sides.items()
                }
            case "SIGNKEY":
                key = unhex(inputs, "exported_session_key")
                return {
                    name: math.sign_key(key, of_client=of_client)
                    for name, of_client in sides.items()
                }
            case "DES":
                return {"hex": des_key(unhex(inputs, "key"))}
            case "MsvAvChannelBindings":
                data = unhex(inputs, "certificate_sha256")
                binding = sasl.ChannelBinding(inputs["channel_binding_type"], data)
                struct = unhex(inputs, "application_data")
                struct = bytes(16) + len(struct).to_bytes(4, "little") + struct
                return {"hex": math.bindings_hash((binding,)), "struct_hex": struct}
            case "verify":
                said = messages.read_authenticate(
                    unhex(inputs, "authenticate"), messages.UNICODE
                )
                self.assertEqual((said.domain, said.username), ("URSA-MINOR", "Zaphod"))
                asked = unhex(inputs, "server_challenge")
                answer = math.desl(DES, nt_hash(inputs), asked)
                self.assertEqual(answer, said.nt_response)
                return {"nt_response_hex": answer}
        raise AssertionError(f"an operation without a test: {operation}")


class CodecVectors(unittest.TestCase):
    """Messages, read and where one spelling is ours written."""

    def check(self, vector: Vector) -> None:
        """Each field is what is written."""
        message = bytes.fromhex(vector["inputs"]["hex"])
        expect = vector["expect"]
        if expect["outcome"] == "failure":
            with self.assertRaises(Malformed):
                messages.read_pairs(message)
            return
        match vector["operation"]:
            case "negotiate-message":
                asked = messages.read_negotiate(message)
                self.assertEqual(f"{asked.flags:#010x}", expect["flags"])
                self.assertEqual(asked.domain.decode(), expect["domain"])
                self.assertEqual(asked.workstation.decode(), expect["workstation"])
            case "challenge-message":
                self.check_challenge(message, expect)
            case "authenticate-message":
                said = messages.read_authenticate(
                    message, int.from_bytes(message[60:64], "little")
                )
                names = (expect[key] for key in ("domain", "username", "workstation"))
                self.assertEqual(f"{said.flags:#010x}", expect["flags"])
                self.assertEqual(said[1:4], tuple(names))
                self.assertEqual(said.lm_response.hex(), expect["lm_response_hex"])
                self.assertEqual(said.nt_response.hex(), expect["nt_response_hex"])
                sent = expect["encrypted_random_session_key_hex"]
                self.assertEqual(said.session_key.hex(), sent)
            case "av-pairs":
                pairs = messages.read_pairs(message)
                found = [
                    {"id": kind, "hex": value.hex()}
                    for kind, value in (*pairs.items(), (messages.EOL, b""))
                ]
                self.assertEqual(found, expect["pairs"])
                self.assertEqual(messages.write_pairs(pairs), message)

    def check_challenge(self, message: bytes, expect: Vector) -> None:
        said = messages.read_challenge(message)
        self.assertEqual(f"{said.flags:#010x}", expect["flags"])
        self.assertEqual(said.target_name, expect["target_name"])
        self.assertEqual(said.server_challenge.hex(), expect["server_challenge_hex"])
        *listed, end = expect["target_info"]
        self.assertEqual(end["id"], messages.EOL)
        pairs = messages.read_pairs(said.target_info or b"")
        self.assertEqual(list(pairs), [pair["id"] for pair in listed])
        for pair in listed:
            value = pairs[pair["id"]]
            if "hex" in pair:
                self.assertEqual(value.hex(), pair["hex"])
            else:
                self.assertEqual(value.decode("utf-16-le"), pair["text"])
        self.assertEqual(messages.read_challenge(messages.write_challenge(said)), said)


generated: set[str] = set()


def _method(vector: Vector) -> Any:
    def method(self: Any) -> None:
        self.check(vector)

    return method


def _add_tests() -> None:
    kinds = {"primitive": PrimitiveVectors, "codec": CodecVectors}
    for vector in VECTORS:
        if vector["kind"] in kinds and vector["id"] not in LEFT_OUT:
            generated.add(vector["id"])
            add_test(kinds[vector["kind"]], method_name(vector["id"]), _method(vector))


_add_tests()

if __name__ == "__main__":
    unittest.main()
