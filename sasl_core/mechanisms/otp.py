"""OTP (RFC 2444): one-time passwords out of a passphrase (RFC 2289).

    initial response = [authzid] NUL authcid
    challenge        = "otp-md5 499 ke1234 ext"
    response         = "hex:5bf075d9959d036f"            ; or another, see _otp_messages

The server stores the last one-time password, whose hash the next one must have, and puts
the next one in its place in one atomic step: of two logins with the same, one gets in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._events import ConsumeOtp, Failure, FindOtp, Success
from .._reasons import Reason
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed
from .._values import Identity
from ..otp import USUAL, OtpState, compute, fresh_seed
from . import _identities as identities
from . import _otp_messages as messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

_MAX_NAME = 255  # octets (RFC 2444, section 4)
# The client begins anew before it has none left: then only the administrator could.
_RENEW_AT, _RENEW_WITH = 10, 500


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record; the nonce is a new seed."""
    authzid = b""
    if credentials.authzid:
        authzid = identities.prepared(credentials.authzid, "authzid", terms.policy)
    username = identities.prepared(credentials.username, "user name", terms.policy)
    if max(len(authzid), len(username)) > _MAX_NAME:
        raise Malformed(f"OTP carries names of {_MAX_NAME} octets at most (RFC 2444)")
    passphrase = credentials.password or ""
    identities.write_password(passphrase)
    problem = ""
    try:
        compute(passphrase, "seed", 0)  # only to refuse at once what cannot be used
    except ValueError as error:
        problem = str(error)
    if problem:
        raise Malformed(problem)
    seed = fresh_seed() if nonce is None else nonce.decode("ascii", "replace")
    return authzid + b"\0" + username, _AwaitChallenge(username, passphrase, seed)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_NAMES


@dataclass(slots=True)
class _AwaitChallenge(ClientRecord):
    username: bytes
    passphrase: str = field(repr=False)
    new_seed: str

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        algorithm, sequence, seed = messages.read_challenge(challenge)
        memory = terms.policy.memory
        if memory is not None:
            # Somebody who is no server could ask for a low number at once, and compute
            # from that all that come before.
            key = ("OTP", terms.channel.host, self.username, algorithm, seed.lower())
            # Never a higher one: he could ask for that, too, to have the server refused.
            last = memory.look(key) or sequence
            if sequence < last - terms.policy.otp_jump:
                raise Malformed(
                    "the number is too far below the last: it would give the others away"
                )
            memory.put(key, min(last, sequence))
        problem = ""
        try:
            octets = compute(self.passphrase, seed, sequence, algorithm)
            if sequence > _RENEW_AT:
                return b"hex:" + octets.hex().encode(), SATISFIED
            new = OtpState.derive(
                self.passphrase, algorithm, sequence=_RENEW_WITH, seed=self.new_seed
            )
            return messages.write_renewal(octets, new), SATISFIED
        except ValueError as error:
            problem = str(error)
        raise Malformed(problem)


class _AwaitNames(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        authzid, nul, authcid = response.partition(b"\0")
        if not nul:
            raise Malformed("OTP begins with [authzid] NUL authcid (RFC 2444)")
        policy, limit = terms.policy, _MAX_NAME
        username = identities.read(authcid, "user name", policy, limit=limit)
        wanted = ""
        if authzid:
            wanted = identities.read(authzid, "authzid", policy, limit=limit)
        return FindOtp(username), _AwaitState(Identity(username, wanted))


_AWAIT_NAMES = _AwaitNames()


@dataclass(slots=True)
class _AwaitState(Asking):
    identity: Identity

    def take(self, answer: OtpState | None, terms: Terms) -> ServerMove:
        if answer is not None and answer.sequence < 2:  # none is left to ask for
            detail = "the one-time passwords are used up"
            return Failure(Reason.PASSWORD_EXPIRED, detail), None
        # Made for known users too, so that both cost the same.
        decoy = USUAL.drawn(terms.policy.draw(self.identity.authcid))
        state = answer or decoy
        following = _AwaitOneTime(self.identity, state, known=answer is not None)
        return messages.write_challenge(state), following


@dataclass(slots=True)
class _AwaitOneTime(ServerRecord):
    identity: Identity
    state: OtpState
    known: bool

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        octets, new, problem = messages.read_response(response, self.state)
        if not self.state.fits(octets) or not self.known:
            detail = "unknown user or wrong one-time password"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        # One with new parameters that are wrong is used up all the same (RFC 2243, 4.3).
        asked = ConsumeOtp(
            self.identity.authcid, self.state, new or self.state.after(octets)
        )
        return asked, _AwaitConsumed(self.identity, problem)


@dataclass(slots=True)
class _AwaitConsumed(Asking):
    identity: Identity
    problem: str

    def take(self, answer: bool, terms: Terms) -> ServerMove:
        if not answer:
            detail = "another login has used this one-time password"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        if self.problem:
            raise Malformed(self.problem)
        return Success(self.identity), None
