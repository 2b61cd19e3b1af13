"""Bearer tokens (RFC 6750), as OAUTHBEARER and XOAUTH2 share them."""

from __future__ import annotations

import base64
import unittest

import sasl_core as sasl
from sasl_core._strict import Malformed
from sasl_core.mechanisms import _oauth as oauth

from .._hypothesis import given, st

_TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)


class TokenTest(unittest.TestCase):
    """Visible ASCII, and nothing around it."""

    @given(_TOKENS, st.sampled_from(["Bearer", "bearer", "BEARER"]), st.integers(1, 3))
    def test_written_and_read(self, token: str, scheme: str, spaces: int) -> None:
        """The scheme is in any case, with a space or more."""
        auth = scheme.encode() + b" " * spaces + oauth.write_token(token)
        self.assertEqual(oauth.read_token(auth), token)

    @given(st.text())
    def test_nothing_else_is_written(self, token: str) -> None:
        """What would be read otherwise, or not at all, is not sent."""
        try:
            octets = oauth.write_token(token)
        except ValueError:
            return
        self.assertEqual(oauth.read_token(b"Bearer " + octets), token)

    @given(st.binary(max_size=30))
    def test_nothing_but_malformed(self, auth: bytes) -> None:
        """Any octets."""
        for text in (auth, b"Bearer " + auth):
            try:
                token = oauth.read_token(text)
            except Malformed:
                continue
            self.assertTrue(
                token.isascii() and token.isprintable() and " " not in token
            )


if __name__ == "__main__":
    unittest.main()


class RefusedTest(unittest.TestCase):
    """A token that was refused stays refused, however the client takes it."""

    def refused(self) -> sasl.Server:
        """Return a server that has told why it refused."""
        server = sasl.server("XOAUTH2", channel=sasl.Channel(encrypted=True))
        message = base64.b64encode(b"user=u\x01auth=Bearer t\x01\x01")
        event = server.start(message).deny()
        self.assertIsInstance(event, sasl.Challenge)
        return server

    def test_whatever_follows(self) -> None:
        """An answer, a cancel, garbage, too much, or nothing: the audit sees a refusal."""
        for response in (b"", b"AQ==", b"*", b"!", b"A" * 65540):
            with self.subTest(response[:4]):
                event = self.refused().step(response)
                self.assertEqual(
                    event,
                    sasl.Failure(sasl.Reason.BAD_CREDENTIALS, "the token was refused"),
                )
        event = self.refused().abort()
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    def test_an_abort_before(self) -> None:
        """Is no refusal."""
        server = sasl.server("XOAUTH2", channel=sasl.Channel(encrypted=True))
        self.assertIs(server.abort().reason, sasl.Reason.ABORTED)
