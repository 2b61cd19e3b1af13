"""SAML20 (RFC 6595) and OPENID20 (RFC 6616): a browser proves who the user is, elsewhere.

    initial response = gs2-header (identity provider / OpenID)
    challenge        = URL to open in a browser
    response         = "="
    outcome          = [sreg-avp *("," sreg-avp)] / "openid.error=" text    ; OPENID20 only

The flag of the GS2 header is n: neither binds the channel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._errors import CredentialsError
from .._events import BeginRedirect, Failure, FinishRedirect, Success
from .._reasons import Reason
from .._states import SATISFIED, Asking, ClientRecord, ServerRecord
from .._strict import Malformed, is_https, utf8
from .._values import Identity
from . import _gs2 as gs2
from . import _identities as identities
from . import _prompts as prompts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Asserted, Credentials, Prompt

_VISIBLE = bytes(range(0x21, 0x7F))
_ERROR = "openid.error"
# RFC 6595 and 6616 write the empty response as "=", and their examples have base64 of
# that; GNU SASL sends and takes nothing else. An empty one means the same.
_DONE = b"="


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    authzid = b""
    if credentials.authzid:
        authzid = identities.prepared(credentials.authzid, "authzid", terms.policy)
    provider = credentials.provider.encode("ascii", "replace")
    if not credentials.provider.isascii():
        raise Malformed("the provider is not in ASCII")
    _check_provider(provider, terms.name)
    prompt = credentials.prompt
    if prompt is None:  # a client without one never chooses us
        raise Malformed("nobody is there to open a browser")
    return gs2.header(b"n", authzid) + provider, _AwaitUrl(prompt)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_PROVIDER


@dataclass(slots=True)
class _AwaitUrl(ClientRecord):
    prompt: Prompt

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        url = utf8(challenge)
        # A server must not make a browser run a script, or open a file.
        if not is_https(url):
            raise Malformed("the challenge is not a URL with https")
        _, problem = prompts.ask(self.prompt, "redirect", url)
        if problem:
            return CredentialsError(problem), None
        return _DONE, SATISFIED if terms.name == "SAML20" else _AWAIT_OUTCOME


class _AwaitOutcome(ClientRecord):
    __slots__ = ()
    satisfied = True  # a server that has nothing to tell sends no outcome

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        pairs = utf8(challenge).split(",")
        # openid.error_code may come first, or alone.
        if any(pair.startswith(_ERROR) for pair in pairs):
            return _DONE, _REFUSED
        return b"", SATISFIED


class _Refused(ClientRecord):
    """The server said no: a success after that is a lie."""

    __slots__ = ()

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        raise Malformed("a challenge after openid.error (RFC 6616, section 3.4)")


_AWAIT_OUTCOME, _REFUSED = _AwaitOutcome(), _Refused()


class _AwaitProvider(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        flag, authzid, provider = gs2.split(response)
        if flag != b"n":
            raise Malformed(f"the flag of {terms.name} is n: it binds no channel")
        wanted = ""
        if authzid:
            wanted = identities.read(gs2.unescape(authzid), "authzid", terms.policy)
        _check_provider(provider, terms.name)
        name = provider.decode("ascii")
        return BeginRedirect(name), _AwaitRedirect(wanted, name)


_AWAIT_PROVIDER = _AwaitProvider()


@dataclass(slots=True)
class _AwaitRedirect(Asking):
    wanted: str
    provider: str

    def take(self, answer: str | None, terms: Terms) -> ServerMove:
        if answer is None:
            detail = "a provider that is not trusted here"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        following = _AwaitDeparture(self.wanted, self.provider, answer)
        return answer.encode("ascii"), following


@dataclass(slots=True)
class _AwaitDeparture(ServerRecord):
    wanted: str
    provider: str
    url: str = field(repr=False)

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        _check_done(response)
        asked = FinishRedirect(self.provider, self.url)
        return asked, _AwaitAssertion(self.wanted)


@dataclass(slots=True)
class _AwaitAssertion(Asking):
    wanted: str

    def take(self, answer: Asserted | None, terms: Terms) -> ServerMove:
        openid = terms.name == "OPENID20"
        if answer is None:
            following = _AWAIT_DISMISSAL
            if openid:
                # A failure carries no data, so the error is one more challenge
                # (RFC 6616, section 3.4).
                return b"openid.error=fail", following
            return Failure(Reason.BAD_CREDENTIALS, following.refused), None
        data = None
        if openid and answer.attributes is not None:
            data = _outcome(answer.attributes)
        return Success(Identity(answer.identity, self.wanted), data), None


class _AwaitDismissal(ServerRecord):
    __slots__ = ()
    refused = "the provider did not say who it is"

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        _check_done(response)
        return Failure(Reason.BAD_CREDENTIALS, self.refused), None


_AWAIT_DISMISSAL = _AwaitDismissal()


def _check_provider(provider: bytes, mechanism: str) -> None:
    if not 0 < len(provider) <= identities.MAX_NAME:
        raise Malformed(f"a provider has 1 to {identities.MAX_NAME} characters")
    if provider.translate(None, _VISIBLE):
        raise Malformed("a provider has visible ASCII characters only")
    # An XRI, which an OpenID may be too, is none here (RFC 6616, section 3.1).
    if mechanism == "OPENID20" and not provider.startswith((b"https://", b"http://")):
        raise Malformed("an OpenID is a URL (RFC 6616, section 3.1)")


def _check_done(response: bytes) -> None:
    if response not in (_DONE, b""):
        raise Malformed("the answer to the redirect is = and nothing else")


def _outcome(attributes: tuple[tuple[str, str], ...]) -> bytes:
    from urllib.parse import quote

    pairs = (f"{name}={quote(value, safe='@')}" for name, value in attributes)
    return ",".join(pairs).encode("ascii")
