"""DIGEST-MD5 (RFC 2831): what means the same in other words, and what does not."""

from __future__ import annotations

import copy
import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.mechanisms import _digest_messages as messages

from .. import _accounts as accounts
from .._hypothesis import given, st
from .._nasty import mutations
from ._both import client, server
from ._digest import CHALLENGE, NAME

# What most peers write, and what is less usual.
USUAL = (
    b'realm="r",nonce="n",qop="auth",charset=utf-8,algorithm=md5-sess',
    b'username="u",realm="r",nonce="n",cnonce="c",nc=00000001,digest-uri="a/b",response='
    + b"0" * 32
    + b",qop=auth,charset=utf-8",
)
UNUSUAL = (
    b'realm="r;s" realm="" realm="\xc3\xa9" realm="\xe9" realm="\\r" username="" nonce=""'
    b' username="\xc3\xa9" nonce="n,m" cnonce=c nc=0000000A response=0 qop="auth,auth-int"'
    b' charset=UTF-8 maxbuf=4096 authzid="a" x=y x="y '
).split(b" ")


def variants(usual: list[bytes]) -> Iterator[list[bytes]]:
    """Yield it, and it with one directive gone, twice, in other words or too much."""
    yield usual
    for index, directive in enumerate(usual):
        before, after = usual[:index], usual[index + 1 :]
        yield [*after, *before]
        yield [*usual, directive]
        for other in UNUSUAL:
            yield [*before, other, *after]
            yield [*before, other, *usual[index:]]


def outcome(read: Any, message: bytes) -> object:
    """Return what comes of a message: what it says, or why it is refused."""
    try:
        return read(message)
    except ValueError as error:
        return str(error)


class SpellingTest(unittest.TestCase):
    """What comes in other words, and means the same; and what does not."""

    def challenge(self, text: bytes) -> messages.Challenge:
        return messages.read_challenge(text)

    def test_quotes_and_white_space(self) -> None:
        """Either form of a value, white space between words, empty elements, case."""
        plain = self.challenge(
            b'nonce="abc",algorithm=md5-sess,qop="auth",charset=utf-8'
        )
        for text in (
            b'nonce=abc,algorithm="md5-sess",qop=auth,charset="utf-8"',
            b' nonce = "abc" ,\talgorithm=md5-sess,qop="auth", charset=utf-8 ',
            b',,nonce="abc",,algorithm=md5-sess, ,qop=" auth ,",charset=UTF-8,',
            b'Nonce="abc",ALGORITHM=MD5-Sess,qop="auth",Charset=utf-8',
            b'nonce="abc"\r\n ,\r\n\talgorithm=md5-sess,qop="auth",charset=utf-8',
            b'nonce="\\abc",algorithm=md5-sess,qop="\\a\\u\\t\\h",charset=utf-8',
            b'nonce="abc",algorithm=md5-sess,charset=utf-8,stale=true,x=y,x="z"',
        ):
            with self.subTest(text):
                self.assertEqual(self.challenge(text), plain)

    def test_sizes(self) -> None:
        """Leading zeros are nothing; 17 octets to 16 MB are a buffer."""
        good = b'nonce="a",algorithm=md5-sess,maxbuf='
        for digits, size in ((b"0065536", 65536), (b"17", 17), (b"16777215", 16777215)):
            self.assertEqual(self.challenge(good + digits).buffer, size)
        for digits in (b"0", b"000", b"16", b"16777216", b"+17", b"1e4", b'""'):
            with self.subTest(digits), self.assertRaises(ValueError):
                self.challenge(good + digits)

    def test_what_is_not_said(self) -> None:
        """The buffer has 65536 octets then, the quality is auth (section 2.1.1)."""
        for challenge in (CHALLENGE, USUAL[0]):
            read = self.challenge(challenge)
            self.assertEqual((read.buffer, read.qop), (65536, {b"auth"}))
        for response in (USUAL[1], USUAL[1].replace(b",qop=auth", b"")):
            said = messages.read_response(response)
            self.assertEqual(
                (said.buffer, said.qop, said.cipher), (65536, b"auth", b"")
            )
            self.assertIsNone(said.authzid)

    def test_what_must_be_there(self) -> None:
        """And not be empty; what may be left out, may not be empty either."""
        for read, whole, optional in (
            (self.challenge, USUAL[0], (b"realm", b"qop", b"charset")),
            (messages.read_response, USUAL[1], (b"realm", b"qop", b"charset")),
        ):
            known = whole.split(b",")
            for index, one in enumerate(known):
                name = one[: one.index(b"=") + 1]
                gone = b",".join([*known[:index], *known[index + 1 :]])
                if one.startswith(optional):
                    read(gone)
                else:
                    with self.subTest(gone), self.assertRaises(ValueError):
                        read(gone)
                empty = b",".join([*known[:index], name + b'""', *known[index + 1 :]])
                if name in (b"realm=", b"qop="):
                    read(empty)  # whether one is acceptable, is seen later
                    continue
                with self.subTest(empty), self.assertRaises(ValueError):
                    read(empty)
        with self.assertRaisesRegex(ValueError, "without a cipher"):
            self.challenge(CHALLENGE + b',qop="auth,auth-conf"')
        with self.assertRaisesRegex(ValueError, "authzid is empty"):
            messages.read_response(USUAL[1] + b',authzid=""')

    def test_names_in_no_character_set(self) -> None:
        """Without a word of it they are ISO 8859-1 (section 2.1.2); Cyrus's client says
        nothing, and sends UTF-8.
        """
        for octets, name in ((b"j\xfc", "j\xfc"), (b"j\xc3\xbc", "j\xfc")):
            said = USUAL[1].replace(b'="u"', b'="%b"' % octets)
            said = said.replace(b'="r"', b'="%b"' % octets)
            read = messages.read_response(said.replace(b",charset=utf-8", b""))
            self.assertEqual((read.username, read.realm), (name, name))
        with self.assertRaisesRegex(ValueError, "not UTF-8"):
            messages.read_response(USUAL[1].replace(b'="u"', b'="j\xfc"'))

    def test_each_comes_once(self) -> None:
        """But realms of a server, and what nobody knows."""
        proof = b"0" * 32
        for read, whole, more in (
            (
                messages.read_challenge,
                USUAL[0],
                (b"stale=true", b"maxbuf=99", b'cipher="rc4"'),
            ),
            (
                messages.read_response,
                USUAL[1],
                (b"maxbuf=99", b"cipher=rc4", b'authzid="a"'),
            ),
            (messages.read_rspauth, b"rspauth=" + proof, ()),
        ):
            known = [*whole.split(b","), *more]
            message = b",".join(known)
            read(message)
            read(message + b",x=y,x=y")
            for one in known:
                realms = read is messages.read_challenge and one.startswith(b"realm")
                name, _, value = one.partition(b"=")
                for again in (one, name.upper() + b"=" + value):
                    with self.subTest(again):
                        if realms:
                            read(message + b"," + again)
                            continue
                        with self.assertRaisesRegex(ValueError, "comes twice"):
                            read(message + b"," + again)

    def test_lengths(self) -> None:
        """Less than 2048 octets from a server, less than 4096 from a client."""
        for read, whole, limit in (
            (messages.read_challenge, USUAL[0], 2048),
            (messages.read_response, USUAL[1], 4096),
            (messages.read_rspauth, b"rspauth=" + b"0" * 32, 2048),
        ):
            for head in (whole + b",x=", whole + b',x="\\'):
                end = b'"' if b"\\" in head else b""
                longest = head + b"a" * (limit - 1 - len(head + end)) + end
                self.assertEqual(read(longest), read(whole))
                with self.assertRaisesRegex(ValueError, f"{limit} octets or more"):
                    read(longest[: len(head)] + b"a" + longest[len(head) :])

    def test_digits(self) -> None:
        """Eight of a nonce count, 32 of a proof, all hexadecimal, none in capitals."""
        for right, wrong in (
            (
                b"nc=00000001",
                (b"0000000", b"000000001", b"0000000g", b"0000000x", b"0000000A"),
            ),
            (b"response=" + b"0" * 32, (b"0" * 31, b"0" * 33, b"x" * 32, b"F" * 32)),
        ):
            name = right[: right.index(b"=") + 1]
            for digits in (*wrong, b'""', b'" 0000001"'):
                with self.subTest(right, digits=digits):
                    with self.assertRaisesRegex(ValueError, "hexadecimal"):
                        messages.read_response(USUAL[1].replace(right, name + digits))
        for digits in (b"0" * 31, b"0" * 33, b"g" * 32, b"F" * 32, b'""'):
            with self.subTest(digits), self.assertRaisesRegex(ValueError, "rspauth"):
                messages.read_rspauth(b"rspauth=" + digits)

    def test_the_spellings_of_a_proof(self) -> None:
        """As it is mostly written, or as any directive; digits alone are none."""
        proof = b"0123456789abcdef" * 2
        for text in (
            b"rspauth=" + proof,
            b'rspauth="%b"' % proof,
            b'RspAuth = "%b"' % proof,
            b"x=y,rspauth=%b,z=1" % proof,
            b",rspauth=%b," % proof,
        ):
            with self.subTest(text):
                self.assertEqual(messages.read_rspauth(text), proof)
        for text in (
            proof,
            b"response=" + proof,
            b"rspauth" + proof,
            b"rspauth:" + proof,
            b"rspauth==" + proof,
            b"rspauth=" + proof + b"\0",
            b"rspauth=" + proof + b" x",
            b"xrspauth=" + proof,
            b"",
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                messages.read_rspauth(text)

    def test_no_list_of_directives(self) -> None:
        """Each is refused, whatever else is in it."""
        good = b'nonce="a",algorithm=md5-sess'
        for text in (
            b"",
            b",",
            good + b",x",
            good + b",x=",
            good + b",=x",
            good + b"x=y",
            good + b' x="y"',
            good + b',a="x",,b="y"c=d',
            good + b',x="y',
            good + b',x="y\\',
            good + b',x=y"',
            good + b',x="y"z',
            good + b',x="\\\xc3\xa4"',
            good + b',x="\0"',
            good + b',x="\n"',
            good + b',x="\x7f"',
            good + b",x=y;z=a",
            b'nonce="a";algorithm=md5-sess,x=y',
            b'nonce="a"algorithm=md5-sess,x=y',
            b'nonce="a" algorithm=md5-sess,x=y',
            b'nonce="a",algorithm=md5-sess x=y',
            good + b",x=\xc3\xa4",
            good + b"\n",
            good + b"\r\n",
            b"\r\n" + good,
            b"\0" + good,
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                self.challenge(text)

    def test_usual_messages(self) -> None:
        """Read at once, a message means what it does read one directive after another."""
        for usual, read in zip(
            USUAL, (messages.read_challenge, messages.read_response), strict=True
        ):
            whole = usual.split(b",")
            bare = [one for one in whole if not one.startswith(b"realm")]
            for directives in (*variants(whole), *variants(bare)):
                message = b",".join(directives)
                with mock.patch.object(messages, "_usual", return_value=None):
                    slowly = outcome(read, message)
                self.assertEqual(outcome(read, message), slowly, message)

    def test_written_is_read(self) -> None:
        """Quotes and backslashes in every value that may have them."""
        odd = 'a"b\\c,d=e '
        for charset in ("utf-8", "latin-1"):
            response = messages.Response(
                odd + "\xe9",
                odd,
                b'no"nce\\',
                b"0000000f",
                b"\\",
                b"auth-conf",
                b'a/"',
                b"0" * 32,
                17,
                b"rc4-40",
                b'"',
            )
            text = messages.write_response(response, charset)
            with self.subTest(charset):
                self.assertEqual(messages.read_response(text), response)

    def test_a_changed_challenge_fails_or_means_the_same(self) -> None:
        """A client that goes on has said what the honest server wants to hear."""
        asked = server(NAME)
        honest = asked.start().data
        counted = 0
        for changed in mutations(honest):
            asking = client(NAME)
            try:
                response = asking.step(changed)
            except sasl.SASLError:
                continue
            twin = copy.deepcopy(asked)
            event: Any = twin.step(response)
            if isinstance(event, sasl.Request):
                event = event.answer(accounts.PASSWORD)
            counted += isinstance(event, sasl.Success)
            if isinstance(event, sasl.Failure):
                with self.assertRaises(sasl.ServerNotAuthenticated):
                    asking.finish()
        self.assertGreater(counted, 5)

    @given(st.binary(max_size=60))
    def test_any_tail(self, tail: bytes) -> None:
        """Whatever comes behind a good message, the readers return or raise Malformed."""
        for read, good in (
            (messages.read_challenge, CHALLENGE),
            (messages.read_response, CHALLENGE),
            (messages.read_rspauth, b"rspauth=" + b"0" * 32),
        ):
            for text in (tail, good + tail, good + b"," + tail):
                try:
                    read(text)
                except ValueError as error:
                    self.assertNotIsInstance(error, UnicodeError)


if __name__ == "__main__":
    unittest.main()
