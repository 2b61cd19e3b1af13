"""Every example runs, and shows what it says."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import shutil
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

import sasl_core as sasl
from sasl_core import mechanisms

_ROOT = Path(__file__).parent.parent


class SubmissionTest(unittest.TestCase):
    """The main job: `python3 -m examples.submission`."""

    def run_it(self, **environment: str) -> str:
        """Run it as the README says; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "examples.submission"],
            cwd=_ROOT,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def check(self, shown: str) -> None:
        """It shows a login, a refusal and a trap, and no password."""
        self.assertIn("Both sides have proved", shown)
        self.assertIn("535 5.7.8", shown)
        self.assertIn("Caught: the server claimed success", shown)
        self.assertEqual(shown.count("octets of mail"), 1)
        self.assertNotIn("wonderland", shown.lower())

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl program")
    def test_with_tls(self) -> None:
        """The login is bound to the channel."""
        shown = self.run_it()
        self.check(shown)
        self.assertIn("by SCRAM-SHA-256-PLUS", shown)
        before, after = shown.split("everything is encrypted", 1)
        self.assertNotIn("PLAIN", before)
        self.assertIn("PLAIN", after)

    def test_without_openssl(self) -> None:
        """It says so, and goes on with what shows the password to nobody."""
        shown = self.run_it(PATH="")
        self.check(shown)
        self.assertIn("no openssl program", shown)
        self.assertIn("by SCRAM-SHA-256.", shown)
        self.assertNotIn("PLAIN", shown)


class WithoutAnybodyTest(unittest.TestCase):
    """Those that play both sides by themselves, in a process of their own."""

    def shown(self, name: str) -> str:
        """Run it as its first lines say; return what it printed."""
        docstring = (_ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
        self.assertIn(f"python3 -m examples.{name}", docstring)
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            runpy.run_module(f"examples.{name}", run_name="__main__")
        return shown.getvalue()

    def test_old_clients(self) -> None:
        """Each gets in; what can encrypt, does. `examples.old_clients`."""
        lines = self.shown("old_clients").splitlines()
        for line, name, layer in zip(
            lines,
            ("DIGEST-MD5", "NTLM", "OTP"),
            ("DigestLayer(confidential=True", "NtlmLayer(confidential=True", "None"),
            strict=True,
        ):
            self.assertTrue(line.startswith(f"{name}: b'+OK 0 0\\r\\n', by {layer}"))

    def test_misbehave(self) -> None:
        """No success is believed before it is due. `examples.misbehave`."""
        lines = self.shown("misbehave").splitlines()
        self.assertEqual(sum(line.endswith("none: believed") for line in lines), 4)
        lies = [line for line in lines if ": success: " in line]
        self.assertEqual(len(lies), 4)
        self.assertTrue(all("ServerNotAuthenticated" in line for line in lies))
        self.assertIn("SCRAM-SHA-256: noise: ProtocolError", "\n".join(lines))

    def test_xmpp_fast(self) -> None:
        """The second time by the token. `examples.xmpp_fast`."""
        self.assertEqual(
            self.shown("xmpp_fast"),
            "alice@example.org, by SCRAM-SHA-256.\n"
            "alice@example.org, by HT-SHA-512-NONE.\n",
        )


class CustomMechanismTest(unittest.TestCase):
    """A third party's mechanism is like any other."""

    def setUp(self) -> None:
        """Register it, for this test only."""
        with mock.patch.dict(mechanisms._registry):
            from examples import custom_mechanism
        registry = mechanisms._registry | {"X-PIN": custom_mechanism.facts}
        self.enterContext(mock.patch.dict(mechanisms._registry, registry))
        self.channel = sasl.Channel(True)

    def login(self, user: str, pin: str) -> sasl.Event:
        """Choose it among others, and use it."""
        client = sasl.client(
            ["LOGIN", "X-PIN"], sasl.Credentials(user, pin), channel=self.channel
        )
        self.assertEqual(client.name, "X-PIN")
        request = sasl.server("X-PIN", channel=self.channel).start(client.start())
        if isinstance(request, sasl.Failure):
            return request
        self.assertIsInstance(request, sasl.CheckPassword)
        event = request.answer((request.username, request.password) == ("a:b", "4711"))
        if isinstance(event, sasl.Success):
            client.finish()
        return event

    def test_right_and_wrong(self) -> None:
        """Both sides agree, and a wrong PIN is no login."""
        event = self.login("a:b", "4711")
        self.assertEqual(event.identity, sasl.Identity("a:b"))
        self.assertIs(self.login("a:b", "4712").reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertIs(self.login("a:b", "none").reason, sasl.Reason.MALFORMED)

    def test_it_obeys_the_rules(self) -> None:
        """Those that follow from its facts."""
        self.assertIn("X-PIN", sasl.offer(channel=self.channel))
        self.assertNotIn("X-PIN", sasl.offer(channel=sasl.Channel(False)))
        self.assertNotIn("X-PIN", sasl.offer(channel=self.channel, answers=()))
        with self.assertRaisesRegex(sasl.NoMechanism, "no password"):
            sasl.client("X-PIN", sasl.Credentials("a"), channel=self.channel)


class CompleteTest(unittest.TestCase):
    """No example is forgotten, and none that shows one thing grows long."""

    def test_all_are_run(self) -> None:
        """Each is named by a test, here or among those of its subject."""
        tests = "".join(
            path.read_text(encoding="utf-8")
            for path in (_ROOT / "tests").rglob("test_*.py")
        )
        for path in _examples():
            with self.subTest(path.stem):
                self.assertRegex(tests, rf"examples[. ].*\b{path.stem}\b")

    def test_they_say_how_to_run_them(self) -> None:
        """But for the one that is to be imported."""
        for path in _examples():
            if path.stem != "custom_mechanism":
                with self.subTest(path.stem):
                    text = path.read_text(encoding="utf-8").split('"""')[1]
                    self.assertIn(f"python3 -m examples.{path.stem}", text)

    def test_they_are_short(self) -> None:
        """At most 40 lines, but for the two that are whole programs."""
        for path in _examples():
            lines = path.read_text(encoding="utf-8").count("\n")
            if path.stem not in ("authd", "submission"):
                with self.subTest(path.stem):
                    self.assertLessEqual(lines, 40)


def _examples() -> list[Path]:
    return sorted((_ROOT / "examples").glob("[!_]*.py"))
