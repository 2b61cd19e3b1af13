"""No socket, no clock, no thread: what is imported, and by whom."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import textwrap
import unittest
from collections.abc import Iterator
from pathlib import Path

import sasl_core

_ROOT = Path(sasl_core.__file__).parent
_WORLD = ("socket", "_socket", "ssl", "_ssl", "asyncio", "select", "selectors")
_WORLD += ("threading", "subprocess", "multiprocessing", "concurrent", "signal")
_HEAVY = ("dataclasses", "typing", "re", "json", "base64", "secrets", "random")
_HEAVY += ("inspect", "logging", "decimal", "datetime", "urllib")

_DECIDED_BY_O = re.compile(r"\b(?:assert|__debug__)\b")

# Rooms where the world may be let in.
_OUTER = ("adapters", "backends", "protocols", "testing")


def modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter; return what it has loaded in the end."""
    script = f"import sys\nstart = set(sys.modules)\n{code}\n"
    script += "print('\\n'.join(set(sys.modules) - start))"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", script],
        cwd=_ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


_EXCHANGES = textwrap.dedent(
    """
    sys.path.insert(0, ".")
    import sasl_core as sasl
    from sasl_core import otp, profiles
    from sasl_core.mechanisms import find, registered
    from functools import partial
    from tests import _gss as gss
    from tests._x25519 import BASE, x25519

    types = ("tls-exporter", "tls-unique", "tls-server-end-point")
    bindings = [sasl.ChannelBinding(each, bytes(32)) for each in types]
    hashed = sasl.HashedToken("token")
    signature = bytes.fromhex("3006020101020101")
    keys = {"hashed_token": hashed, "signer": lambda challenge: signature}
    secret = bytes(range(32))
    keys["x25519"] = partial(x25519, secret)

    def settle(event, server):
        match event:
            case sasl.CheckPassword():
                return event.answer(True)
            case sasl.FindPassword():
                return event.answer("pencilpencil")
            case sasl.FindScramKeys(_, name):
                return event.answer(sasl.ScramKeys.derive("pencilpencil", name))
            case sasl.CheckToken():
                return event.answer("user")
            case sasl.AcceptSecurityContext():
                return event.answer(gss.acceptor(event, "pencil"))
            case sasl.FindOtp():
                return event.answer(otp.OtpState.derive("pencilpencil"))
            case sasl.CheckPasscode(asked=asked):
                return event.answer(asked == "pin" or sasl.PasscodePrompt("pin"))
            case sasl.ConsumeOtp():
                return event.answer(True)
            case sasl.BeginRedirect():
                return event.answer("https://h/")
            case sasl.FinishRedirect():
                return event.answer(sasl.Asserted("user", {"email": "a"}))
            case sasl.FindPublicKey():
                return event.answer(x25519(secret, BASE))
            case sasl.FindHashedTokens():
                return event.answer((hashed,))
            case sasl.UseHashedToken() | sasl.VerifySignature():
                return event.answer(True)
        raise SystemExit(f"unknown request {event}")

    for mechanism in registered():
        name = mechanism.name
        channel = sasl.Channel(
            True,
            service="smtp",
            host="h",
            external="user",
            bindings=bindings if mechanism.plus else [],
        )
        policy = sasl.Policy(allow=[name], x25519=x25519)
        facts = {"username": "user", "password": "pencilpencil", "token": "token"}
        facts |= {"provider": "https://h/", "prompt": lambda what, text: "1234"}
        facts |= keys
        if mechanism.external or mechanism.anonymous:
            facts = {}
        if not mechanism.needs.isdisjoint(("gss", "gss function")):
            facts = {"gss": gss.Maker("user", "pencil")}
        client = sasl.client(
            name, sasl.Credentials(**facts), channel=channel, policy=policy
        )
        server = sasl.server(name, channel=channel, policy=policy)
        event = server.start(client.start())
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.Request):
                event = settle(event, server)
            else:
                event = server.step(client.step(event.data))
        assert type(event) is sasl.Success, (name, event)
        client.finish(event.data)
        try:
            sasl.client(name, sasl.Credentials(), channel=channel)
        except sasl.SASLError:
            pass
    """
)


class ImportTest(unittest.TestCase):
    """What is loaded by an import, and by every exchange."""

    def assert_without(self, loaded: set[str], forbidden: tuple[str, ...]) -> None:
        """Check that none of these was loaded, nor a part of one."""
        found = {
            name
            for name in loaded
            for bad in forbidden
            if name == bad or name.startswith(bad + ".")
        }
        self.assertEqual(found, set())

    def test_the_package_alone(self) -> None:
        """It loads no mechanism, no protocol, nothing heavy, nothing of the world."""
        loaded = modules_after("sys.path.insert(0, '.')\nimport sasl_core")
        self.assertIn("sasl_core", loaded)
        self.assert_without(loaded, _WORLD + _HEAVY)
        inner = {name for name in loaded if name.startswith("sasl_core.mechanisms.")}
        self.assertEqual(inner, set())
        self.assert_without(loaded, tuple(f"sasl_core.{room}" for room in _OUTER))

    def test_every_exchange(self) -> None:
        """Both sides of every mechanism load nothing of the world."""
        loaded = modules_after(_EXCHANGES)
        self.assertIn("sasl_core.mechanisms.scram", loaded)
        self.assert_without(loaded, _WORLD)
        self.assert_without(loaded, tuple(f"sasl_core.{room}" for room in _OUTER))

    def test_the_check_can_fail(self) -> None:
        """A module that is loaded is seen."""
        with self.assertRaises(AssertionError):
            self.assert_without(modules_after("import socket"), _WORLD)


def core_files() -> Iterator[Path]:
    """Yield the files of the core: everything but the rooms that touch the world."""
    for path in sorted(_ROOT.rglob("*.py")):
        room = path.relative_to(_ROOT).parts[0]
        if room not in _OUTER and room != "__main__.py":
            yield path


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all that is in a file."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each module that a file imports, anywhere in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""


class SourceTest(unittest.TestCase):
    """What the core's files name."""

    @classmethod
    def tearDownClass(cls) -> None:
        nodes.cache_clear()

    def test_there_are_core_files(self) -> None:
        """The list is not empty, and the registry is in it."""
        self.assertIn(_ROOT / "mechanisms" / "__init__.py", list(core_files()))

    def test_no_world(self) -> None:
        """No clock, no randomness but os.urandom, no I/O, no thread, no log."""
        forbidden = {
            "time",
            "datetime",
            "random",
            "logging",
            "pathlib",
            "io",
            "tempfile",
        }
        forbidden |= set(_WORLD)
        for path in core_files():
            for line, name in imports(path):
                with self.subTest(f"{path.name}:{line}"):
                    self.assertNotIn(name.split(".")[0], forbidden)

    def test_os_is_for_randomness_only(self) -> None:
        """`os` is used for `os.urandom`, nothing else."""
        for path in core_files():
            for node in nodes(path):
                owner = getattr(node, "value", None)
                if isinstance(node, ast.Attribute) and isinstance(owner, ast.Name):
                    with self.subTest(f"{path.name}:{node.lineno}"):
                        self.assertTrue(owner.id != "os" or node.attr == "urandom")

    def test_no_file_is_opened(self) -> None:
        """No call of open, print, input, eval or exec."""
        for path in core_files():
            for node in nodes(path):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    with self.subTest(f"{path.name}:{node.lineno}"):
                        self.assertNotIn(
                            node.func.id, ("open", "print", "input", "eval", "exec")
                        )

    def test_no_assert_in_the_package(self) -> None:
        """`python -O` must change nothing."""
        for path in sorted(_ROOT.rglob("*.py")):
            words = _DECIDED_BY_O.findall(path.read_text(encoding="utf-8"))
            found = [
                node.lineno
                for node in (nodes(path) if words else ())  # not only in a comment
                if isinstance(node, ast.Assert)
                or (isinstance(node, ast.Name) and node.id == "__debug__")
            ]
            with self.subTest(path.name):
                self.assertEqual(found, [])

    def test_the_core_does_not_know_the_outer_rooms(self) -> None:
        """Imports point from the adapters inwards, never back."""
        for path in core_files():
            for node in nodes(path):
                if isinstance(node, ast.ImportFrom) and node.level:
                    with self.subTest(f"{path.name}:{node.lineno}"):
                        first = (node.module or "").split(".")[0]
                        self.assertNotIn(first, _OUTER)


if __name__ == "__main__":
    unittest.main()
