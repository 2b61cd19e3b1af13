"""The public names are frozen, documented, and all there."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import sasl_core as sasl
from sasl_core import mechanisms, profiles
from sasl_core.backends import Unavailable

# To take a name away is to break other people's code: this list only grows.
PUBLIC = [
    "AcceptSecurityContext",
    "Advertised",
    "Asserted",
    "AuthenticationError",
    "Authorize",
    "BeginRedirect",
    "Challenge",
    "Channel",
    "ChannelBinding",
    "CheckPasscode",
    "CheckPassword",
    "CheckToken",
    "Client",
    "Confirm",
    "ConsumeOtp",
    "Credentials",
    "CredentialsError",
    "Event",
    "Failure",
    "FindHashedTokens",
    "FindOtp",
    "FindPassword",
    "FindPublicKey",
    "FindScramKeys",
    "FinishRedirect",
    "HashedToken",
    "Identity",
    "NoMechanism",
    "PasscodePrompt",
    "Policy",
    "Profile",
    "ProtocolError",
    "Reason",
    "Request",
    "SASLError",
    "SaveScramKeys",
    "ScramClientKeys",
    "ScramKeys",
    "Server",
    "ServerNotAuthenticated",
    "StateError",
    "Success",
    "TokenError",
    "UseHashedToken",
    "VerifySignature",
    "client",
    "offer",
    "profiles",
    "server",
]
PROFILES = [
    "AMQP",
    "BASE64",
    "IMAP",
    "IRC",
    "LDAP",
    "LMTP",
    "MANAGESIEVE",
    "NNTP",
    "POP3",
]
PROFILES += ["POSTGRESQL", "RAW", "SMTP", "XMPP"]
MECHANISMS = ["SATISFIED", "Asking", "ClientRecord", "Malformed", "Mechanism"]
MECHANISMS += ["ServerRecord", "find", "is_name", "register", "registered"]

# The words that docstrings of functions begin with: a new one is a decision.
VERBS = {"Add", "Answer", "Begin", "Compute", "Derive", "End", "Hash", "Make", "Raise"}
VERBS |= {"Read", "Return", "Say", "Take", "Tell", "Write", "Check", "Decode", "Encode"}
VERBS |= {"Refuse", "Prepare", "Combine", "Wait", "Whether", "Never", "Replace", "Keep"}
VERBS |= {"Wrap", "Unwrap", "Send", "Look", "Parse", "Format", "Run", "Give", "Ask"}
VERBS |= {"Close", "Split", "Escape", "Unescape", "Count", "Choose", "Offer", "Import"}


def modules() -> Iterator[ModuleType]:
    """Yield the package and each of its modules, but for what would run on import."""
    yield sasl
    for found in pkgutil.walk_packages(sasl.__path__, "sasl_core."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def members(thing: type) -> Iterator[tuple[str, Any]]:
    """Yield the public functions and properties that a class defines itself."""
    for name, value in vars(thing).items():
        if not name.startswith("_"):
            value = getattr(value, "__func__", value)  # noqa: PLW2901
            if isinstance(value, property) or inspect.isfunction(value):
                yield f"{thing.__name__}.{name}", value


def documented() -> Iterator[tuple[str, Any]]:
    """Yield all that a user can call."""
    for module in (sasl, mechanisms):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value):
                yield from members(value)
            elif inspect.isfunction(value):
                yield name, value


class ExportTest(unittest.TestCase):
    """What `from sasl_core import *` gives."""

    def test_the_names_are_frozen(self) -> None:
        """Nothing is taken away; what is added is added here, too."""
        self.assertEqual(sasl.__all__, PUBLIC)
        self.assertEqual(sasl.__all__, sorted(sasl.__all__, key=_isort))

    def test_the_names_of_submodules_are_frozen(self) -> None:
        """The registry's and the profiles'."""
        self.assertEqual(mechanisms.__all__, MECHANISMS)
        self.assertEqual(sorted(profiles.__all__), sorted([*PROFILES, "Profile"]))

    def test_every_name_is_there(self) -> None:
        """`__all__` promises nothing that does not exist."""
        for module in modules():
            for name in getattr(module, "__all__", ()):
                with self.subTest(f"{module.__name__}.{name}"):
                    self.assertTrue(hasattr(module, name))

    def test_nothing_public_is_left_out(self) -> None:
        """A name without an underscore that a module itself defines is in __all__."""
        for module in (mechanisms, profiles):
            for name, value in vars(module).items():
                mine = getattr(value, "__module__", None) == module.__name__
                mine |= isinstance(value, sasl.Profile)
                if mine and not name.startswith("_"):
                    with self.subTest(f"{module.__name__}.{name}"):
                        self.assertIn(name, module.__all__)

    def test_tracebacks_name_what_is_imported(self) -> None:
        """Not the module where an exception happens to be written."""
        errors = [getattr(sasl, name) for name in sasl.__all__]
        errors = [one for one in errors if isinstance(one, type)]
        errors = [one for one in errors if issubclass(one, Exception)]
        self.assertEqual({one.__module__ for one in errors}, {"sasl_core"})
        self.assertEqual(len(errors), 7)
        self.assertEqual(Unavailable.__module__, "sasl_core.backends")

    def test_the_version(self) -> None:
        """It has three numbers."""
        self.assertRegex(sasl.__version__, r"\A\d+\.\d+\.\d+\Z")

    def test_types_are_shipped(self) -> None:
        """The package says that it is typed, and holds its licence."""
        root = Path(sasl.__file__).parent
        self.assertTrue((root / "py.typed").exists())
        self.assertIn("MIT", (root / "LICENSE").read_text(encoding="utf-8"))


def _isort(name: str) -> tuple[bool, str]:
    return name[0].islower(), name


class DocstringTest(unittest.TestCase):
    """Every public thing says what it does."""

    def test_modules(self) -> None:
        """Every module, private ones too, begins with its idea."""
        for module in modules():
            with self.subTest(module.__name__):
                self.assertTrue((module.__doc__ or "").strip())

    def test_classes(self) -> None:
        """Every public class has its own docstring."""
        for module in (sasl, mechanisms):
            for name in module.__all__:
                value = getattr(module, name)
                if inspect.isclass(value):
                    with self.subTest(name):
                        self.assertTrue(vars(value).get("__doc__"))

    def test_functions_begin_with_a_verb(self) -> None:
        """Every public function, method and property says what it does first."""
        for name, value in documented():
            with self.subTest(name):
                words = (value.__doc__ or "").split()
                self.assertTrue(words, "no docstring")
                self.assertIn(words[0].rstrip(".,:"), VERBS)

    def test_docstrings_are_short(self) -> None:
        """One to ten lines; a class may need a few more for its fields."""
        for name, value in documented():
            with self.subTest(name):
                self.assertLessEqual(len(inspect.getdoc(value).splitlines()), 10)


if __name__ == "__main__":
    unittest.main()
