"""Every published exchange, in both roles, over raw octets and over base64.

The data names its sources. What cannot be run is in a table with the reason; a test
holds that what ran, here and in the modules of the parts, and what is listed are the
whole of each file.
"""

from __future__ import annotations

import json
import unittest
from functools import partial
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core import Reason
from sasl_core._saslprep import saslprep

from . import test_vectors_bindings as channel_bindings
from . import test_vectors_gss as security_contexts
from . import test_vectors_parts as parts
from . import test_vectors_registry as registry
from ._data import ids, octets, vectors
from ._drive import PROFILES, Calling, Serving, Store, hash_of
from ._vector_cases import (
    LEFT_OUT,
    VectorCase,
    derived,
    generated,
    stored_keys,
    vectors_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

# Positive vectors that our client does not play: another client's choices are in them.
NOT_OUR_CLIENT = {
    "login-initial-response": "our client waits for the prompt",
    "cram-rfc4954-s4.1": "the password was not printed",
    "cram-rfc2554-s4": "the password was not printed",
    "scram-elytron-sha-1-strange-server": "that client sent its name unprepared",
    "oauthbearer-derived-scheme-case": "our client writes Bearer",
    "oauthbearer-derived-cb-y": "our client never sends y: there is no -PLUS",
}

# Positive vectors that our server does not play.
NOT_OUR_SERVER = {
    "login-draft-s2.3": "our prompts are the common ones",
    "scram-xep-0515-tls-version": "our server adds no extensions",
}

# Positive vectors whose password was not printed: our server can only read them.
READ_ONLY = {"cram-rfc4954-s4.1", "cram-rfc2554-s4"}

# What a server's Reason may be for each error word of the vectors.
SERVER_REASONS = {
    "authorization-denied": {Reason.NOT_AUTHORIZED},
    "channel-binding-downgrade": {Reason.BAD_CREDENTIALS},
    "channel-binding-mismatch": {Reason.BAD_CREDENTIALS},
    "channel-binding-unsupported": {Reason.UNSUPPORTED},
    "invalid-credentials": {Reason.BAD_CREDENTIALS},
    # A proof of the wrong size is malformed.
    "invalid-proof": {Reason.BAD_CREDENTIALS, Reason.MALFORMED},
    "invalid-token": {Reason.BAD_CREDENTIALS},
    "unknown-user": {Reason.BAD_CREDENTIALS},
    "unexpected-initial-response": {Reason.UNEXPECTED_INITIAL},
}

CLIENT_ERRORS = {
    "mechanism-unavailable": sasl.NoMechanism,
    "server-reported-error": sasl.AuthenticationError,
    "server-signature-mismatch": sasl.ServerNotAuthenticated,
}


class ExchangeCase(VectorCase):
    """Vectors of kind `exchange`."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """Both roles for a success, the detecting one for a failure."""
        if vector["kind"] != "exchange":
            return []
        if vector["polarity"] == "negative":
            side = vector["expect"]["detected_by"]
            return [(side, getattr(cls, f"check_{side}_refuses"))]
        ways: list[tuple[str, Callable[..., None]]] = []
        if vector["id"] in READ_ONLY:
            ways.append(("server", cls.check_server_reads))
        elif vector["id"] not in NOT_OUR_SERVER:
            ways.append(("server", cls.check_server_accepts))
        if vector["id"] not in NOT_OUR_CLIENT:
            ways.append(("client", cls.check_client_accepts))
        return ways

    def check_server_accepts(self, vector: Vector) -> None:
        """Our server says exactly what is written, and reports the identity."""
        for serving in servings(vector):
            with self.subTest(profile=serving.server.profile.name):
                self._play_server(serving, vector["messages"])
                serving.close()
                self.assertIsInstance(serving.event, sasl.Success)
                self._check_identity(serving.event, vector)

    def check_server_reads(self, vector: Vector) -> None:
        """Our server takes the message apart as it is written; nobody can verify it."""
        for serving in servings(vector):
            self._play_server(serving, vector["messages"])
            self.assertEqual(
                [getattr(request, "username", None) for request in serving.store.asked],
                [vector["inputs"]["username"]],
            )

    def check_server_refuses(self, vector: Vector) -> None:
        """Our server fails at the last message, not before, for the right reason."""
        try:
            runs = list(servings(vector))
        except sasl.NoMechanism:
            self.assertEqual(vector["expect"]["error"], "no-external-credential")
            return
        *before, last = vector["messages"]
        for serving in runs:
            with self.subTest(profile=serving.server.profile.name):
                self._play_server(serving, before)
                self.assertFalse(serving.failed, serving.event)
                serving.receive(octets(last))
                if vector["expect"]["error"] == "unknown-user":
                    serving.receive(_any_proof(serving))
                self.assertIsInstance(serving.event, sasl.Failure)
                reasons = SERVER_REASONS.get(
                    vector["expect"]["error"], {Reason.MALFORMED}
                )
                self.assertIn(serving.event.reason, reasons)

    def check_client_accepts(self, vector: Vector) -> None:
        """Our client says exactly what is written, and is satisfied at the end."""
        for profile in PROFILES:
            with self.subTest(profile=profile.name):
                calling = Calling(client_of(vector, profile))
                messages = vector["messages"]
                last = messages[-1]
                if last["from"] == "server" and profile.success_data:
                    self._play_client(calling, messages[:-1])
                    calling.finish(octets(last))
                else:
                    self._play_client(calling, messages)
                    calling.finish()

    def check_client_refuses(self, vector: Vector) -> None:
        """Our client raises at the last message, not before, and stays closed."""
        *before, last = vector["messages"]
        expected = CLIENT_ERRORS.get(vector["expect"]["error"], sasl.ProtocolError)
        for profile in PROFILES:
            with self.subTest(profile=profile.name):
                calling = Calling(client_of(vector, profile))
                self._play_client(calling, before)
                with self.assertRaises(expected):
                    calling.receive(octets(last))
                with self.assertRaises(sasl.StateError):
                    calling.finish()

    def _play_server(self, serving: Serving, messages: list[Vector]) -> None:
        for message in messages:
            if message["from"] == "client":
                serving.receive(octets(message))
                continue
            if serving.event is None:
                serving.begin()
            self._compare_challenge(serving.said, octets(message))

    def _compare_challenge(self, said: bytes | None, written: bytes) -> None:
        if (
            written[:1] == b"{" and said is not None
        ):  # JSON, spelled by each as it likes
            ours, theirs = json.loads(said), json.loads(written)
            theirs.pop("schemes", None)
            self.assertEqual(ours, ours | theirs)
        else:
            self.assertEqual(said, written)

    def _play_client(self, calling: Calling, messages: list[Vector]) -> None:
        if messages and messages[0]["from"] == "client":
            calling.begin()
        expected = [octets(m) for m in messages if m["from"] == "client"]
        for message in messages:
            if message["from"] == "server":
                calling.receive(octets(message))
        if messages and messages[-1]["from"] == "server":
            expected.append(b"")  # nothing is left to say
        self.assertEqual(calling.sent, expected)

    def _check_identity(self, success: sasl.Success, vector: Vector) -> None:
        expect, identity = vector["expect"], success.identity
        mechanism = vector["mechanism"]
        self.assertEqual(success.mechanism, mechanism)
        self.assertEqual(success.bound, mechanism.endswith("-PLUS"))
        if mechanism == "ANONYMOUS":
            self.assertEqual(identity.trace, expect["trace"] or "")
            return
        authcid = expect.get("authcid") or _authcid(vector)
        self.assertEqual(identity.authcid, authcid)
        self.assertEqual(identity.authzid, expect.get("authzid") or authcid)


def _any_proof(serving: Serving) -> bytes:
    """Return a client-final message for what the server said, with a wrong proof."""
    nonce = (serving.said or b"").split(b",")[0]
    return b"c=biws," + nonce + b",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA="


def _inputs(vector: Vector) -> dict[str, Any]:
    return vector.get("inputs") or {}


def _authcid(vector: Vector) -> str:
    """Return the name that a server reports for the vector's user."""
    inputs = _inputs(vector)
    if vector["mechanism"] == "EXTERNAL":
        return str(inputs["external_identity"])
    name = inputs.get("username") or inputs.get("authzid") or "owner"
    return saslprep(name, stored=False) if inputs.get("prepare", True) else name


def _bindings(vector: Vector) -> list[sasl.ChannelBinding]:
    given = _inputs(vector).get("channel_binding")
    if given is None:
        return []
    return [sasl.ChannelBinding(given["type"], bytes.fromhex(given["data_hex"]))]


def _policy(vector: Vector) -> sasl.Policy:
    inputs = _inputs(vector)
    words: dict[str, Any] = {}
    if "minimum_iterations" in inputs:
        words["iterations"] = (inputs["minimum_iterations"], 1_000_000)
    elif "maximum_iterations" in inputs:
        words["iterations"] = (4096, inputs["maximum_iterations"])
    elif vector["polarity"] == "positive" and inputs.get("iterations", 4096) < 4096:
        words["iterations"] = (inputs["iterations"], 4096)
    return sasl.Policy(
        allow=[vector["mechanism"]], prepare=inputs.get("prepare", True), **words
    )


def client_of(vector: Vector, profile: sasl.Profile) -> sasl.Client:
    """Make the client of a vector."""
    inputs = _inputs(vector)
    bindings = _bindings(vector)
    if octets(vector["messages"][0])[:2] == b"y,":
        bindings = [parts.DUMMY_BINDING]  # it could have, the server did not offer
    nonce = inputs.get("client_nonce")
    if nonce is None and vector["mechanism"].startswith("SCRAM"):
        nonce = octets(vector["messages"][0]).rpartition(b"r=")[2].decode()
    return sasl.client(
        vector["mechanism"],
        _credentials(inputs, vector["mechanism"]),
        channel=sasl.Channel(
            encrypted=True,
            host=inputs.get("host", ""),
            port=inputs.get("port"),
            bindings=bindings,
        ),
        policy=_policy(vector),
        profile=profile,
        nonce=None if nonce is None else nonce.encode(),
    )


def _credentials(inputs: dict[str, Any], mechanism: str) -> sasl.Credentials:
    if "token" in inputs:
        name = inputs.get("username") or inputs.get("authzid") or ""
        return sasl.Credentials(name, token=inputs["token"])
    if mechanism in ("EXTERNAL", "ANONYMOUS"):
        return sasl.Credentials(
            authzid=inputs.get("authzid") or "", trace=inputs.get("trace")
        )
    return sasl.Credentials(
        inputs.get("username", "tim"),
        inputs.get("password", "tanstaaftanstaaf"),
        authzid=inputs.get("authzid") or "",
    )


def servings(vector: Vector) -> list[Serving]:
    """Make the servers of a vector: each profile, with and without initial response."""
    store = partial(_store, vector)
    if vector["messages"][0]["from"] == "server":
        return [Serving(server_of(vector, p), store()) for p in PROFILES]
    first = [Serving(server_of(vector, p), store()) for p in PROFILES]
    if vector["messages"][0].get("initial_response"):
        return first
    later = [Serving(server_of(vector, p), store(), initial=False) for p in PROFILES]
    return first + later


def server_of(vector: Vector, profile: sasl.Profile) -> sasl.Server:
    """Make the server of a vector."""
    inputs, mechanism = _inputs(vector), vector["mechanism"]
    policy = _policy(vector)
    if mechanism.startswith("SCRAM") and _bindings(vector):
        plain = mechanism.removesuffix("-PLUS")
        policy = sasl.Policy(allow=[plain, f"{plain}-PLUS"], prepare=policy.prepare)
    return sasl.server(
        mechanism,
        channel=sasl.Channel(
            encrypted=True,
            bindings=_bindings(vector),
            external=inputs.get("external_identity"),
        ),
        policy=policy,
        profile=profile,
        nonce=_server_nonce(vector),
    )


def _server_nonce(vector: Vector) -> bytes | None:
    """Return the fresh value that the vector's server used."""
    messages = [octets(m) for m in vector["messages"] if m["from"] == "server"]
    if not messages:
        return None
    if vector["mechanism"] == "CRAM-MD5":
        return messages[0]
    if not vector["mechanism"].startswith("SCRAM"):
        return None
    mine = octets(vector["messages"][0]).split(b"r=")[-1].split(b",")[0]
    return messages[0].split(b",")[0].removeprefix(b"r=" + mine)


def _store(vector: Vector) -> Store:
    """Make what the application of the vector's server knows."""
    inputs = _inputs(vector)
    name = _authcid(vector)
    allowed = inputs.get("authorized_authzids")
    return Store(
        {name: inputs.get("password", "tanstaaftanstaaf")},
        keys={name: _keys(vector)} if vector["mechanism"].startswith("SCRAM") else {},
        tokens={inputs["token"]: name} if _token_is_good(vector) else {},
        token_error=_token_error(vector),
        may_act=lambda _, authzid: (
            vector["polarity"] == "positive" if allowed is None else authzid in allowed
        ),
    )


def _token_is_good(vector: Vector) -> bool:
    return "token" in _inputs(vector) and vector["expect"]["outcome"] == "success"


def _token_error(vector: Vector) -> sasl.TokenError | None:
    for message in vector["messages"]:
        if message["from"] == "server" and octets(message)[:1] == b"{":
            said = json.loads(octets(message))
            return sasl.TokenError(
                said["status"], said.get("scope"), said.get("openid-configuration")
            )
    return None


def _keys(vector: Vector) -> sasl.ScramKeys:
    inputs, hash_name = _inputs(vector), hash_of(vector["mechanism"])
    if "stored" in vector:
        return stored_keys(vector["stored"], hash_name)
    return derived(
        inputs["password"], hash_name, inputs["iterations"], inputs["salt_base64"]
    )


@vectors_of("plain")
class PlainVectors(ExchangeCase):
    """PLAIN."""


@vectors_of("login")
class LoginVectors(ExchangeCase):
    """LOGIN."""


@vectors_of("external")
class ExternalVectors(ExchangeCase):
    """EXTERNAL."""


@vectors_of("anonymous")
class AnonymousVectors(ExchangeCase):
    """ANONYMOUS."""


@vectors_of("cram_md5")
class CramMD5Vectors(ExchangeCase):
    """CRAM-MD5."""


@vectors_of("oauth")
class OAuthVectors(ExchangeCase):
    """OAUTHBEARER and XOAUTH2."""


@vectors_of("scram")
class ScramExchangeVectors(ExchangeCase):
    """SCRAM: whole exchanges."""


class CompletenessTest(unittest.TestCase):
    """Every vector has a test, or stands in a table with the reason."""

    def test_what_ran_and_what_is_listed_are_all(self) -> None:
        """No vector is passed over in silence."""
        for name, done in generated.items():
            with self.subTest(file=name):
                known = ids(vectors(name))
                self.assertEqual(done | (known & LEFT_OUT.keys()), known)
                self.assertEqual(done & LEFT_OUT.keys(), set())

    def test_tables_have_no_stale_id(self) -> None:
        """A vector that is gone leaves no entry behind."""
        known = set().union(*(ids(vectors(name)) for name in generated))
        for table in (
            LEFT_OUT,
            NOT_OUR_CLIENT,
            NOT_OUR_SERVER,
            READ_ONLY,
        ):
            self.assertLessEqual(set(table), known)

    def test_every_file_is_read(self) -> None:
        """The files of this module, and of those beside it, are all there."""
        for module in (channel_bindings, parts, registry, security_contexts):
            self.assertIs(module.vectors_of, vectors_of)
        self.assertEqual(
            sorted(generated),
            [
                "anonymous",
                "channel_binding",
                "cram_md5",
                "external",
                "gs2",
                "gssapi",
                "login",
                "mechanisms_registry",
                "oauth",
                "plain",
                "saslprep",
                "scram",
            ],
        )


if __name__ == "__main__":
    unittest.main()
