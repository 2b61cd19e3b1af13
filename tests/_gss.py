"""A security context in twenty lines of HMAC, with the interface of `gssapi`'s.

initiator: header principal MAC(bindings, flags)     acceptor: MAC(that)
wrapped:   %x00/%x01 message MAC(side, number, message)     ; %x01: encrypted
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sasl_core.mechanisms import _gss_messages as messages

MUTUAL, CONFIDENTIALITY, INTEGRITY, ANONYMITY, BOUND = 2, 16, 32, 64, 2048
FLAGS = {"none": 0, "integrity": INTEGRITY, "confidentiality": INTEGRITY + 16}
_TAG = 8
_TWIST = bytes(octet ^ 0x55 for octet in range(256))


class Fault(Exception):
    """What this context raises; its text must never be shown."""


class Wrapped(NamedTuple):
    """What wrap and unwrap return."""

    message: bytes
    encrypted: bool


@dataclass
class Context:
    """Either side. Who has not the same `password` has no ticket."""

    initiates: bool
    password: str
    principal: str = ""
    bindings: bytes | None = None
    actual_flags: int = MUTUAL
    oid: bytes = b""  # with it, the first token has a header
    complete: bool = False
    _first: bytes = b""
    _sent: int = 0
    _received: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def initiator_name(self) -> Any:
        """Return the principal, once it is known."""
        return self.principal or None

    def step(self, token: bytes | None = None) -> bytes | None:
        """Take a token and return the next one."""
        if self.complete:
            raise Fault(f"no token is due: {token!r}")
        if self.initiates:
            return self._initiate(token)
        return self._accept(token or b"")

    def _initiate(self, token: bytes | None) -> bytes | None:
        if token is None:
            flags = self.actual_flags & ~BOUND
            text = self.principal.encode() + bytes([flags])
            self._first = text + self._mac(b"i", text, self.bindings or b"-")
            if self.oid:
                self._first = messages.restore(self._first, self.oid)
            self.complete = not flags & MUTUAL
            return self._first
        if not hmac.compare_digest(token, self._mac(b"a", self._first)):
            raise Fault("this is not who has the key")
        self.complete = True
        return None

    def _accept(self, token: bytes) -> bytes | None:
        inner = messages.strip(token, self.oid) if self.oid else token
        if inner is None or len(inner) < _TAG + 2:
            raise Fault(f"no token: {token!r}")
        text, tag = inner[:-_TAG], inner[-_TAG:]
        for bindings in {self.bindings or b"-", b"-"}:
            if hmac.compare_digest(tag, self._mac(b"i", text, bindings)):
                break
        else:
            raise Fault(f"no ticket, or bound to something else: {token!r}")
        bound = BOUND if bindings != b"-" else 0
        self.principal, self.actual_flags = text[:-1].decode(), text[-1] | bound
        self.complete = True
        mutual = self.actual_flags & MUTUAL
        return self._mac(b"a", token) if mutual else None

    def wrap(self, message: bytes, encrypt: bool) -> Wrapped:
        """Protect a message."""
        tag = self._mac(b"w", b"%d%d" % (self.initiates, self._sent), message)
        self._sent += 1
        encrypt = encrypt and bool(self.actual_flags & CONFIDENTIALITY)
        body = message.translate(_TWIST) if encrypt else message
        return Wrapped(bytes([encrypt]) + body + tag, encrypt)

    def unwrap(self, message: bytes) -> Wrapped:
        """Open a protected message, in its turn only."""
        encrypted, body, tag = message[:1], message[1:-_TAG], message[-_TAG:]
        if encrypted not in (b"\0", b"\1"):
            raise Fault(f"not wrapped: {message[:99]!r}")
        plain = body.translate(_TWIST) if encrypted == b"\1" else body
        number = b"%d%d" % (not self.initiates, self._received)
        if not hmac.compare_digest(tag, self._mac(b"w", number, plain)):
            raise Fault(f"changed, or out of its turn: {message[:99]!r}")
        self._received += 1
        return Wrapped(plain, encrypted == b"\1")

    def get_wrap_size_limit(self, size: int, encrypted: bool = True) -> int:
        """Return how much goes into a protected message of this size."""
        return max(0, size - 1 - _TAG)

    def _mac(self, *parts: bytes) -> bytes:
        text = b"|".join(parts)
        return hmac.digest(self.password.encode(), text, hashlib.sha256)[:_TAG]


@dataclass
class Polite(Context):
    """Two tokens more, as SPNEGO may have: the first ones only say hello."""

    met: bool = False
    _later: int = 0

    def step(self, token: bytes | None = None) -> bytes | None:
        """Greet; then take a token and return the next one."""
        if self.initiates and token is None:
            self._hide()
            return b"hello"
        if not self.met and not self.initiates:
            self.met = True
            return b"hello to you"
        self.actual_flags |= self._later
        answer = super().step(None if token == b"hello to you" else token)
        if not self.complete:
            self._hide()
        return answer

    def _hide(self) -> None:
        """What it can do is not known before the end (RFC 2743, section 2.2.1)."""
        self._later, self.actual_flags = self.actual_flags, 0


@dataclass
class Maker:
    """Make initiators, as `Credentials.gss` may; `asked` is what they were made for."""

    principal: str
    password: str
    flags: int = MUTUAL
    header: bool = True
    kind: type[Context] = Context
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(
        self,
        target: str,
        *,
        mechanism: str,
        bindings: bytes | None,
        layers: tuple[str, ...],
    ) -> Context:
        self.asked.append(
            {
                "target": target,
                "mechanism": mechanism,
                "bindings": bindings,
                "layers": layers,
            }
        )
        flags = self.flags
        for layer in layers:
            flags |= FLAGS[layer]
        oid = messages.der(mechanism) if self.header else b""
        return self.kind(True, self.password, self.principal, bindings, flags, oid)


def acceptor(request: Any, password: str, *, header: bool = True) -> Context:
    """Make what answers an AcceptSecurityContext."""
    spnego = request.mechanism == "GSS-SPNEGO"
    oid = messages.der(messages.SPNEGO if spnego else messages.KERBEROS)
    return Context(
        False, password, bindings=request.bindings, oid=oid if header else b""
    )
