"""The SMTP password of Amazon SES: the published ones, and what is refused."""

from __future__ import annotations

import base64
import io
import ssl
import unittest
from contextlib import redirect_stdout
from typing import Any
from unittest import mock

import sasl_core as sasl
from examples import amazon_ses
from sasl_core.ses import smtp_password

from ._accounts import Application
from ._data import vectors
from ._leaks import shown
from .adapters._loopback import Case, Server, needs_tls

KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class VectorTest(unittest.TestCase):
    """Every vector of the file."""

    def derive(self, vector: dict[str, Any]) -> str:
        """Derive the password of a vector; one without a version is of the newest."""
        inputs = dict(vector["inputs"])
        return smtp_password(
            inputs.pop("secret_access_key"), inputs.pop("region"), **inputs
        )

    def test_all(self) -> None:
        """A password as printed, its shape, or a refusal."""
        self.assertGreaterEqual(len(vectors("ses")), 10)
        for vector in vectors("ses"):
            with self.subTest(vector["id"]):
                if vector["polarity"] == "negative":
                    with self.assertRaises(ValueError):
                        self.derive(vector)
                    continue
                self.check(self.derive(vector), vector["expect"])

    def check(self, password: str, expect: dict[str, Any]) -> None:
        """Compare with what is printed, as far as it goes."""
        octets = base64.b64decode(password, validate=True)
        self.assertEqual(
            password, expect.get("smtp_password", password), "another password"
        )
        self.assertEqual(octets.hex(), expect.get("octets_hex", octets.hex()))
        self.assertEqual(len(octets), expect.get("decoded_length", 33))
        self.assertEqual(octets[0], expect.get("first_octet", octets[0]))
        self.assertEqual(len(password), expect.get("text_length", 44))


class RefusalTest(unittest.TestCase):
    """What would give a password that never works is refused."""

    def refuse(
        self, key: Any, *region: Any, error: type[Exception] = ValueError, **words: Any
    ) -> None:
        """Check that it raises, and that the error shows no key."""
        try:
            smtp_password(key, *region, **words)
        except error as raised:
            for where, text in shown(raised):
                self.assertNotIn(KEY[:12], text, where)
        else:
            self.fail("nothing was raised")

    def test_keys(self) -> None:
        """Empty ones, the end of a line, blanks, what is not ASCII."""
        self.assertTrue(smtp_password("!~", "us-east-1"))
        behind = ("\n", " ", "\0", "\x7f", "é")
        for key in ("", f"\t{KEY}", *(KEY + char for char in behind)):
            with self.subTest(key):
                self.refuse(key, "us-east-1")
                self.refuse(key, None, version=2)

    def test_regions(self) -> None:
        """Names of hosts, upper case, blanks, digits of another script, nothing."""
        for region in (
            *(
                None,
                "",
                "us",
                "us-1",
                "us-east",
                "us-east-",
                "-us-east-1",
                "us--east-1",
            ),
            *("US-EAST-1", "us-east-1 ", "us-east-1\n", "us_east_1", "us-east-a"),
            *(
                "email-smtp.us-east-1",
                "us-east-1.amazonaws.com",
                "us-east-\N{ARABIC-INDIC DIGIT ONE}",
            ),
        ):
            with self.subTest(region):
                self.refuse(KEY, region)

    def test_regions_of_every_partition(self) -> None:
        """Those with a word more, too."""
        made = {
            smtp_password(KEY, region)
            for region in (
                *("us-east-1", "ap-southeast-7", "us-gov-west-1", "cn-north-1"),
                *("us-isob-east-1", "eusc-de-east-1", "il-central-1"),
            )
        }
        self.assertEqual(len(made), 7)

    def test_versions(self) -> None:
        """Two were published; the older one knows no region."""
        for version in (0, 1, 3, 5, True, -4, "4", None):
            with self.subTest(version):
                self.refuse(KEY, "us-east-1", version=version)
                self.refuse(KEY, None, version=version)
        self.refuse(KEY, "us-east-1", version=2)

    def test_types(self) -> None:
        """Octets are no text, and a region is not guessed."""
        for arguments in ((KEY.encode(), "us-east-1"), (None, "us-east-1"), (KEY, 1)):
            with self.subTest(arguments):
                self.refuse(*arguments, error=TypeError)


class ExampleTest(Case):
    """`examples.amazon_ses`, at a server that offers what Amazon's does."""

    def send(self, password: str) -> tuple[Server, str]:
        """Run it at a server that knows a password; return what it printed."""
        serving, trusting = needs_tls()
        server = self.serve(
            tls=serving,
            starttls=True,
            require_auth=True,
            policy=sasl.Policy(allow=["PLAIN", "LOGIN"]),
            answer=Application(username="AKIDEXAMPLE", password=password).settle,
        )
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": KEY}
        names = ("us-east-1", "a@example.org", "b@example.org")
        with (
            mock.patch.dict("os.environ", keys),
            mock.patch.object(ssl, "create_default_context", return_value=trusting),
            redirect_stdout(io.StringIO()) as out,
        ):
            amazon_ses.main(*names, host="localhost", port=server.port)
        return server, out.getvalue()

    def test_a_mail_is_sent(self) -> None:
        """By the derived password, over TLS."""
        server, shown = self.send("BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9")
        self.assertEqual(shown, "Sent, after a login by PLAIN.\n")
        mailbox = server.wait()
        self.assertTrue(mailbox.session.channel.encrypted)
        self.assertIn(b"Subject: Hello from SES\r\n", mailbox.message)

    def test_the_key_itself_is_no_password(self) -> None:
        """It is never shown to the server."""
        with self.assertRaises(sasl.AuthenticationError):
            self.send(KEY)


if __name__ == "__main__":
    unittest.main()
