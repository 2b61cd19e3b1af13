"""The readers of SCRAM's messages: what they return, for any input."""

from __future__ import annotations

import base64
import contextlib
import unittest

from sasl_core._strict import Malformed
from sasl_core.mechanisms import _scram_messages as messages

from .._hypothesis import given, st

_VALUE = st.text(st.characters(codec="ascii", exclude_characters=",\0"), min_size=1)
_NONCE = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","),
    min_size=1,
    max_size=30,
)


class ReadTest(unittest.TestCase):
    """Well-formed messages come apart as they were put together."""

    @given(_VALUE, _NONCE)
    def test_client_first(self, name: str, nonce: str) -> None:
        """Name still escaped, nonce."""
        found = messages.client_first_bare(f"n={name},r={nonce}".encode())
        self.assertEqual(found, (name.encode(), nonce.encode()))

    @given(_NONCE, st.binary(min_size=1, max_size=40), st.integers(1, 10_000))
    def test_server_first(self, nonce: str, salt: bytes, count: int) -> None:
        """Nonce, salt, count within the window."""
        text = base64.b64encode(salt).decode()
        message = f"r={nonce},s={text},i={count}".encode()
        found = messages.server_first(message, (1, 10_000))
        self.assertEqual(found, (nonce.encode(), salt, count))
        for window in ((count + 1, count + 9), (0, count - 1)):
            with self.assertRaises(Malformed):
                messages.server_first(message, window)

    @given(st.binary(max_size=40))
    def test_client_final(self, proof: bytes) -> None:
        """What was signed, and the proof; an extension belongs to what was signed."""
        text = base64.b64encode(proof)
        for without in (b"c=biws,r=x", b"c=biws,r=x,a=b,z=y"):
            found = messages.client_final(without + b",p=" + text, b"c=biws", b"r=x")
            self.assertEqual(found, (without, proof))

    @given(st.binary(min_size=1, max_size=40))
    def test_server_final(self, verifier: bytes) -> None:
        """A verifier or an error, never both."""
        text = base64.b64encode(verifier)
        self.assertEqual(messages.server_final(b"v=" + text), (verifier, ""))
        self.assertEqual(messages.server_final(b"v=" + text + b",x=y"), (verifier, ""))
        self.assertEqual(messages.server_final(b"e=other"), (b"", "other"))
        with self.assertRaises(Malformed):
            messages.server_final(b"v=" + text + b",e=other")


class LimitTest(unittest.TestCase):
    """How long values may be, where they stand, and whose the nonce is."""

    def test_nonces(self) -> None:
        """Up to 1024 octets."""
        messages.client_first_bare(b"n=user,r=" + b"x" * 1024)
        messages.server_first(b"r=" + b"x" * 1024 + b",s=QQ==,i=1", (1, 9))
        with self.assertRaises(Malformed):
            messages.client_first_bare(b"n=user,r=" + b"x" * 1025)
        with self.assertRaises(Malformed):
            messages.server_first(b"r=" + b"x" * 1025 + b",s=QQ==,i=1", (1, 9))

    def test_places(self) -> None:
        """Another attribute in the place of a salt or a count is none."""
        for message in (b"r=x,a=QQ==,i=1", b"r=x,s=QQ==,a=1", b"r=x,i=1,s=QQ=="):
            with self.subTest(message), self.assertRaises(Malformed):
                messages.server_first(message, (1, 9))

    def test_another_nonce(self) -> None:
        """Longer, shorter, or another; not even if what follows looks well."""
        for nonce in (b"xaYa=b", b"xaY", b"x", b"", b"yb", b"yb,a=b"):
            message = b"c=biws,r=" + nonce + b",p=QQ=="
            with self.subTest(nonce), self.assertRaises(Malformed):
                messages.client_final(message, b"c=biws", b"r=xa")


class ExtensionTest(unittest.TestCase):
    """Extensions: a letter, "=", a value; each letter once."""

    def read(self, extensions: bytes) -> None:
        """Read them behind a client-first message."""
        messages.client_first_bare(b"n=user,r=x," + extensions)

    def test_good(self) -> None:
        """Any letters but those taken, in any order, with any value."""
        for text in (b"a=b", b"z=1,a=2", b"A=x,a=x", b"x==", b"x=a=b", "x=é".encode()):
            self.read(text)

    def test_all_letters(self) -> None:
        """Every letter once is well-formed, one more is not."""
        letters = [chr(code) for code in (*range(65, 91), *range(97, 123))]
        free = [letter for letter in letters if letter not in "mnr"]
        self.read(",".join(f"{letter}=v" for letter in free).encode())
        with self.assertRaises(Malformed):
            self.read(",".join(f"{letter}=v" for letter in [*free, "a"]).encode())

    def test_bad(self) -> None:
        """Everything else."""
        for text in (
            b"",
            b",",
            b"a",
            b"a=",
            b"=b",
            b"1=b",
            b"ab=c",
            b"a=b,",
            b"a=b,,c=d",
            b"a=b,a=c",
            b"n=b",
            b"r=b",
            b"m=b",
            b"a=\0",
            b"a=\xff",
            b"\xc3\xa9=b",
            b"_=b",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                self.read(text)

    @given(st.binary(max_size=60))
    def test_nothing_but_malformed(self, message: bytes) -> None:
        """Any octets, for every reader."""
        for head in (
            b"",
            b"n=user,r=x,",
            b"r=x,s=QQ==,i=1,",
            b"c=biws,r=x,",
            b"v=QQ==,",
        ):
            for read in (
                messages.client_first_bare,
                lambda text: messages.server_first(text, (1, 9)),
                lambda text: messages.client_final(text, b"c=biws", b"r=x"),
                messages.server_final,
            ):
                with contextlib.suppress(Malformed):
                    read(head + message)


if __name__ == "__main__":
    unittest.main()
