"""Every waiting record of every mechanism x any input.

The waiting points are found by stopping honest exchanges, so a mechanism that is
registered is covered. The invariants: no octets make a server raise, a client raises
SASLError only, nobody succeeds without a credential decision, and a failed exchange is
closed.
"""

from __future__ import annotations

import itertools
import unittest
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._hypothesis import given, settings, st

_EVENTS = (sasl.Challenge, sasl.Success, sasl.Failure, sasl.Request)
_ANSWERS = (None, True, False, "", "user", "pencil", sasl.TokenError())

# Raw messages that break a rule each; some keep it, for some mechanism.
NASTY = (
    b"",
    b"\0",
    b"\0\0",
    b"\0\0\0",
    b"\0user\0",
    b"\0\0pencil",
    b"a\0b\0c\0d",
    b"user\0user\0wrong",
    b"\xff\xfe",
    b"\xc0\x80\0user\0pencil",
    b"\xed\xa0\x80",
    "\N{SOFT HYPHEN}".encode(),
    "a\N{COMBINING ACUTE ACCENT}\N{HEBREW LETTER ALEF}".encode(),
    b"user 0123456789abcdef0123456789abcdef",
    b"user 0123456789ABCDEF0123456789ABCDEF",
    b" 0123456789abcdef0123456789abcdef",
    b"n,,",
    b"n,,n=user,r=x",
    b"n,a=,n=user,r=x",
    b"n,a==2D,n=user,r=x",
    b"n,,n=,r=x",
    b"n,,m=x,n=user,r=x",
    b"n,,n=user,r=",
    b"n,,n=user,r=x,r=y",
    b"y,,n=user,r=x",
    b"p=tls-unique,,n=user,r=x",
    b"p=,,n=user,r=x",
    b"F,n,,n=user,r=x",
    b"c=biws,r=x,p=",
    b"c=biws,r=x,p=AAAA,p=AAAA",
    b"r=x,s=QQ==,i=4096",
    b"r=" + accounts.CLIENT_NONCE + b",s=QQ==,i=4096",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=,i=4096",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=1",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=99999999999999999999",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=4_096",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QQ==,i=",
    b"r=" + accounts.CLIENT_NONCE + b"x,s=QR==,i=4096",
    b"v=",
    b"v=AAAA",
    b"e=other-error",
    b"e=\xff",
    b"\x01",
    b"\x01\x01",
    b"n,,\x01auth=Bearer x\x01\x01",
    b"n,,\x01auth=\x01\x01",
    b"n,,\x01auth=Basic x\x01\x01",
    b"n,,\x01auth=Bearer x\x01auth=Bearer x\x01\x01",
    b"n,,\x01port=+1\x01auth=Bearer x\x01\x01",
    b"n,,\x01port=\xd9\xa1\x01auth=Bearer x\x01\x01",
    b"user=user\x01auth=Bearer x\x01\x01",
    b"user=\x01auth=Bearer x\x01\x01",
    b"{}",
    b"[]",
    b'{"status":1}',
    b'{"status":"invalid_token"}',
    b"[" * 5000,
    b"1" * 5000,
    b"NaN",
    b"a@b@c",
    b"@",
    b"a" * 256,
)

# Lines that are not canonical base64, or mean something to a framing
LINES = (
    b"*",
    b"=",
    b"==",
    b"+",
    b"QR==",
    b"QQ",
    b" QQ==",
    b"QQ==\r\n",
    b"\xff",
    b"Q-==",
)


def framed(point: accounts.Point, message: bytes) -> bytes:
    """Write a raw message as it goes over the wire at this point."""
    return point.profile.encode(message)


def machines(kind: type) -> tuple[accounts.Point, ...]:
    """Return the points where a client, a server or a request waits."""
    return tuple(
        point for point in accounts.points() if isinstance(point.waiting, kind)
    )


@cache
def server_points() -> tuple[accounts.Point, ...]:
    """Return the points where a server waits for octets."""
    return machines(sasl.Server)


@cache
def request_points() -> tuple[accounts.Point, ...]:
    """Return the points where a server waits for its application."""
    return machines(sasl.Request)


@cache
def client_points() -> tuple[accounts.Point, ...]:
    """Return the points where a client waits for octets."""
    return tuple(p for p in machines(sasl.Client) if p.method != "start")


class TableTest(unittest.TestCase):
    """The table is complete, so that nothing registered goes untested."""

    def test_every_registered_mechanism_is_in_the_table(self) -> None:
        """A new mechanism needs its account in `_accounts.TABLE`."""
        self.assertEqual(sorted(accounts.NAMES), sorted(accounts.TABLE))

    def test_every_mechanism_has_points_on_both_sides(self) -> None:
        """Each side of each mechanism is stopped at least once."""
        for kind, points in (("S", server_points()), ("C", client_points())):
            with self.subTest(kind):
                self.assertEqual({point.name for point in points}, set(accounts.NAMES))

    def test_what_a_mechanism_asks_is_what_it_registered(self) -> None:
        """The registry's `asks` are the requests that are raised, Authorize apart."""
        for name in accounts.NAMES:
            asked = {
                type(point.waiting)
                for point in request_points()
                if point.name == name and type(point.waiting) is not sasl.Authorize
            }
            with self.subTest(name):
                self.assertEqual(asked, set(find(name).asks))


_LATE = itertools.cycle((b"", b"*", b"QQ==", b"!", b"A" * 100_000))


class _Invariants(unittest.TestCase):
    def assert_over(self, machine: Any) -> None:
        """Check that nothing more can be done with an exchange.

        One message each time, of several in turn: what is over looks at none.
        """
        with self.assertRaises(sasl.StateError):
            machine.step(next(_LATE))
        if isinstance(machine, sasl.Client):
            with self.assertRaises(sasl.StateError):
                machine.finish()
        else:
            with self.assertRaises(sasl.StateError):
                machine.start()

    def follow(self, server: sasl.Server, event: Any, replies: Iterator[bytes]) -> Any:
        """Deny every request and answer every challenge; return the last event."""
        for _ in range(8):
            self.assertIsInstance(event, _EVENTS)
            if isinstance(event, sasl.Request):
                event = event.deny()
            elif isinstance(event, sasl.Challenge):
                event = server.step(next(replies, b""))
            else:
                break
        if isinstance(event, sasl.Failure):
            self.assertIsInstance(event.reason, sasl.Reason)
        self.assertIsInstance(event, (sasl.Success, sasl.Failure))
        self.assert_over(server)
        return event

    def check_server(self, point: accounts.Point, *lines: bytes) -> None:
        """Give a waiting server lines; it may succeed by a yes from before only."""
        server = point.copy()
        event = getattr(server, point.method)(lines[0])
        event = self.follow(server, event, iter(lines[1:]))
        if not isinstance(event, sasl.Success):
            return
        entry = accounts.TABLE[point.name]
        honest = lines[:1] == point.honest
        self.assertTrue(
            entry.by_fact or point.decided or honest, "a Success that nobody decided"
        )

    def check_client(self, point: accounts.Point, line: bytes) -> None:
        """Give a waiting client a line; it answers, or raises SASLError and is over."""
        client = point.copy()
        try:
            if point.method == "finish":
                client.finish(line)
            else:
                self.assertIsInstance(client.step(line), bytes)
        except sasl.SASLError:
            self.assert_over(client)
            return
        self.check_promise(point, client, line)

    def check_promise(
        self, point: accounts.Point, client: sasl.Client, line: bytes
    ) -> None:
        """A client of mutual authentication is not finished by a forged message."""
        if not find(point.name).mutual or point.method == "finish":
            return
        if point.profile.decode(line) == point.profile.decode(point.honest[0]):
            return
        with self.assertRaises(sasl.SASLError):
            client.finish()


class NastyTest(_Invariants):
    """Every waiting point x every nasty message."""

    def test_servers(self) -> None:
        """No octets make a server raise, or succeed without a decision."""
        for point in server_points():
            with self.subTest(str(point)):
                for message in NASTY:
                    self.check_server(point, framed(point, message))
                for line in LINES:
                    self.check_server(point, line)

    def test_clients(self) -> None:
        """No octets make a client raise anything but SASLError."""
        for point in client_points():
            with self.subTest(str(point)):
                for message in NASTY:
                    self.check_client(point, framed(point, message))
                for line in LINES:
                    self.check_client(point, line)

    def test_requests(self) -> None:
        """An answer settles a request, or is a StateError and a closed exchange."""
        for point in request_points():
            for answer in _ANSWERS:
                with self.subTest(str(point), answer=answer):
                    check_answer(self, point, answer)

    def test_refusals(self) -> None:
        """Deny never leads to Success; unavailable and refuse end at once."""
        for point in request_points():
            with self.subTest(str(point)):
                request = point.copy()
                event = self.follow(request._server, request.deny(), iter(()))
                self.assertIsInstance(event, sasl.Failure)
                event = point.copy().unavailable("the database is down")
                self.assertEqual(event.reason, sasl.Reason.UNAVAILABLE)
                request = point.copy()
                event = request.refuse(sasl.Reason.DISABLED)
                self.assertEqual(event.reason, sasl.Reason.DISABLED)
                self.assert_over(request._server)


def check_answer(test: _Invariants, point: accounts.Point, answer: Any) -> None:
    """Give a waiting request an answer: only a yes of its own type may succeed."""
    request = point.copy()
    server = request._server
    try:
        event = request.answer(answer)
    except sasl.StateError:
        test.assert_over(server)
        return
    event = test.follow(server, event, iter((b"",)))
    if isinstance(event, sasl.Success):
        test.assertIn(type(answer), (bool, str))
        test.assertTrue(answer)


_WORDS = (b"n,,", b"y,,", b"p=tls-exporter,,", b"a=x,", b"n=user", b"r=x", b"c=biws")
_WORDS += (b"s=QQ==", b"i=4096", b"p=AAAA", b"v=AAAA", b"e=x", b"m=x", b"x=y", b",")
_WORDS += (b"=", b"=2C", b"=3D", b"\0", b"\x01", b"user", b"pencil", b" ", b"user=")
_WORDS += (b"auth=Bearer ", b"host=h", b"port=1", b"{", b"}", b'"', b"0" * 32, b"@")
_RAW = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(_WORDS), max_size=12).map(b"".join),
    st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")),
)
_FRAMED = st.tuples(_RAW, st.booleans())


def _line(point: accounts.Point, message: tuple[bytes, bool]) -> bytes:
    raw, bare = message
    return raw if bare else framed(point, raw)


class ArbitraryTest(_Invariants):
    """Every waiting point x whatever Hypothesis thinks of."""

    @settings(max_examples=400)
    @given(st.data())
    def test_servers(self, data: st.DataObject) -> None:
        """Octets of any kind, one after another."""
        point = data.draw(st.sampled_from(server_points()))
        messages = data.draw(st.lists(_FRAMED, min_size=1, max_size=4))
        self.check_server(point, *(_line(point, message) for message in messages))

    @settings(max_examples=400)
    @given(st.data())
    def test_clients(self, data: st.DataObject) -> None:
        """Octets of any kind."""
        point = data.draw(st.sampled_from(client_points()))
        self.check_client(point, _line(point, data.draw(_FRAMED)))

    @settings(max_examples=300)
    @given(st.data())
    def test_requests(self, data: st.DataObject) -> None:
        """Answers of any type."""
        point = data.draw(st.sampled_from(request_points()))
        answer = data.draw(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(),
                st.text(),
                st.binary(),
                st.lists(st.text(), max_size=2),
                st.builds(object),
            )
        )
        check_answer(self, point, answer)


def mutations(message: bytes) -> Iterator[bytes]:
    """Yield what is one small change away from a message."""
    for index in range(len(message)):
        before, octet, after = message[:index], message[index], message[index + 1 :]
        for changed in (octet ^ 1, octet ^ 0x20, octet ^ 0x80, 0):
            yield before + bytes([changed]) + after
        yield before + after
        for inserted in b",=\0\x01a ":
            yield before + bytes([inserted, octet]) + after
        yield before + after[:1] + bytes([octet]) + after[1:]
        yield message[:index]
    for separator in (b",", b"\0", b"\x01", b" "):
        yield from _attribute_mutations(message, separator)
    yield message + message


def _attribute_mutations(message: bytes, separator: bytes) -> Iterator[bytes]:
    parts = message.split(separator)
    for index, part in enumerate(parts):
        without = parts[:index] + parts[index + 1 :]
        yield separator.join(without)
        yield separator.join([*parts[: index + 1], part, *parts[index + 1 :]])
        yield separator.join([part, *without])
        yield separator.join([*without, part])
    yield message + separator + b"x=y"
    yield separator + message
    yield message + separator


def _honest_message(point: accounts.Point) -> bytes | None:
    """Return the raw message that the honest exchange has here, None for none."""
    if not point.honest or not isinstance(point.honest[0], bytes):
        return None
    if point.method == "start" and point.honest[0] == point.profile.empty_initial:
        return b""
    return point.profile.decode(point.honest[0])


class MutationTest(unittest.TestCase):
    """One small change in a valid message is noticed, or means the same."""

    def points(self, points: tuple[accounts.Point, ...]) -> Iterator[Any]:
        """Yield a point and each raw mutation of its honest message, framed raw.

        All changes, but a sample of siblings', of long messages, and of those that
        differ by their framing.
        """
        for point in points:
            message = _honest_message(point)
            if not message:
                continue
            most = 250 if point.name == "SCRAM-SHA-256" else 120
            sampled = accounts.is_sibling(point.name) or len(message) > most
            sampled = sampled or point.profile is not profiles.RAW
            for number, changed in enumerate(mutations(message)):
                if changed != message and not (sampled and number % 17):
                    yield point, changed

    def test_client_messages(self) -> None:
        """A changed client message gives no Success, or the very same identity."""
        for point, changed in self.points(server_points()):
            event = self.go_on(point, framed(point, changed))
            if isinstance(event, sasl.Success):
                self.check_success(point, changed, event)

    def go_on(self, point: accounts.Point, line: bytes) -> Any:
        """Play the rest of the honest exchange after a changed message."""
        server, application = point.copy(), accounts.Application()
        event = getattr(server, point.method)(line)
        rest = iter(_later_responses(point))
        while not isinstance(event, (sasl.Success, sasl.Failure)):
            if isinstance(event, sasl.Request):
                event = application.settle(event)
            else:
                event = server.step(next(rest, b""))
        return event

    def check_success(
        self, point: accounts.Point, changed: bytes, event: sasl.Success
    ) -> None:
        """Where a change was accepted, nothing that matters was changed."""
        text = f"{point}: {changed!r}"
        entry = accounts.TABLE[point.name]
        self.assertFalse(entry.sealed and not entry.spellings, text)
        if point.name == "ANONYMOUS":
            self.assertEqual(event.identity.authcid, "anonymous", text)
            return
        self.assertEqual(event.identity.authcid, accounts.USER, text)
        self.assertIn(event.identity.authzid, (accounts.USER, accounts.OTHER), text)

    def test_server_messages(self) -> None:
        """A changed server message never lets a client of SCRAM finish."""
        for point, changed in self.points(client_points()):
            # Other spellings: see tests/mechanisms/test_digest_messages.py.
            spellings = accounts.TABLE[point.name].spellings
            if spellings or not find(point.name).mutual:
                continue
            if changed.split(b",")[0] == _honest_message(point) != changed:
                continue  # an extension after the verifier, which may be ignored
            with self.assertRaises(sasl.SASLError, msg=f"{point}: {changed!r}"):
                self.finish(point, framed(point, changed))

    def finish(self, point: accounts.Point, line: bytes) -> None:
        """Give a client a changed message, then the rest of the honest exchange."""
        client = point.copy()
        getattr(client, point.method)(line)
        if point.method == "finish":
            return
        for challenge in _later_challenges(point):
            client.step(challenge)
        client.finish()


def _siblings(point: accounts.Point) -> list[accounts.Point]:
    """Return the points of the same exchange and the same side after this one."""
    points = list(accounts.points())
    here = next(index for index, other in enumerate(points) if other is point)
    later = []
    for other in points[here + 1 :]:
        if isinstance(other.waiting, sasl.Server) and other.method == "start":
            break
        if type(other.waiting) is type(point.waiting) and other.method == "step":
            later.append(other)
        if isinstance(other.waiting, sasl.Client) and other.method == "finish":
            break
    return later


def _later_responses(point: accounts.Point) -> list[bytes]:
    found = _LATER.get(id(point))
    if found is None:
        found = _LATER[id(point)] = [p.honest[0] for p in _siblings(point)]
    return found


_later_challenges = _later_responses
_LATER: dict[int, list[bytes]] = {}


class CopyTest(unittest.TestCase):
    """A copy of a waiting exchange is another exchange."""

    def test_copies_do_not_share_a_turn(self) -> None:
        """What is done to one copy is not done to the other."""
        for point in server_points():
            with self.subTest(str(point)):
                one = point.copy()
                other = deepcopy(one)
                one.abort()
                event = getattr(other, point.method)(*point.honest)
                self.assertNotIsInstance(event, sasl.Failure)

    def test_a_copied_request_answers_its_own_server(self) -> None:
        """A copied request drives the server that was copied with it."""
        for point in request_points():
            with self.subTest(str(point)):
                request = point.copy()
                self.assertIsNot(request._server, point.waiting._server)
                request.deny()
                self.assertIsInstance(point.copy().answer(*point.honest), _EVENTS)


class ProfileTest(_Invariants):
    """The nasty messages in the other framings, for one mechanism of each kind."""

    def test_every_profile(self) -> None:
        """No framing makes a server raise."""
        names = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "OAUTHBEARER")
        for profile in profiles_of_the_library():
            for name in names:
                with self.subTest(profile=profile.name, mechanism=name):
                    for message in NASTY + LINES:
                        server = accounts.make_server(name, profile=profile)
                        event = server.start(
                            message if find(name).client_first else None
                        )
                        event = self.follow(server, event, iter((message,)))
                        self.assertIsInstance(event, sasl.Failure)


def profiles_of_the_library() -> list[sasl.Profile]:
    """Return every profile that `sasl_core.profiles` has."""
    found = [getattr(profiles, name) for name in profiles.__all__]
    return [profile for profile in found if isinstance(profile, sasl.Profile)]


if __name__ == "__main__":
    unittest.main()
