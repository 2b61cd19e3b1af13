"""The messages of OTP: the challenge, and the extended responses (RFC 2243).

    challenge     = "otp-" algorithm 1*SP sequence 1*SP seed 1*SP "ext" ["," set-list]
    response      = "hex:" 16HEX / "word:" 6word
                    / "init-hex:" 16HEX ":" new-params ":" 16HEX
                    / "init-word:" 6word ":" new-params ":" 6word
    new-params    = algorithm 1*SP 1*4DIGIT 1*SP seed

White space between hexadecimal digits, and more than one between words, is ignored.
"""

from __future__ import annotations

from binascii import a2b_hex

from .._strict import Malformed, integer, utf8
from ..otp import ALGORITHMS, MAX_SEQUENCE, SIZE, OtpState, from_words

_MAX = 512  # octets; the longest response has about a hundred
_HEX = b"0123456789abcdefABCDEF"
_TYPES = frozenset({b"hex", b"word", b"init-hex", b"init-word"})
_MAX_DIGITS = 4
_FEWEST = 2  # with a last one numbered 1, the first login would be refused


def read_challenge(challenge: bytes) -> tuple[str, int, str]:
    """Return algorithm, sequence number and seed; raise Malformed."""
    fields = challenge.split() if len(challenge) <= _MAX else []
    if len(fields) != 4 or fields[3].partition(b",")[0] != b"ext":
        raise Malformed("a challenge of OTP is four words, the last ext (RFC 2444)")
    algorithm = fields[0].removeprefix(b"otp-")
    if algorithm == fields[0]:
        raise Malformed("a challenge of OTP begins with otp- (RFC 2289, section 6.0)")
    # None is numbered 0: whoever has that one has all that come before.
    sequence = integer(fields[1], 1, MAX_SEQUENCE, "sequence number")
    return _algorithm(algorithm), sequence, _ascii(fields[2], "seed")


def write_challenge(state: OtpState) -> bytes:
    """Ask for the next one-time password."""
    return f"otp-{state.algorithm} {state.sequence - 1} {state.seed} ext".encode()


def write_renewal(octets: bytes, new: OtpState) -> bytes:
    """Write the response that gives a new state, too."""
    terms = f"{new.algorithm} {new.sequence} {new.seed}"
    return f"init-hex:{octets.hex()}:{terms}:{new.last.hex()}".encode()


def read_response(
    response: bytes, state: OtpState
) -> tuple[bytes, OtpState | None, str]:
    """Return the one-time password, the new state, and what is wrong with that.

    Raise Malformed for all else: what is wrong with a new state counts only once the
    one-time password is used up (RFC 2243, section 4.3).
    """
    if len(response) > _MAX:
        raise Malformed(f"a response of OTP has {_MAX} octets at most")
    kind, _, rest = response.partition(b":")
    kind = kind.lower()
    if kind not in _TYPES:
        raise Malformed("not a type of extended response (RFC 2243, section 2.2)")
    in_words = kind.endswith(b"word")
    current, *more = rest.split(b":")
    if len(more) != (2 if kind.startswith(b"init-") else 0):
        raise Malformed("an extended response with too few or too many fields")
    octets = _one_time(current, state.algorithm, in_words=in_words)
    if not more:
        return octets, None, ""
    try:
        return octets, _new_state(state, *more, in_words=in_words), ""
    except Malformed as error:
        return octets, None, str(error)


def _new_state(old: OtpState, terms: bytes, last: bytes, *, in_words: bool) -> OtpState:
    fields = terms.split()
    if len(fields) != 3:
        raise Malformed("new parameters are algorithm, sequence and seed (RFC 2243)")
    algorithm, seed = _algorithm(fields[0]), _ascii(fields[2], "seed")
    # The RFC writes it with three or four digits: 099 is a number, too.
    digits = fields[1].lstrip(b"0") if len(fields[1]) <= _MAX_DIGITS else fields[1]
    sequence = integer(digits, _FEWEST, MAX_SEQUENCE, "sequence number")
    # By an old seed the old one-time passwords would come again; case does not count.
    if seed.lower() == old.seed.lower():
        raise Malformed("the new seed is the old one (RFC 2289, section 6.0)")
    octets = _one_time(last, algorithm, in_words=in_words)
    return OtpState(algorithm, sequence, seed, octets)


def _one_time(text: bytes, algorithm: str, *, in_words: bool) -> bytes:
    if in_words:
        return from_words(utf8(text), algorithm)
    digits = b"".join(text.split())
    if len(digits) != 2 * SIZE or digits.translate(None, _HEX):
        raise Malformed(f"a one-time password is {2 * SIZE} hexadecimal digits")
    return a2b_hex(digits)


def _algorithm(word: bytes) -> str:
    name = _ascii(word, "algorithm")
    if name not in ALGORITHMS:
        raise Malformed("the algorithm is neither md5 nor sha1")
    return name


def _ascii(word: bytes, what: str) -> str:
    if not word.isascii():
        raise Malformed(f"the {what} is not in ASCII")
    return word.decode("ascii")
