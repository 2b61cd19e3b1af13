"""No secret shows: in a repr, an error, a traceback, or to who measures."""

from __future__ import annotations

import ast
import base64
import gc
import sys
import unittest
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import _digest_math as digest_math
from sasl_core.mechanisms import _ntlm_math as ntlm_math
from sasl_core.mechanisms import find

from . import _accounts as accounts
from .test_states import LINES, NASTY, framed

_PACKAGE = Path(sasl.__file__).parent
PASSWORD, TOKEN = accounts.PASSWORD, accounts.TOKEN


def _forms(octets: bytes) -> Iterator[str]:
    """Yield the ways in which octets get into a log."""
    yield repr(octets)[2:-1]
    yield octets.hex()
    for shift in range(3):  # as a part of a longer base64 text
        text = base64.b64encode(bytes(shift) + octets).decode()
        yield text[4 if shift else 0 : len(text) - 4]


def _secret_octets() -> Iterator[bytes]:
    yield PASSWORD.encode()
    yield TOKEN.encode()
    for hash_name in ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3_512"):
        client_keys = sasl.ScramClientKeys.derive(
            PASSWORD, hash_name, iterations=accounts.ITERATIONS, salt=accounts.SALT
        )
        yield client_keys.client_key
        yield client_keys.stored_key
        yield client_keys.server_key
    yield from _older_secrets()


def _older_secrets() -> Iterator[bytes]:
    """Yield what DIGEST-MD5 and NTLM derive from the password."""
    entry = accounts.TABLE["DIGEST-MD5"]
    secret = digest_math.secret(accounts.USER, accounts.HOST, PASSWORD)
    nonces = entry.server_nonce or b"", entry.client_nonce or b""
    uri = f"imap/{accounts.HOST}".encode()
    yield secret
    yield digest_math.digests(secret, *nonces, None, b"auth", uri)[0]
    yield ntlm_math.ntowf_v1(PASSWORD)


SECRETS = tuple(
    {form for octets in _secret_octets() for form in _forms(octets) if len(form) >= 4}
)


def leaks(text: str) -> list[str]:
    """Return the secrets that a text shows."""
    return [secret for secret in SECRETS if secret in text]


def reachable(root: Any) -> Iterator[Any]:
    """Yield every object of the library that can be reached from one."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType)):
            continue
        seen.add(id(thing))
        ours = type(thing).__module__.startswith("sasl_core")
        if ours:
            yield thing
        if ours or isinstance(thing, (list, tuple, dict, set, frozenset)):
            waiting.extend(gc.get_referents(thing))


class ReprTest(unittest.TestCase):
    """No object of the library, in any state, shows a secret."""

    def assert_hidden(self, thing: Any) -> None:
        """Check every way in which an object becomes text."""
        text = f"{thing!r}\n{thing!s}\n{thing}\n{thing!a}"
        self.assertEqual(leaks(text), [], f"{type(thing)} shows a secret")

    def test_the_detector_works(self) -> None:
        """A secret is recognised in the forms that logs have."""
        for text in (
            "password='pencil'",
            repr(b"\0user\0pencil"),
            base64.b64encode(b"\0user\0pencil").decode(),
            base64.b64encode(b"user=x\1auth=Bearer %b\1\1" % TOKEN.encode()).decode(),
            repr(accounts.keys(PASSWORD, "sha256").stored_key),
            accounts.keys(PASSWORD, "sha256").format(),
        ):
            self.assertTrue(leaks(text), text)

    def test_every_state_of_every_exchange(self) -> None:
        """Clients, servers, requests, and the private records inside them."""
        for point in accounts.points():
            things = list(reachable(point.waiting))
            self.assertGreater(len(things), 1)
            with self.subTest(str(point.name), method=point.method):
                for thing in things:
                    self.assert_hidden(thing)

    def test_every_event(self) -> None:
        """What a server returns; a challenge shows what went over the wire anyway."""
        for point in accounts.points():
            if isinstance(point.waiting, sasl.Client):
                continue
            machine = point.copy()
            event = getattr(machine, point.method)(*point.honest)
            with self.subTest(str(point.name), method=point.method):
                self.assert_hidden(event)

    def test_the_values(self) -> None:
        """What applications keep."""
        keys = accounts.keys(PASSWORD, "sha256")
        client_keys = sasl.ScramClientKeys.derive(
            PASSWORD, "sha256", iterations=accounts.ITERATIONS, salt=accounts.SALT
        )
        values = [
            keys,
            client_keys,
            sasl.Credentials("user", PASSWORD, token=TOKEN, keys=client_keys),
            sasl.CheckPassword("user", PASSWORD),
            sasl.CheckToken(TOKEN, "user", None, None),
            sasl.Policy(decoy_secret=PASSWORD.encode()),
            sasl.ChannelBinding("tls-unique", PASSWORD.encode()),
            sasl.Channel(
                True, bindings=[sasl.ChannelBinding("tls-unique", PASSWORD.encode())]
            ),
        ]
        for value in values:
            with self.subTest(type(value).__name__):
                self.assert_hidden(value)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that hangs on it, shown or not."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def frames(traceback: TracebackType | None) -> Iterator[Any]:
    """Yield the frames of a traceback that are the library's."""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_filename.startswith(str(_PACKAGE)):
            yield frame
        traceback = traceback.tb_next


def shown(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield all that a log or a debugger shows of an error: where, and what.

    Left out are the parameters of the outermost frame of the library: the caller's own
    frame shows the same objects.
    """
    for each in chain(error):
        name = type(each).__name__
        yield f"{name} text", f"{each} {each!r} {each.args!r} {vars(each)!r}"
        yield f"{name} object", repr(getattr(each, "object", None))
        for depth, frame in enumerate(frames(each.__traceback__)):
            given = () if depth else _parameters(frame)
            for variable, value in frame.f_locals.items():
                if variable not in given:
                    yield f"{frame.f_code.co_qualname}: {variable}", _safe_repr(value)


def _parameters(frame: Any) -> tuple[str, ...]:
    code = frame.f_code
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _safe_repr(value: Any) -> str:
    try:
        return repr(value)
    except AttributeError:  # an object that is not built yet
        return ""


def _step_scram(password: str) -> None:
    credentials = sasl.Credentials("user", password)
    client = accounts.make_client("SCRAM-SHA-256", credentials=credentials)
    client.start()
    first = b"r=%bx,s=QQ==,i=4096" % accounts.CLIENT_NONCE
    client.step(base64.b64encode(first))


def _make(name: str, **secrets: str) -> Callable[[], Any]:
    def call() -> None:
        credentials = sasl.Credentials("user", **secrets)
        accounts.make_client(name, credentials=credentials).start()

    return call


def _answer(name: str, answer: Any) -> Callable[[], Any]:
    point = next(
        point
        for point in accounts.points_of(name, profiles.BASE64)
        if isinstance(point.waiting, sasl.Request)
    )
    return lambda: point.copy().answer(answer)


_ENCODED = base64.b64encode(b"\0user\0" + PASSWORD.encode())
_BAD_PASSWORDS = (PASSWORD + "\0", PASSWORD + "\ud800", PASSWORD + "\x07")
_BAD_TOKENS = (TOKEN + "\x01", TOKEN + " ", TOKEN + "\r\n", TOKEN + "\N{EURO SIGN}")


def _over() -> sasl.Server:
    server = accounts.make_server("PLAIN")
    server.abort()
    return server


def troubles() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls that fail with a secret in hand."""
    for password in _BAD_PASSWORDS:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5"):
            if "\x07" not in password:
                yield f"{name} {password!a}", _make(name, password=password)
        if "\ud800" not in password:
            yield f"SCRAM {password!a}", lambda p=password: _step_scram(p)
        yield f"derive {password!a}", lambda p=password: sasl.ScramKeys.derive(p)
    for token in _BAD_TOKENS:
        for name in ("OAUTHBEARER", "XOAUTH2"):
            yield f"{name} {token!a}", _make(name, token=token)
    yield "SCRAM e=", lambda: _scram_error(b"e=invalid-proof")
    yield "SCRAM v=", lambda: _scram_error(b"v=" + base64.b64encode(bytes(32)))
    yield "SCRAM x=", lambda: _scram_error(b"x=")
    for name in ("SCRAM-SHA-256", "PLAIN", "XOAUTH2"):
        wrong = PASSWORD if name == "SCRAM-SHA-256" else PASSWORD.encode()
        yield f"{name} answer", _answer(name, wrong)
    keys = accounts.keys(PASSWORD, "sha256")
    yield "keys of another hash", _answer("SCRAM-SHA-1", keys)
    yield "parse", lambda: sasl.ScramKeys.parse(keys.format() + "=")
    yield "sizes", lambda: sasl.ScramKeys("sha1", b"x", 1, keys.stored_key, b"")
    yield "a step after the end", lambda: _over().step(_ENCODED)
    yield "a start after the end", lambda: _over().start(_ENCODED)
    yield (
        "no mechanism",
        lambda: sasl.client(
            ["FOO", "PLAIN"],
            sasl.Credentials("user", PASSWORD, token=TOKEN),
            channel=sasl.Channel(False),
        ),
    )


def _scram_error(final: bytes) -> None:
    point = [
        point
        for point in accounts.points_of("SCRAM-SHA-256", profiles.BASE64)
        if isinstance(point.waiting, sasl.Client) and point.method == "step"
    ][-1]
    point.copy().step(base64.b64encode(final))


class ErrorTest(unittest.TestCase):
    """No error carries a secret: text, arguments, chain, and the library's frames."""

    def assert_clean(self, call: Callable[[], Any]) -> None:
        """Make a call that must fail, and look at everything that it leaves behind."""
        try:
            call()
        except Exception as error:
            found = [where for where, text in shown(error) if leaks(text)]
            kind = type(error).__name__
            self.assertEqual(found, [], f"{kind} shows a secret in these places")
        else:
            self.fail("nothing was raised")

    def test_the_detector_works(self) -> None:
        """A secret in an inner frame of the library is seen, in the outermost not."""
        library: dict[str, Any] = {}
        source = "def outer(x): inner(x)\ndef inner(y): raise ValueError"
        exec(compile(source, str(_PACKAGE / "made_up.py"), "exec"), library)
        with self.assertRaises(AssertionError):
            self.assert_clean(lambda: library["outer"](PASSWORD))
        self.assert_clean(lambda: library["inner"](PASSWORD))

    def test_errors_with_a_secret_in_hand(self) -> None:
        """Credentials that cannot be carried, wrong answers, a server that lies."""
        for title, call in troubles():
            with self.subTest(title):
                self.assert_clean(call)

    def test_errors_on_nasty_messages(self) -> None:
        """A client's errors, at every waiting point."""
        for point in accounts.points():
            if isinstance(point.waiting, sasl.Client) and point.method == "step":
                lines = [framed(point, message) for message in NASTY]
                for line in filter(
                    lambda line: not leaks(repr(line)), [*lines, *LINES]
                ):
                    self.check_step(point, line)

    def check_step(self, point: accounts.Point, line: bytes) -> None:
        """Look at the error of one step, if it is one."""
        client = point.copy()
        try:
            client.step(line)
        except sasl.SASLError as error:
            # all at once, for there are thousands
            if leaks("\n".join(text for _, text in shown(error))):
                found = [where for where, text in shown(error) if leaks(text)]
                self.fail(f"{point}: {line!r} shows a secret in {found}")
            self.assertIsNone(error.__context__, f"{point}: {line!r}")
            self.assertFalse(getattr(error, "__notes__", []))

    def test_failures(self) -> None:
        """A server's own log holds no secret and none of the peer's octets."""
        for point in accounts.points():
            if not isinstance(point.waiting, sasl.Server):
                continue
            for message in (*NASTY, b"marker-of-the-peer", b"n,,marker-of-the-peer"):
                event = getattr(point.copy(), point.method)(framed(point, message))
                if isinstance(event, sasl.Failure):
                    self.assertEqual(leaks(event.detail), [])
                    self.assertNotIn("marker", event.detail)
                    self.assertTrue(event.detail.isprintable())


class CompareTest(unittest.TestCase):
    """Every secret-derived comparison goes through `hmac.compare_digest`."""

    def compared(self, name: str, application: accounts.Application) -> list[bytes]:
        """Run an exchange; return what compare_digest was given."""
        import hmac

        real, seen = hmac.compare_digest, []

        def compare(one: bytes, other: bytes) -> bool:
            seen.extend((one, other))
            return real(one, other)

        with mock.patch("hmac.compare_digest", compare):
            accounts.play(
                accounts.make_client(name), accounts.make_server(name), application
            )
        return seen

    def test_scram(self) -> None:
        """The server compares the StoredKey, the client the ServerSignature."""
        for name in accounts.SCRAMS:
            with self.subTest(name):
                seen = self.compared(name, accounts.Application())
                stored = accounts.keys(PASSWORD, find(name).hash_name).stored_key
                self.assertEqual(seen[:2], [stored, stored])
                self.assertEqual(len(seen), 4)
                self.assertEqual(seen[2], seen[3])

    def test_every_server_that_decides(self) -> None:
        """For known users with a right and a wrong credential, and for unknown ones."""
        for name, entry in accounts.TABLE.items():
            if entry.sealed:
                for application in (
                    accounts.Application(),
                    accounts.Application(password="other"),
                    accounts.Application(username="other"),
                ):
                    with self.subTest(name, application=application):
                        self.assertTrue(self.compared(name, application))

    def test_no_comparison_by_operator(self) -> None:
        """No `==` or `!=` has a name in it that sounds like a secret."""
        words = ("proof", "signature", "verifier", "digest", "stored_key")
        words += ("server_key", "client_key", "password", "token", "secret")
        for path in sorted(_PACKAGE.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Compare):
                    for name in _compared_names(node):
                        with self.subTest(f"{path.name}:{node.lineno}"):
                            self.assertFalse(any(word in name for word in words), name)


def _compared_names(node: ast.Compare) -> Iterator[str]:
    """Yield the names on both sides of an equality, unless one is compared with ""."""
    sides = [node.left, *node.comparators]
    if not any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
        return
    if any(isinstance(side, ast.Constant) and not side.value for side in sides):
        return
    for side in sides:
        while isinstance(side, ast.Subscript):
            side = side.value  # noqa: PLW2901
        if isinstance(side, ast.Name):
            yield side.id
        if isinstance(side, ast.Attribute):
            yield side.attr


_WORK = ("openssl_", "digest", "hmac", "pbkdf2", "update", "copy", "compare", "sha")


class EnumerationTest(unittest.TestCase):
    """An unknown user looks like a wrong password."""

    sealed = tuple(
        name for name, entry in accounts.TABLE.items() if entry.sealed and entry.nobody
    )

    def attempt(
        self, name: str, application: accounts.Application
    ) -> tuple[accounts.Outcome, Counter[str]]:
        """Run a failing exchange; return it and the server's calls into hashlib."""
        work: Counter[str] = Counter()
        serving = False

        def watch(machine: Any, *_: Any) -> None:
            nonlocal serving
            serving = not isinstance(machine, sasl.Client)

        def profile(frame: Any, event: str, function: Any) -> None:
            inside = frame.f_code.co_filename.startswith(str(_PACKAGE))
            name = function.__name__ if event == "c_call" and inside else ""
            if serving and any(word in name for word in _WORK):
                work[name] += 1

        client, server = accounts.make_client(name), accounts.make_server(name)
        # What is done once only: imports, and the accounts' keys.
        accounts.play(
            accounts.make_client(name), accounts.make_server(name), application
        )
        sys.setprofile(profile)
        try:
            outcome = accounts.play(client, server, application, watch=watch)
        finally:
            sys.setprofile(None)
        self.assertIsInstance(outcome.event, sasl.Failure)
        return outcome, work

    def test_messages_reasons_and_work_are_the_same(self) -> None:
        """Sizes of all messages, the failure in every word, and each hash."""
        for name in self.sealed:
            self.compare(name, "another")
            self.compare(name, "\N{ROMAN NUMERAL NINE}")  # SASLprep changes it

    def compare(self, name: str, password: str) -> None:
        """Compare a user who has another password with one who does not exist."""
        wrong, wrong_work = self.attempt(name, accounts.Application(password=password))
        unknown, unknown_work = self.attempt(
            name, accounts.Application(username="another")
        )
        with self.subTest(name, password=password):
            self.assertEqual(wrong.event, unknown.event)
            self.assertEqual(
                [(side, len(message)) for side, message in wrong.transcript],
                [(side, len(message)) for side, message in unknown.transcript],
            )
            self.assertTrue(wrong_work)
            self.assertEqual(wrong_work, unknown_work)

    def test_every_mechanism_fails_in_the_same_words(self) -> None:
        """Whatever was wrong, the failure is one value."""
        for name, entry in accounts.TABLE.items():
            if entry.wrong is None or not entry.nobody:
                continue
            wrong = sasl.Credentials(**entry.wrong)
            nobody = sasl.Credentials(**entry.right | {"username": "nobody"})
            events = [
                accounts.play(
                    accounts.make_client(name, credentials=credentials),
                    accounts.make_server(name),
                    application,
                ).event
                for credentials, application in (
                    (wrong, None),
                    (nobody, accounts.Application(token="x")),
                )
            ]
            with self.subTest(name):
                self.assertEqual(*events)
                self.assertIs(events[0].reason, sasl.Reason.BAD_CREDENTIALS)


class DecoyTest(unittest.TestCase):
    """The salt of a user who does not exist."""

    def challenge(
        self, name: str = "SCRAM-SHA-256", user: str = "nobody", **policy: Any
    ) -> tuple[bytes, int]:
        """Return the salt and the count that a server shows for an unknown user."""
        server = accounts.make_server(name, profile=profiles.RAW, **policy)
        flag = b"p=tls-exporter" if name.endswith("-PLUS") else b"n"
        request = server.start(b"%b,,n=%b,r=x" % (flag, user.encode()))
        _, salt, count = request.answer(None).data.split(b",")
        return base64.b64decode(salt[2:]), int(count[2:])

    def test_it_is_stable_over_servers(self) -> None:
        """The same each time: for the process, and for a `decoy_secret` anywhere."""
        self.assertEqual(self.challenge(), self.challenge())
        secret = b"kept in a file"
        self.assertEqual(
            self.challenge(decoy_secret=secret), self.challenge(decoy_secret=secret)
        )

    def test_it_depends_on_secret_user_and_hash(self) -> None:
        """Another secret, user or hash gives another salt."""
        salts = {
            self.challenge(decoy_secret=b"one"),
            self.challenge(decoy_secret=b"two"),
            self.challenge(decoy_secret=b"one", user="somebody"),
            self.challenge("SCRAM-SHA-1", decoy_secret=b"one"),
            self.challenge(),
        }
        self.assertEqual(len(salts), 5)

    def test_the_plus_variant_shows_the_same(self) -> None:
        """One account has one salt, with channel binding or without."""
        self.assertEqual(self.challenge(), self.challenge("SCRAM-SHA-256-PLUS"))

    def test_spellings_of_one_name_show_the_same(self) -> None:
        """The salt belongs to the prepared name."""
        self.assertEqual(
            self.challenge(user="nobody"), self.challenge(user="no\N{SOFT HYPHEN}body")
        )

    def test_it_looks_like_a_real_one(self) -> None:
        """Iterations and salt length are what the policy says, at any length."""
        for iterations, size in ((4096, 16), (10_000, 1), (600_000, 32), (4096, 100)):
            salt, count = self.challenge(decoy=(iterations, size))
            self.assertEqual((count, len(salt)), (iterations, size))

    def test_a_long_salt_does_not_repeat_itself(self) -> None:
        """Every block of it differs."""
        salt, _ = self.challenge(decoy=(4096, 128))
        self.assertEqual(len({salt[i : i + 32] for i in range(0, 128, 32)}), 4)


if __name__ == "__main__":
    unittest.main()
