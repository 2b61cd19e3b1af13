"""The public names of all other rooms are frozen and documented, too."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import unittest
from collections.abc import Iterator
from types import ModuleType

import sasl_core as sasl
from sasl_core import adapters, backends, protocols, records

from .test_exports import VERBS, members

# As in test_exports: to take a name away is to break other people's code.
_BOTH_SIDES = "Action Attempts ClientSession Command Reply ServerSession reason_of"
_OF_LINES = f"{_BOTH_SIDES} Authentication mechanisms"
_VERDICTS = "Refused Verified"
NAMES = {
    "adapters.aioimaplib": "authenticate login",
    "adapters.aiosmtpd": "AuthHandler",
    "adapters.aiosmtplib": "authenticate login",
    "adapters.authd": "Service",
    "adapters.blocking": "authenticate serve",
    "adapters.checkpassword": f"{_VERDICTS} run verify",
    "adapters.cryptography": "des signer verify x25519",
    "adapters.dovecot": "BlockingDelegate Delegate",
    "adapters.gssapi": "acceptor initiator",
    "adapters.imapclient": "authenticate login",
    "adapters.imaplib": "authenticate login",
    "adapters.ldap3": "authenticate login mechanisms",
    "adapters.poplib": "authenticate login",
    "adapters.saslauthd": f"{_VERDICTS} verify verify_async",
    "adapters.slixmpp": "login",
    "adapters.smtplib": "authenticate login",
    "adapters.socketserver": "RequestHandler",
    "adapters.spnego": "Context acceptor initiator",
    "adapters.streams": "authenticate serve",
    "backends": """Account Application AsyncApplication Population ThreadedStore Unavailable
        Upgrade correlation_id set_password set_password_async""",
    "backends.audit": """AuditEvent LineFile Lines Outcome Several ToLogging cef json_line
        leef splunk_hec""",
    "backends.bind": "LdapBind LdapSearch",
    "backends.checked": "Checked CheckedStore by_verdict",
    "backends.hashed_tokens": "HashedTokens",
    "backends.htpasswd": "Htpasswd",
    "backends.kerberos": "KerberosCheck",
    "backends.ldap": "REFUSALS LdapStore",
    "backends.memory": "MemoryStore",
    "backends.oauth": """AsyncTokens Introspection Tokens from_joserfc from_pyjwt post""",
    "backends.pam": "PamCheck",
    "backends.passwd": "PasswdFile",
    "backends.senders": "Domain Map Own PostfixMaps Regex Rule Senders",
    "backends.sql": "ACCOUNTS DELETE FIND INSERT UPDATE SqlStore schema",
    "backends.throttle": """AsyncRedisState AsyncThrottle Limit MemoryState RedisState
        SqliteState Throttle Ticket""",
    "protocols": "ClientBase ServerBase",
    "protocols.checkpassword": f"""{_VERDICTS} ACCEPTED LIMIT MISUSED REFUSED UNAVAILABLE
        Input begin exit_code read verdict write""",
    "protocols.dovecot": f"""{_VERDICTS} Action Answer ClientSession Continue Fields
        FindUser Found Login Logins LookedUp MasterClient MasterServer Outcome Question
        Reply ServerSession TooLong""",
    "protocols.forwarding": f"{_VERDICTS} Continue Forward forwarded",
    "protocols.imap": f"""{_OF_LINES} ResponseBuffer capabilities response_code
        takes_initial""",
    "protocols.irc": f"{_BOTH_SIDES} Message",
    "protocols.ldap": f"{_BOTH_SIDES} Authentication for_server",
    "protocols.nntp": f"{_OF_LINES} takes_passwords",
    "protocols.pop3": f"{_OF_LINES} APOP find_timestamp response_code",
    "protocols.postgresql": f"{_BOTH_SIDES} MECHANISMS READY error message",
    "protocols.quirks": "KNOWN NO_INITIAL_RESPONSE OPENING_TEXT Quirk for_host",
    "protocols.saslauthd": f"{_VERDICTS} ClientSession Reply ServerSession",
    "protocols.sasl2": "NAMESPACE STREAM ClientSession Element ServerSession issued",
    "protocols.sieve": f"{_OF_LINES} read_reply response_code",
    "protocols.smtp": f"""{_OF_LINES} READY TIMED_OUT LineBuffer read_identity
        write_identity""",
    "protocols.xmpp": "NAMESPACE ClientSession Element ServerSession reason_of",
    "records": """ITERATIONS CramMd5Secret Digest DigestMd5Secret EcdsaPublicKey ForeignHash
        Hashed NtHash OtpState Pbkdf2 Plaintext PublicKey ScramKeys Scrypt
        Secret SrpVerifier Unverifiable X25519PublicKey derive ejabberd
        mongodb parse passlib prosody weak""",
    "records.verifiers": "from_argon2 from_bcrypt from_crypt from_passlib",
    "ses": "smtp_password",
}
# What drives something begins with these words as well.
_VERBS = VERBS | {"Authenticate", "Be", "Bind", "Fail", "Forget", "Go", "Listen", "Log"}
_VERBS |= {"Charge", "Precompute", "Put", "Serve", "Set", "Yield"}


def rooms() -> Iterator[str]:
    """Yield the public modules of the rooms, what rooms show themselves, and ses."""
    yield from ("backends", "protocols", "records")
    for room in (adapters, backends, protocols, records):
        for found in pkgutil.iter_modules(room.__path__):
            if not found.name.startswith("_"):
                yield f"{room.__name__}.{found.name}".removeprefix("sasl_core.")
    yield "ses"


def imported(name: str) -> ModuleType:
    """Import one of them."""
    return importlib.import_module(f"{sasl.__name__}.{name}")


def documented() -> Iterator[tuple[str, object]]:
    """Yield all that a user can call, and the properties."""
    for room in NAMES:
        module = imported(room)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value):
                for member, function in members(value):
                    yield f"{room}.{member}", function
            elif inspect.isfunction(value):
                yield f"{room}.{name}", value


class Rooms(unittest.TestCase):
    def test_the_names_are_frozen(self) -> None:
        self.assertEqual(sorted(rooms()), sorted(NAMES))
        for name, frozen in NAMES.items():
            with self.subTest(name):
                public = imported(name).__all__
                self.assertEqual(sorted(public), sorted(frozen.split()))

    def test_they_are_in_order(self) -> None:
        """Constants, classes, functions, as the linter sorts them."""
        for name in NAMES:
            with self.subTest(name):
                public = imported(name).__all__
                self.assertEqual(public, sorted(public, key=_isort))

    def test_nothing_public_is_left_out(self) -> None:
        """A class or function without an underscore that a module itself defines."""
        for name in NAMES:
            module = imported(name)
            for each, value in vars(module).items():
                callable_here = inspect.isclass(value) or inspect.isfunction(value)
                mine = callable_here and value.__module__ == module.__name__
                if mine and not each.startswith("_"):
                    with self.subTest(f"{name}.{each}"):
                        self.assertIn(each, module.__all__)

    def test_classes_are_documented(self) -> None:
        for name in NAMES:
            module = imported(name)
            for each in module.__all__:
                value = getattr(module, each)
                if inspect.isclass(value):
                    with self.subTest(f"{name}.{each}"):
                        self.assertTrue(vars(value).get("__doc__"))

    def test_functions_begin_with_a_verb(self) -> None:
        """A property says what it is."""
        for name, value in documented():
            with self.subTest(name):
                words = (value.__doc__ or "").split()
                self.assertTrue(words, "no docstring")
                if not isinstance(value, property):
                    self.assertIn(words[0].rstrip(".,:"), _VERBS)

    def test_docstrings_are_short(self) -> None:
        """One to ten lines."""
        for name, value in documented():
            with self.subTest(name):
                self.assertLessEqual(len(inspect.getdoc(value).splitlines()), 10)


def _isort(name: str) -> tuple[int, str]:
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name
