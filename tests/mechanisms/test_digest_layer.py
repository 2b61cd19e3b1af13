"""DIGEST-MD5 (RFC 2831, sections 2.3 and 2.4): what is agreed upon, and what it does."""

from __future__ import annotations

import copy
import hashlib
import pickle
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.mechanisms import _digest_messages as messages
from sasl_core.mechanisms._des_key import des_key
from sasl_core.mechanisms._digest_layer import DigestLayer

from .. import _accounts as accounts
from .._des import CBC, MAKERS
from ._both import client, reason, server
from ._digest import NAME, PROTECTED, exchange, policy, response


class LayerTest(unittest.TestCase):
    """What is agreed upon, and what goes through it."""

    def test_no_layer_by_default(self) -> None:
        """Neither offered nor taken."""
        asking, event, said = exchange(offered=policy("none", *PROTECTED))
        self.assertIn(
            b'qop="auth,auth-conf,auth-int",cipher="rc4",maxbuf=65536', said[0]
        )
        self.assertIsNone(asking.layer)
        self.assertIsNone(event.layer)
        with self.assertRaises(sasl.ProtocolError):
            exchange(offered=policy("integrity"))
        with self.assertRaises(sasl.ProtocolError):
            exchange(wanted=policy("integrity"))

    def test_the_clients_preference(self) -> None:
        """The first of the policy that the server has."""
        everything = policy("none", *PROTECTED, ciphers=MAKERS)
        for layers, ciphers, chosen in (
            (("confidentiality",), {"rc4-56": None}, "rc4-56"),
            (PROTECTED, MAKERS, "3des"),
            (("integrity", "confidentiality"), MAKERS, ""),
        ):
            wanted = policy(*layers, ciphers=ciphers)
            asking, event, _ = exchange(offered=everything, wanted=wanted)
            for layer in (asking.layer, event.layer):
                self.assertEqual(layer.cipher, chosen)
                self.assertEqual(layer.confidential, bool(chosen))
        with self.assertRaises(sasl.ProtocolError):  # no cipher in common
            exchange(
                offered=policy(*PROTECTED),
                wanted=policy("confidentiality", ciphers={"rc4-40": None}),
            )
        weaker = policy(*PROTECTED, ciphers={"rc4-40": None})
        asking, _, _ = exchange(offered=policy(*PROTECTED), wanted=weaker)
        self.assertFalse(asking.layer.confidential)

    def test_a_cipher_without_encryption(self) -> None:
        """Who names ciphers, and offers no use of them, means nothing by it."""
        challenge = b'nonce="n",algorithm=md5-sess,charset=utf-8,cipher="rc4",qop="%b"'
        for offered, chosen in ((b"auth", b"auth"), (b"auth-int,auth", b"auth-int")):
            asking = client(NAME, layers=("confidentiality", "integrity", "none"))
            answer = asking.step(challenge % offered)
            self.assertIn(b"qop=" + chosen, answer.split(b","))
            self.assertNotIn(b"cipher", answer)

    def test_what_a_client_chooses(self) -> None:
        """One quality and, with encryption only, one cipher: both were on offer."""
        offers = {
            ("none",): (b"auth",),
            ("integrity",): (b"auth-int",),
            ("confidentiality", "none"): (b"auth-conf", b"auth"),
        }
        for layers, taken in offers.items():
            for qop in (b"auth", b"auth-int", b"auth-conf"):
                for cipher in (b"rc4", b"des", b"RC4", b""):
                    asked = server(NAME, layers=layers, ciphers={"rc4": None})
                    challenge: Any = asked.start()
                    self.assertEqual(
                        b"cipher" in challenge.data, "confidentiality" in layers
                    )
                    nonce = messages.read_challenge(challenge.data).nonce
                    event: Any = asked.step(response(nonce, qop=qop, cipher=cipher))
                    right = qop != b"auth-conf" or cipher == b"rc4"
                    with self.subTest(layers, qop=qop, cipher=cipher):
                        if qop not in taken or not right:
                            self.assertIs(reason(event), sasl.Reason.MALFORMED)
                            continue
                        event = event.answer(accounts.PASSWORD)
                        used = event.layer and event.layer.cipher
                        expected = {b"auth": None, b"auth-int": "", b"auth-conf": "rc4"}
                        self.assertEqual(used, expected[qop])

    def test_every_cipher_both_ways(self) -> None:
        """Data of all sizes, in turns."""
        for cipher in ("", *MAKERS):
            words: dict[str, Any] = (
                {"ciphers": {cipher: MAKERS[cipher]}} if cipher else {}
            )
            both = policy(PROTECTED[0] if cipher else PROTECTED[1], **words)
            asking, event, _ = exchange(offered=both, wanted=both)
            mine, theirs = asking.layer, event.layer
            for size in (1, 7, 8, 100, 0, 9):
                data = bytes(range(size))
                with self.subTest(cipher, size=size):
                    self.assertEqual(theirs.unwrap(mine.wrap(data)), data)
                    self.assertEqual(mine.unwrap(theirs.wrap(data)), data)
            self.assertEqual(cipher == "", b"plain text" in mine.wrap(b"plain text"))

    def test_buffers(self) -> None:
        """Each side cuts its data to what the other can take."""
        for layer, ciphers in (
            (PROTECTED[0], {"3des": MAKERS["3des"]}),
            (PROTECTED[1], {}),
        ):
            words: dict[str, Any] = {"ciphers": ciphers} if ciphers else {}
            small = policy(layer, max_buffer=100, **words)
            large = policy(layer, **words)
            asking, event, _ = exchange(offered=small, wanted=large)
            octets = asking.layer.wrap(bytes(1000))
            self.assertEqual(event.layer.unwrap(octets), bytes(1000))
            self.assertLessEqual(int.from_bytes(octets[:4]), 100)
            self.assertEqual(event.layer.receive_size, 100)
            with self.assertRaises(sasl.ProtocolError):
                event.layer.unwrap((101).to_bytes(4))
        tiny = policy("integrity", max_buffer=17)
        asking, event, _ = exchange(offered=tiny, wanted=tiny)
        self.assertEqual(event.layer.unwrap(asking.layer.wrap(b"abc")), b"abc")

    def test_a_buffer_without_room(self) -> None:
        """None is longer than the peer takes, or the exchange fails, on either side."""
        both = {name: MAKERS[name] for name in ("des", "3des", "rc4")}
        for cipher, least in (("des", 22), ("3des", 22), ("rc4", 17)):
            maker = {cipher: MAKERS[cipher]}
            large = policy(PROTECTED[0], ciphers=both)
            for size in {17, least - 1, least} - {16}:
                small = policy(PROTECTED[0], ciphers=maker, max_buffer=size)
                with self.subTest(cipher, size=size):
                    if size < least:
                        with self.assertRaisesRegex(sasl.ProtocolError, "no room"):
                            exchange(offered=small, wanted=large)
                        _, event, _ = exchange(offered=large, wanted=small)
                        self.assertIs(reason(event), sasl.Reason.MALFORMED)
                        continue
                    asking, event, _ = exchange(offered=small, wanted=large)
                    octets = asking.layer.wrap(b"ab")
                    self.assertEqual(int.from_bytes(octets[:4]), size)
                    self.assertEqual(event.layer.unwrap(octets), b"ab")

    def test_every_change_is_noticed(self) -> None:
        """Of any octet, of the order, of the length; and it is the end."""
        for cipher in ("", "rc4", "des"):
            words: dict[str, Any] = (
                {"ciphers": {cipher: MAKERS[cipher]}} if cipher else {}
            )
            both = policy(PROTECTED[0] if cipher else PROTECTED[1], **words)
            asking, event, _ = exchange(offered=both, wanted=both)
            one, other = asking.layer.wrap(b"first"), asking.layer.wrap(b"second")
            changed = [
                one[:at] + bytes([one[at] ^ 1]) + one[at + 1 :]
                for at in range(4, len(one))
            ]
            body = one[4:]
            shorter = [body[:size] for size in range(len(body))]
            changed += [len(text).to_bytes(4) + text for text in shorter]
            for octets in (*changed, other, one + one):
                layer = copy.deepcopy(event.layer)
                with self.assertRaises(sasl.ProtocolError):
                    layer.unwrap(octets)
                self.assertTrue(layer.closed)
            self.assertEqual(event.layer.unwrap(one + other), b"firstsecond")
            with self.assertRaises(sasl.ProtocolError):
                event.layer.unwrap(event.layer.wrap(b"reflected"))

    def test_required(self) -> None:
        """Where the policy has no "none", what gives no layer is not run."""
        strict = sasl.Policy(allow=[NAME, "PLAIN"], layers=PROTECTED)
        channel = accounts.channel(NAME)
        self.assertEqual(sasl.offer(channel=channel, policy=strict), (NAME,))
        who = sasl.Credentials("user", "pencil")
        with self.assertRaisesRegex(sasl.NoMechanism, "no security layer"):
            sasl.client(["PLAIN"], who, channel=channel, policy=strict)
        with self.assertRaises(sasl.NoMechanism):
            sasl.server("PLAIN", channel=channel, policy=strict)

    def test_ciphers_are_checked(self) -> None:
        """A name that RFC 2831 lacks, a block cipher without its maker, none at all."""
        for ciphers in ({"aes": MAKERS["des"]}, {"3des": None}, {}):
            with self.subTest(ciphers), self.assertRaises(ValueError):
                policy(*PROTECTED, ciphers=ciphers)
        self.assertEqual(policy("integrity", ciphers={}).ciphers, ())

    def test_the_keys_of_every_cipher(self) -> None:
        """Of the first octets of H(A1), and which of their MD5 (section 2.4)."""
        for cipher, octets, blocks in (
            ("3des", 16, True),
            ("des", 16, True),
            ("rc4", 16, False),
            ("rc4-56", 7, False),
            ("rc4-40", 5, False),
        ):
            made = []

            def maker(key: bytes, iv: bytes, *, encrypt: bool, made: Any = made) -> Any:
                made.append((key, iv, encrypt))
                return mock.Mock()

            session_key = bytes(range(16))
            DigestLayer(
                session_key,
                is_client=True,
                cipher=cipher,
                maker=maker,
                send_size=100,
                receive_size=100,
            )
            for way, encrypt, found in (
                (b"client-to-server", True, made[0]),
                (b"server-to-client", False, made[1]),
            ):
                text = b"Digest H(A1) to %b sealing key magic constant" % way
                whole = hashlib.md5(session_key[:octets] + text).digest()
                key, iv = whole, b""
                if blocks:
                    count = 14 if cipher == "3des" else 7
                    halves = (whole[at : at + 7] for at in range(0, count, 7))
                    key, iv = b"".join(map(des_key, halves)), whole[8:]
                with self.subTest(cipher, encrypt=encrypt):
                    self.assertEqual(found, (key, iv, encrypt))

    def test_whole_blocks(self) -> None:
        """A cipher of blocks is given nothing else, and nothing that is too short."""

        class Blocks(CBC):
            def update(self, data: bytes, /) -> bytes:
                if not data or len(data) % 8:
                    raise ZeroDivisionError
                return super().update(data)

        both = policy(PROTECTED[0], ciphers={"des": Blocks})
        asking, event, _ = exchange(offered=both, wanted=both)
        for size in range(40):
            layer = copy.deepcopy(event.layer)
            with self.subTest(size), self.assertRaises(sasl.ProtocolError):
                layer.unwrap(size.to_bytes(4) + bytes(size))
        for data in (b"\1", b"\1\1", b"x\2\2", b"\x08" * 8, b"\x08" * 17, b"x" * 6):
            self.assertEqual(event.layer.unwrap(asking.layer.wrap(data)), data)

    def test_data_that_looks_like_padding(self) -> None:
        """What is not padded loses nothing."""
        both = policy(PROTECTED[0])
        asking, event, _ = exchange(offered=both, wanted=both)
        for data in (b"\1", b"x\1", b"\x08" * 8, b"\0"):
            self.assertEqual(event.layer.unwrap(asking.layer.wrap(data)), data)

    def test_rc4_of_somebody_else(self) -> None:
        """A maker of one's own is taken in place of what is built in."""
        made = []

        class Own:
            def __init__(self, key: bytes, iv: bytes, *, encrypt: bool) -> None:
                made.append((len(key), iv, encrypt))

            def update(self, data: bytes, /) -> bytes:
                return data

        both = policy("confidentiality", ciphers={"rc4-40": Own})
        asking, _, _ = exchange(offered=both, wanted=both)
        self.assertIn(b"open", asking.layer.wrap(b"open"))
        self.assertEqual(made, [(16, b"", True), (16, b"", False)] * 2)

    def test_keys_do_not_show(self) -> None:
        """Neither in text nor in a pickle."""
        both = policy(*PROTECTED)
        asking, _, _ = exchange(offered=both, wanted=both)
        self.assertEqual(
            repr(asking.layer),
            "DigestLayer(confidential=True, send_size=65508, receive_size=65536,"
            " closed=False)",
        )
        with self.assertRaises(TypeError):
            pickle.dumps(asking.layer)


if __name__ == "__main__":
    unittest.main()
