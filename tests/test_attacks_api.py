"""The property cases of `attacks/api.json`: one test for each, named after it."""

from __future__ import annotations

import copy
import gc
import itertools
import os
import pickle
import random
import re
import subprocess
import sys
import tracemalloc
import unittest
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import sasl_core as sasl
from sasl_core import Reason
from sasl_core._hashed_token import HT_NAMES
from sasl_core._saslprep import PrepError, saslprep
from sasl_core._strict import Malformed
from sasl_core._strict import base64 as strict_base64
from sasl_core._strict import integer as strict_integer
from sasl_core.mechanisms import registered
from sasl_core.otp import OtpState

from . import _gss as gss
from ._accounts import SIGNER
from ._data import attacks, ids, vectors
from ._drive import PROFILES, HashCalls, Store, hash_of
from ._x25519 import BASE, x25519

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent

# Cases that there is no code for yet.
LATER = {"API-33": "there is no authentication cache"}

USER, PASSWORD, TOKEN = "user-u", "secret-p", "token-t"
LONGER = PASSWORD + PASSWORD  # OTP takes no short ones
PROVIDER = "https://openid.example/"
HASHED_TOKEN = sasl.HashedToken("hashed-h")
BINDING = sasl.ChannelBinding("tls-exporter", b"the-octets-of-this-connection")
BINDINGS = (
    BINDING,
    *(
        sasl.ChannelBinding(each, BINDING.data)
        for each in ("tls-unique", "tls-server-end-point")
    ),
)
CHANNEL = sasl.Channel(
    encrypted=True,
    service="imap",
    host="mail.example.org",
    bindings=BINDINGS,
    external=USER,
)
NAMES = (
    "AMQPLAIN",
    "ANONYMOUS",
    "CRAM-MD5",
    "DIGEST-MD5",
    "ECDH-X25519-CHALLENGE",
    "ECDSA-NIST256P-CHALLENGE",
    "EXTERNAL",
    "GS2-KRB5",
    "GS2-KRB5-PLUS",
    "GSS-SPNEGO",
    "GSSAPI",
    *HT_NAMES,
    "LOGIN",
    "NTLM",
    "OAUTHBEARER",
    "OPENID20",
    "OTP",
    "PLAIN",
    "SAML20",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-224",
    "SCRAM-SHA-224-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-384",
    "SCRAM-SHA-384-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA3-512",
    "SCRAM-SHA3-512-PLUS",
    "SECURID",
    "SRP",
    "X-OAUTH2",
    "XOAUTH2",
)
SALT = b"salt" * 4
SECRET_KEY = b"a secret key of X25519, or thirt"


def credentials(name: str, user: str = USER) -> sasl.Credentials:
    """Return what a client has: a ticket only where it is for that."""
    ticket = gss.Maker(user, PASSWORD) if name.startswith("GS") else None
    return sasl.Credentials(
        user,
        LONGER if name == "OTP" else PASSWORD,
        token=TOKEN,
        trace="guest",
        gss=ticket,
        provider=PROVIDER,
        prompt=lambda _what, _text: None,
        hashed_token=HASHED_TOKEN,
        signer=SIGNER,
        x25519=partial(x25519, SECRET_KEY),
    )


def nonce(name: str) -> bytes:
    """Return a nonce that is no secret; ECDH's is three things."""
    return b"abcd" * (24 if name.startswith("ECDH-") else 8)


class Pair:
    """A client and a server of one mechanism that agree, and what the server knows."""

    def __init__(
        self,
        name: str,
        *,
        user: str = USER,
        profile: sasl.Profile = sasl.profiles.BASE64,
        nonce: bytes | None = None,
    ) -> None:
        self.client = sasl.client(
            name,
            credentials(name, user),
            channel=CHANNEL,
            policy=sasl.Policy(allow=[name]),
            profile=profile,
            nonce=nonce,
        )
        self.server = new_server(name, profile=profile, nonce=nonce)
        keys = {}
        if name.startswith("SCRAM"):
            keys[user] = sasl.ScramKeys.derive(PASSWORD, hash_of(name), salt=SALT)
        self.store = Store(
            {user: PASSWORD},
            keys=keys,
            tokens={TOKEN: user},
            contexts=lambda request: gss.acceptor(request, PASSWORD),
            one_time={user: OtpState.derive(LONGER, sequence=20)},
            providers={PROVIDER: user},
            hashed_tokens={user: (HASHED_TOKEN,)},
            verify=lambda name, challenge, signature: (
                (name, signature) == (user, SIGNER(challenge))
            ),
            public_keys={user: x25519(SECRET_KEY, BASE)},
        )
        self.sent: list[bytes] = []

    def run(self) -> Any:
        """Play the whole exchange; return the last event."""
        *_, last = self.events()
        return last

    def events(self) -> Iterator[Any]:
        """Play the exchange; yield each event before it is acted on."""
        event: Any = self.server.start(self.client.start())
        while True:
            yield event
            if isinstance(event, sasl.Request):
                event = self.store.settle(event)
            elif isinstance(event, sasl.Challenge):
                self.sent.append(self.client.step(event.data))
                event = self.server.step(self.sent[-1])
            else:
                break
        if isinstance(event, sasl.Success):
            self.client.finish(event.data)


def new_server(
    name: str,
    *,
    profile: sasl.Profile = sasl.profiles.BASE64,
    nonce: bytes | None = None,
) -> sasl.Server:
    """Make a server of one mechanism."""
    return sasl.server(
        name,
        channel=CHANNEL,
        policy=sasl.Policy(allow=[name], x25519=x25519),
        profile=profile,
        nonce=nonce,
    )


def asked(name: str, message: bytes) -> Any:
    """Return the request that a server raises for a raw first message."""
    server = new_server(name, profile=sasl.profiles.RAW)
    server.start()
    return server.step(message)


def used(name: str) -> Any:
    """Return the request that a server raises once it has found the token."""
    message = Pair(name, profile=sasl.profiles.RAW).client.start()
    return asked(name, message or b"").answer((HASHED_TOKEN,))


def verified(name: str) -> Any:
    """Return the request that a server raises for a signature."""
    server = new_server(name, profile=sasl.profiles.RAW)
    server.start(b"user")
    return server.step(SIGNER(bytes(32)))


REQUESTS: dict[type[sasl.Request], Callable[[], Any]] = {
    sasl.CheckPassword: lambda: asked("PLAIN", b"\0user\0secret-p"),
    sasl.FindPassword: lambda: asked("CRAM-MD5", b"user " + b"0" * 32),
    sasl.FindScramKeys: lambda: asked("SCRAM-SHA-256", b"n,,n=user,r=abc"),
    sasl.FindHashedTokens: lambda: asked("HT-SHA-256-NONE", b"user\0\0" + bytes(32)),
    sasl.UseHashedToken: lambda: used("HT-SHA-256-NONE"),
    sasl.VerifySignature: lambda: verified("ECDSA-NIST256P-CHALLENGE"),
    sasl.FindPublicKey: lambda: asked("ECDH-X25519-CHALLENGE", b"user"),
    sasl.CheckToken: lambda: asked("XOAUTH2", b"user=u\x01auth=Bearer token-t\x01\x01"),
    sasl.FindOtp: lambda: asked("OTP", b"\0user"),
    sasl.CheckPasscode: lambda: asked("SECURID", b"\0user\0secret-p\0"),
    sasl.BeginRedirect: lambda: asked("SAML20", b"n,,example.org"),
    sasl.Authorize: lambda: asked("PLAIN", b"boss\0user\0secret-p").answer(True),
}
TAKE_TEXT = (sasl.CheckToken, sasl.FindPassword)


def of(keys: sasl.ScramKeys) -> Iterator[str]:
    """Yield the ways in which stored keys could be shown."""
    for octets in (keys.stored_key, keys.server_key):
        yield repr(octets)[2:-1]
        yield octets.hex()


def reachable(*roots: object) -> list[object]:
    """Return the library's own objects that can be reached from these."""
    found: dict[int, object] = {}
    queue = list(roots)
    while queue:
        item = queue.pop()
        ours = type(item).__module__.startswith("sasl_core")
        if id(item) in found or not (ours or isinstance(item, (list, tuple, dict))):
            continue
        found[id(item)] = item
        queue += gc.get_referents(item)
    return list(found.values())


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and all that hang on it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def raised(call: Callable[..., Any], *args: Any) -> BaseException:
    """Return what a call raises; fail if it raises nothing."""
    try:
        call(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


class ShownTest(unittest.TestCase):
    """What objects and exceptions show."""

    def test_API_01_no_object_shows_a_secret(self) -> None:
        """Every object, in every state of every mechanism, hides what is secret."""
        for name in NAMES:
            hidden = [
                PASSWORD,
                TOKEN,
                HASHED_TOKEN.token,
                BINDING.data.decode(),
                *self._proofs(name),
            ]
            pair = Pair(name, nonce=nonce(name))
            hidden += [secret for key in pair.store.keys.values() for secret in of(key)]
            for event in pair.events():
                items = reachable(
                    pair.client, pair.server, event, CHANNEL, pair.store.keys
                )
                for item in items:
                    if isinstance(item, (sasl.Challenge, sasl.Success)):
                        continue  # what they show goes over the wire
                    for secret in hidden:
                        self.assertNotIn(secret, f"{item!r}{item!s}{item}", type(item))

    def _proofs(self, name: str) -> Iterator[str]:
        """Yield what proves something in an exchange with this nonce."""
        pair = Pair(name, profile=sasl.profiles.RAW, nonce=nonce(name))
        said = [getattr(event, "data", None) or b"" for event in pair.events()]
        for message in [*said, *pair.sent]:
            for proof in re.findall(rb"(?:^v=|,p=)(.+)", message):
                yield proof.decode()
                yield repr(b64decode(proof))[2:-1]

    def test_API_02_no_exception_shows_a_secret(self) -> None:
        """Neither text, arguments, notes nor chained exceptions hold a secret."""
        for call in self._raising():
            for error in chain(raised(call)):
                told = [str(error), repr(error.args), *getattr(error, "__notes__", ())]
                told.append(repr(vars(error)))
                told.append(repr(getattr(error, "object", "")))
                for text in told:
                    self.assertNotIn("pass-w", text, type(error))
                    self.assertNotIn("tok-en", text, type(error))

    def _raising(self) -> Iterator[Callable[[], Any]]:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            for bad in ("pass-w\0", "pass-w\ud800", "pass-w\x07\0", "pass-w\u0221\x07"):
                yield lambda n=name, b=bad: self._use(n, sasl.Credentials("u", b))
        for bad in ("tok-en\x01", "tok-en\r\n", "tok-en\u00e9", "tok-en\ud800"):
            for name in ("XOAUTH2", "OAUTHBEARER"):
                yield lambda n=name, b=bad: self._use(n, sasl.Credentials("u", token=b))
        yield lambda: sasl.ScramKeys.derive("pass-w\x07")
        yield lambda: sasl.ScramKeys.derive("pass-w\ud800")
        yield lambda: sasl.ScramKeys.parse("SCRAM-SHA-256$4096:pass-w$pass-w:pass-w")
        yield lambda: sasl.ScramKeys("sha256", b"pass-w", 0, b"pass-w", b"pass-w")

    def _use(self, name: str, credentials: sasl.Credentials) -> None:
        client = sasl.client(name, credentials, channel=CHANNEL, nonce=b"abcd" * 8)
        client.start()
        client.step(b"cj1hYmNkZWYscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==")
        if name in ("PLAIN", "LOGIN", "CRAM-MD5"):  # took what it could carry
            raise sasl.StateError

    def test_API_04_nothing_secret_is_pickled(self) -> None:
        """Exchanges and credentials refuse; a deep copy works, and is documented."""
        for name in NAMES:
            pair = Pair(name)
            for item in (pair.client, pair.server):
                with self.assertRaises(TypeError):
                    pickle.dumps(item)
                self.assertIsNot(copy.deepcopy(item), item)
                self.assertIn("deep-copied, never pickled", type(item).__doc__ or "")
        with self.assertRaises(TypeError):
            pickle.dumps(sasl.Credentials(USER, PASSWORD))
        for kind, make in REQUESTS.items():
            with self.assertRaises(TypeError, msg=kind):
                pickle.dumps(make())


class OnceTest(unittest.TestCase):
    """One exchange per object."""

    def test_API_05_no_second_exchange_after_success(self) -> None:
        """Everything after success is a StateError."""
        for name in NAMES:
            pair = Pair(name)
            self.assertIsInstance(pair.run(), sasl.Success)
            self._assert_closed(pair.client, pair.server)

    def test_API_06_no_second_exchange_after_failure(self) -> None:
        """Everything after failure is a StateError."""
        for name in NAMES:
            pair = Pair(name)
            pair.server.start(pair.client.start())
            self.assertIsInstance(pair.server.abort(), sasl.Failure)
            with self.assertRaises(sasl.SASLError):
                pair.client.step(b"?")
            self._assert_closed(pair.client, pair.server)

    def _assert_closed(self, client: sasl.Client, server: sasl.Server) -> None:
        calls: list[Callable[[], Any]] = [
            client.start,
            client.finish,
            lambda: client.finish(b""),
            server.start,
        ]
        for text in (b"", b"=", b"*", b"!", b"QUJD", b"A" * 65537):
            calls.append(partial(client.step, text))
            calls.append(partial(server.start, text))
            calls.append(partial(server.step, text))
        for call in calls:
            with self.assertRaises(sasl.StateError):
                call()

    def test_API_07_no_identity_before_success(self) -> None:
        """The identity is on the Success and nowhere else."""
        for name in NAMES:
            for event in Pair(name).events():
                has = hasattr(event, "identity")
                self.assertEqual(has, isinstance(event, sasl.Success))
            self.assertFalse(hasattr(new_server(name), "identity"))


class AnswersTest(unittest.TestCase):
    """What an application answers."""

    def test_API_09_only_the_promised_type_is_an_answer(self) -> None:
        """A truthy value of another type is a StateError and a closed exchange."""

        async def coroutine() -> bool:
            return True

        wrong = ["false", 1, 1.0, object(), mock.Mock(), [True], b"yes", {"ok": True}]
        for kind, make in REQUESTS.items():
            pending = coroutine()
            for answer in [*wrong, pending]:
                if isinstance(answer, str) and kind in TAKE_TEXT:
                    continue
                with self.subTest(kind=kind.__name__, answer=type(answer).__name__):
                    request = make()
                    self.assertIsInstance(request, kind)
                    with self.assertRaises(sasl.StateError):
                        request.answer(answer)
                    with self.assertRaises(sasl.StateError):
                        request.answer(True)
            pending.close()

    def test_API_10_a_verifier_that_raises_is_a_temporary_failure(self) -> None:
        """Its exception passes by; the request can still be settled, without secrets."""
        for make in REQUESTS.values():
            request = make()
            try:
                raise ConnectionError("the database is gone")
            except ConnectionError as error:
                event = request.unavailable(str(error))
            self.assertEqual(
                event, sasl.Failure(Reason.UNAVAILABLE, "the database is gone")
            )
            with self.assertRaises(sasl.StateError):
                request.answer(True)

    def test_API_11_none_is_no_yes(self) -> None:
        """None ends in a failure or is no answer at all."""
        for kind in (sasl.CheckPassword, sasl.CheckToken, sasl.Authorize):
            with self.assertRaises(sasl.StateError):
                REQUESTS[kind]().answer(None)
        pair = Pair("SCRAM-SHA-256")
        pair.store.keys = {}
        self.assertEqual(pair.run().reason, Reason.BAD_CREDENTIALS)

    def test_API_34_the_whole_name_is_compared(self) -> None:
        """The same local part in another domain is somebody else."""
        request = asked("PLAIN", b"admin@b.example\0admin@a.example\0secret-p")
        event = request.answer(True)
        self.assertIsInstance(event, sasl.Authorize)
        self.assertEqual(
            (event.authcid, event.authzid), ("admin@a.example", "admin@b.example")
        )


class InterpreterTest(unittest.TestCase):
    """Things that must not depend on how Python is run."""

    def test_API_12_no_assert_guards_anything(self) -> None:
        """The library passes its vectors under -O; test_purity finds no assert in it."""
        suites = [
            f"tests.test_{name}" for name in ("vectors", "vectors_parts", "attacks")
        ]
        command = [sys.executable, "-O", "-m", "unittest", "-q", *suites]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])

    def test_API_13_secrets_are_compared_in_constant_time(self) -> None:
        """Each side that checks a proof calls compare_digest."""
        expected = {"CRAM-MD5": 1} | dict.fromkeys(
            (name for name in NAMES if name.startswith("SCRAM")),
            2,  # the server's StoredKey, the client's ServerSignature
        )
        for name, times in expected.items():
            pair = Pair(name)
            with HashCalls() as calls:
                self.assertIsInstance(pair.run(), sasl.Success)
            self.assertEqual(calls.names.count("compare_digest"), times, name)

    def test_API_14_an_unknown_user_costs_the_same(self) -> None:
        """Unknown user and wrong password make the same hash calls in the server."""
        for name in ("CRAM-MD5", *(n for n in NAMES if n.startswith("SCRAM"))):
            costs = []
            for user in (USER, "somebody-else"):
                pair = Pair(name)
                pair.store.passwords = {user: "another"}
                if pair.store.keys:
                    other = sasl.ScramKeys.derive("another", hash_of(name), salt=SALT)
                    pair.store.keys = {user: other}
                costs.append(self._cost(pair))
            self.assertEqual(costs[0], costs[1], name)
            self.assertNotIn("pbkdf2_hmac", costs[0])

    def _cost(self, pair: Pair) -> list[str]:
        cost = []
        with HashCalls() as calls:
            event: Any = pair.server.start(pair.client.start())
        while not isinstance(event, sasl.Failure):
            cost += calls.names
            response = None
            if isinstance(event, sasl.Challenge):
                response = pair.client.step(event.data)
            with HashCalls() as calls:
                if response is None:
                    event = pair.store.settle(event)
                else:
                    event = pair.server.step(response)
        self.assertIs(event.reason, Reason.BAD_CREDENTIALS)
        return cost + calls.names

    def test_API_15_threads_do_not_disturb_each_other(self) -> None:
        """A thousand exchanges in eight threads end each with its own identity."""

        def one(number: int) -> bool:
            user = f"user-{number}"
            name = ("PLAIN", "CRAM-MD5", "LOGIN", "XOAUTH2")[number % 4]
            success = Pair(name, user=user).run()
            return bool(success.identity == sasl.Identity(user))

        with ThreadPoolExecutor(8) as pool:
            self.assertEqual(sum(pool.map(one, range(1000))), 1000)

    def test_API_15_one_object_gives_one_result_to_two_threads(self) -> None:
        """Of two threads that step one object, one gets a StateError."""
        for _ in range(50):
            request = REQUESTS[sasl.CheckPassword]()
            with ThreadPoolExecutor(2) as pool:
                calls = [pool.submit(request.answer, True) for _ in range(2)]
            errors = [call.exception() for call in calls]
            self.assertEqual([type(e) for e in errors].count(sasl.StateError), 1)

    def test_API_18_nonces_are_fresh(self) -> None:
        """A thousand are distinct, and no seed of `random` repeats them."""
        for name in ("CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
            drawn: list[bytes] = []
            with mock.patch("random.random", return_value=0.5):
                for _ in range(2):
                    random.seed(0)
                    drawn += [self._nonce(name) for _ in range(500)]
            self.assertEqual(len(set(drawn)), 1000, name)
            self.assertGreaterEqual(min(map(len, drawn)), 16)

    def _nonce(self, name: str) -> bytes:
        if name == "CRAM-MD5":
            return new_server(name).start().data
        client = sasl.client(name, sasl.Credentials(USER, PASSWORD), channel=CHANNEL)
        mine = b64decode(client.start() or b"").partition(b"r=")[2]
        request = asked(name, b"n,,n=user,r=" + mine)
        both = request.answer(None).data.split(b",")[0]
        self.assertGreaterEqual(len(both), len(mine) + 18)
        return bytes(both)


class ArgumentsTest(unittest.TestCase):
    """Arguments of the wrong type, and too much of the right one."""

    def test_API_20_str_for_bytes_changes_nothing(self) -> None:
        """It is a TypeError, after which the exchange goes on."""
        for name in NAMES:
            pair = Pair(name)
            text: Any = "text"
            for call in (pair.client.step, pair.client.finish):
                with self.assertRaises(TypeError):
                    call(text)
            for call in (pair.server.start, pair.server.step):
                with self.assertRaises(TypeError):
                    call(text)
            self.assertIsInstance(pair.run(), sasl.Success)

    def test_API_20_bytes_for_str_are_refused(self) -> None:
        """Credentials are text: octets are a TypeError, whatever the mechanism."""
        wrong: Any
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2"):
            for wrong in ((b"user", PASSWORD), (USER, b"secret-p")):
                with self.subTest(name=name, wrong=wrong), self.assertRaises(TypeError):
                    client = sasl.client(
                        name,
                        sasl.Credentials(*wrong, token=TOKEN),
                        channel=CHANNEL,
                        nonce=b"abc",
                    )
                    client.start()

    def test_API_21_no_layer_is_there(self) -> None:
        """No mechanism has negotiated a layer, on either side, at any time."""
        for name in NAMES:
            pair = Pair(name)
            for event in pair.events():
                self.assertIsNone(pair.client.layer)
                self.assertIsNone(getattr(event, "layer", None))

    def test_API_22_too_long_messages_are_not_looked_at(self) -> None:
        """One octet over the limit fails at every waiting point, without copies."""
        too_long = b"A" * 65537
        for name, profile in itertools.product(NAMES, PROFILES):
            with self.subTest(name=name, profile=profile.name):
                for turns in itertools.count():
                    pair = Pair(name, profile=profile)
                    if not self._waits_for_client(pair, turns):
                        break
                    with self._no_copies():
                        event = pair.server.step(too_long)
                    self.assertEqual(event.reason, Reason.TOO_LONG)
                with self._no_copies(), self.assertRaises(sasl.ProtocolError):
                    Pair(name, profile=profile).client.step(too_long)

    def _waits_for_client(self, pair: Pair, turns: int) -> bool:
        event: Any = pair.server.start(None)
        response = pair.client.start()
        for _ in range(turns):
            if response is None or not isinstance(event, sasl.Challenge):
                response = pair.client.step(event.data)
            event = pair.store.settle(pair.server.step(response))
            response = None
            if not isinstance(event, sasl.Challenge):
                return False
        return True

    def _no_copies(self) -> Any:
        return _Traced(self, 65536)


class _Traced:
    """Hold a block to a peak of memory."""

    def __init__(self, test: unittest.TestCase, limit: int) -> None:
        self.test, self.limit = test, limit

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, kind: object, *_: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        if kind is None:
            self.test.assertLess(peak, self.limit)


class HelpersTest(unittest.TestCase):
    """The strict readers."""

    def test_API_23_integers_are_decimal_ascii_digits(self) -> None:
        """Every other spelling that `int` would take is refused."""
        for good, value in ((b"0", 0), (b"7", 7), (b"4096", 4096), (b"65535", 65535)):
            self.assertEqual(strict_integer(good, 0, 65535), value)
        wrong = [b"", b"+1", b"-1", b" 1", b"1 ", b"1\n", b"4_096", b"0x10", b"1.0"]
        wrong += ["\u0664\u0660".encode(), "\uff11".encode(), b"1e3", b"1\0", b"007"]
        wrong += [b"65536", b"9" * 5000, b"00"]
        for text in wrong:
            with self.assertRaises(Malformed):
                strict_integer(text, 0, 65535)
        with self.assertRaises(Malformed):
            strict_integer(b"0", 1, 65535)

    def test_API_24_one_text_for_each_message(self) -> None:
        """What decodes is what encoding gives: tried on every short text."""
        profile = sasl.profiles.BASE64
        alphabet = b"AQg=-/ \n\0*"
        for size in range(6):
            for letters in itertools.product(alphabet, repeat=size):
                text = bytes(letters)
                try:
                    decoded = strict_base64(text)
                except Malformed:
                    continue
                self.assertEqual(profile.encode(decoded), text)

    def test_API_24_every_message_has_a_text(self) -> None:
        """What is encoded is decoded again."""
        for size in range(64):
            message = os.urandom(size)
            self.assertEqual(
                strict_base64(sasl.profiles.BASE64.encode(message)), message
            )

    def test_API_25_saslprep_is_of_unicode_3_2(self) -> None:
        """The RFC's examples hold, and later Unicode changes nothing."""
        given = [v for v in vectors("saslprep") if "rfc4013" in v["id"]]
        self.assertGreaterEqual(len(given), 5)  # run in test_vectors
        self.assertEqual(saslprep("\u0221", stored=False), "\u0221")
        for later in ("\u0221", "\u1e9e", "\U0001f600"):  # of Unicode 4.0, 5.1, 6.1
            with self.assertRaises(PrepError):
                saslprep(later)
        # Corrigendum 4 came after 3.2: the mapping of that time stays.
        self.assertEqual(saslprep("\U0002f868"), "\U0002136a")

    def test_API_25_bidi_is_checked_on_mapped_text(self) -> None:
        """What is mapped to nothing neither breaks nor saves the rule."""
        self.assertEqual(saslprep("\u0627\u00ad"), "\u0627")
        self.assertEqual(saslprep("\u00ad\u0627"), "\u0627")
        with self.assertRaises(PrepError):
            saslprep("\u0627\u2168")  # becomes IX


class ChoosingTest(unittest.TestCase):
    """Which mechanism, and whether to try another."""

    def test_API_29_the_choice_is_our_own(self) -> None:
        """Order, case, repetition and junk in the server's list change nothing."""
        names = ["PLAIN", "scram-sha-256", "LOGIN", "Scram-Sha-1", "CRAM-MD5"]
        junk = ["", "X-UNKNOWN", "PLAIN\r\nX", "A" * 5000, "\u017fCRAM-SHA-512", "\0"]
        channel = sasl.Channel(encrypted=True)
        mine = sasl.Credentials(USER, PASSWORD)
        for order in itertools.permutations(names):
            offered = [*junk, *order, *order]
            client = sasl.client(offered, mine, channel=channel)
            self.assertEqual(client.name, "SCRAM-SHA-256")

    def test_API_29_a_refusal_shows_no_junk(self) -> None:
        """Names that are none do not get into the exception's text."""
        with self.assertRaises(sasl.NoMechanism) as caught:
            sasl.client(
                ["PLAIN\r\n250 OK", "A" * 5000],
                sasl.Credentials(USER, PASSWORD),
                channel=CHANNEL,
            )
        self.assertNotRegex(str(caught.exception), "[\r\n]|AAAA")

    def test_API_30_wrong_credentials_end_the_attempts(self) -> None:
        """Only what is not about the credentials may be tried another way."""
        another = {
            Reason.UNSUPPORTED,
            Reason.UNEXPECTED_INITIAL,
            Reason.TOO_WEAK,
            Reason.ENCRYPTION_NEEDED,
            Reason.TRANSITION_NEEDED,
            Reason.UNAVAILABLE,
        }
        for reason in Reason:
            error = Pair("PLAIN").client.refused(reason)
            self.assertEqual(error.try_another, reason in another, reason)


class CompletenessTest(unittest.TestCase):
    """Every case has a test, or stands in the table with the reason."""

    def test_every_case_has_a_test(self) -> None:
        """No case is passed over in silence."""
        done = set()
        for kind in list(globals().values()):
            if isinstance(kind, type) and issubclass(kind, unittest.TestCase):
                for name in dir(kind):
                    if found := re.match(r"test_(API)_(\d+)_", name):
                        done.add("-".join(found.groups()))
        known = ids(attacks("api"))
        self.assertEqual(done | LATER.keys(), known)
        self.assertEqual(done & LATER.keys(), set())

    def test_every_mechanism_is_run(self) -> None:
        """The names above are all that the library has."""
        self.assertEqual(sorted(m.name for m in registered()), sorted(NAMES))


if __name__ == "__main__":
    unittest.main()
