"""Every waiting record of every mechanism x any input.

The waiting points are found by stopping honest exchanges, so a mechanism that is
registered is covered. The invariants: no octets make a server raise, a client raises
SASLError only, nobody succeeds without a credential decision, and a failed exchange is
closed.
"""

from __future__ import annotations

import unittest
from copy import deepcopy
from typing import Any

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._hypothesis import given, settings, st
from ._nasty import LINES, NASTY, framed
from ._points import Point
from ._states import EVENTS, Invariants, client_points, request_points, server_points

_ANSWERS = (None, True, False, "", "user", "pencil", sasl.TokenError())


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


class NastyTest(Invariants):
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


def check_answer(test: Invariants, point: Point, answer: Any) -> None:
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


def _line(point: Point, message: tuple[bytes, bool]) -> bytes:
    raw, bare = message
    return raw if bare else framed(point, raw)


class ArbitraryTest(Invariants):
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
                self.assertIsInstance(point.copy().answer(*point.honest), EVENTS)


class ProfileTest(Invariants):
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
