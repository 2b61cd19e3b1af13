"""The property cases of `attacks/api.json`: what shows, and one exchange per object."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import unittest
from base64 import b64decode
from functools import partial
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

from ._api_cases import (
    BINDING,
    CHANNEL,
    HASHED_TOKEN,
    NAMES,
    PASSWORD,
    REQUESTS,
    TOKEN,
    USER,
    Pair,
    new_server,
    nonce,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


if __name__ == "__main__":
    unittest.main()
