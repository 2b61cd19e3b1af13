"""Every vector of SRP: numbers, the arithmetic, and an exchange of an older draft."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import _srp_math as math
from sasl_core._strict import Malformed

from ._data import add_test, ids, method_name, octets, vectors

if TYPE_CHECKING:
    Vector = dict[str, Any]

VECTORS = vectors("srp")
# RFC 5054, appendix A: too small to be run here, but good to compute with.
N1024 = int(
    "EEAF0AB9ADB38DD69C33F80AFA8FC5E86072618775FF3C0B9EA2314C9C256576D674DF7496EA81D3"
    "383B4813D692C6E0E0D5D8E250B98BE48E495C1D6089DAD15DC7D7B46154D6B6CE8EF4AD69B15D49"
    "82559B297BCF1885C529F566660E57EC68EDBC3C05726CC02FD4CBF4976EAA9AFD5138FE8376435B"
    "9FC61D2FC0EB06E3",
    16,
)


class SrpVectors(unittest.TestCase):
    """One method for each vector."""

    def check_mpi(self, vector: Vector) -> None:
        """Numbers, both ways."""
        written = bytes.fromhex(vector["inputs"]["hex"])
        reader = math.Reader(math.buffer(written))
        if vector["polarity"] == "negative":
            self.assertRaises(Malformed, reader.mpi, "N")
            return
        found = int.from_bytes(reader.mpi("N"))
        reader.end()
        self.assertEqual(found, vector["expect"]["value"])
        self.assertEqual(math.mpi(found), written)

    def check_arithmetic(self, vector: Vector) -> None:
        """SRP-6a differs from the draft's SRP-6 in k, and pads g and u's numbers."""
        inputs, expect = vector["inputs"], vector["expect"]
        a, b = (int(inputs[key], 16) for key in ("a_hex", "b_hex"))
        k = int(expect["k_hex"], 16)
        size = (N1024.bit_length() + 7) // 8
        padded = math.G.to_bytes(size)
        self.assertEqual(math.H(math.octets_of(N1024), padded).hex(), expect["k_hex"])
        username, password = (inputs[key].encode() for key in ("username", "password"))
        x = math.secret(username, password, bytes.fromhex(inputs["salt_hex"]))
        self.assertEqual(x, int(expect["x_hex"], 16))
        v = math.verifier(x, N1024)
        self.assertEqual(v, int(expect["v_hex"], 16))
        a_public = pow(math.G, a, N1024)
        self.assertEqual(a_public, int(expect["A_hex"], 16))
        b_public = math.server_public(v, b, N1024, k)
        self.assertEqual(b_public, int(expect["B_hex"], 16))
        u = math.scrambler(*(number.to_bytes(size) for number in (a_public, b_public)))
        self.assertEqual(u, int(expect["u_hex"], 16))
        session = int(expect["premaster_secret_hex"], 16)
        self.assertEqual(math.client_session(b_public, x, a, u, N1024, k), session)
        self.assertEqual(math.server_session(a_public, v, u, b, N1024), session)

    def check_refused(self, vector: Vector) -> None:
        """A that is 0 modulo N would make the session 0, whatever the password is.

        Ours takes no A from N on, so that 0 alone is left, and that has no octets.
        """
        self.assertEqual(int(vector["inputs"]["A_hex"], 16) % N1024, 0)
        for number in (0, math.N2048, 2 * math.N2048):
            one = sasl.server(
                "SRP",
                channel=sasl.Channel(True),
                policy=sasl.Policy(allow=["SRP"]),
                profile=sasl.profiles.RAW,
            )
            names = (math.text(name) for name in (b"user", b"user", b""))
            event: Any = one.start(math.buffer(*names, math.short(b"")))
            event.answer("pencil")
            elements = math.mpi(number), math.short(bytes(20)), math.text(b"mda=SHA-1")
            event = one.step(math.buffer(*elements, math.short(b"")))
            self.assertIs(event.reason, sasl.Reason.MALFORMED)

    def check_older_draft(self, vector: Vector) -> None:
        """The elements are read as they are named; the draft says itself that the
        messages are not those of its section 4, and so they are refused.
        """
        derived = vector["derived"]
        first, group, public, answer, proof = map(octets, vector["messages"])
        reader = math.Reader(first)
        self.assertEqual((reader.text(), reader.text()), (b"test", b"test"))
        reader.end()
        reader = math.Reader(group)
        modulus, generator = (int.from_bytes(reader.mpi(what)) for what in "Ng")
        self.assertEqual((modulus, generator), (math.N2048, derived["g"]))
        self.assertEqual(reader.short().hex(), derived["salt_hex"])
        self.assertEqual(reader.text().decode(), derived["options_offered"])
        reader.end()
        reader = math.Reader(public)
        self.assertEqual(int.from_bytes(reader.mpi("A")), int(derived["A_hex"], 16))
        self.assertEqual(reader.text().decode(), derived["options_chosen"])
        self.assertEqual(math.Reader(answer).mpi("B").hex(), derived["B_hex"])
        self.assertEqual(math.Reader(proof).short().hex(), derived["M1_hex"])
        one = sasl.server(
            "SRP",
            channel=sasl.Channel(True),
            policy=sasl.Policy(allow=["SRP"]),
            profile=sasl.profiles.RAW,
        )
        self.assertIs(one.start(first).reason, sasl.Reason.MALFORMED)


_CHECKS = {
    "srp-draft-08-s7.5-layout": "older_draft",
    "srp-6a-rfc5054-b": "arithmetic",
    "srp-neg-a-zero": "refused",
}


def _method(vector: Vector) -> Any:
    check = _CHECKS.get(vector["id"], "mpi")

    def method(self: SrpVectors) -> None:
        getattr(self, f"check_{check}")(vector)

    return method


for _vector in VECTORS:
    add_test(SrpVectors, method_name(_vector["id"]), _method(_vector))


class CompletenessTest(unittest.TestCase):
    """Every vector is run."""

    def test_the_table_is_not_stale(self) -> None:
        """What it names is there."""
        self.assertLessEqual(set(_CHECKS), ids(VECTORS))


if __name__ == "__main__":
    unittest.main()
