"""Channel and ChannelBinding: the facts about the connection that security depends on."""

from __future__ import annotations

from ._strict import must_be_octets
from ._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal, Protocol

    class TLSObject(Protocol):
        """What `Channel.from_ssl` asks of `ssl.SSLSocket` and `ssl.SSLObject`."""

        def version(self) -> str | None: ...
        def get_channel_binding(self, cb_type: str = ...) -> bytes | None: ...
        def getpeercert(self, binary_form: Literal[True]) -> bytes | None: ...

        @property
        def server_side(self) -> bool: ...


_set = object.__setattr__
_NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"


def is_binding_name(name: bytes) -> bool:
    """Tell whether this is a cb-name (RFC 5801, section 4)."""
    return bool(name) and not name.translate(None, _NAME)


class ChannelBinding(Frozen):
    """Octets that only the two ends of this very TLS connection know (RFC 5056).

    `type` is the registered name, `data` the raw octets; none stand for a binding that
    the connection could not give, which a Channel leaves out. The constructor takes what
    it is given, the class methods know the rules of each type. Raise ValueError for a
    name outside the grammar (RFC 5801, section 4: letters, digits, "." and "-").
    """

    __slots__ = __match_args__ = ("type", "data")
    _secret = frozenset({"data"})

    type: str
    data: bytes

    def __init__(self, type: str, data: bytes) -> None:
        if not is_binding_name(type.encode(errors="surrogatepass")):
            raise ValueError("not the name of a channel binding type (RFC 5801)")
        must_be_octets(data)
        _set(self, "type", type)
        _set(self, "data", data)

    @classmethod
    def tls_exporter(
        cls,
        data: bytes,
        *,
        version: str,
        extended_master_secret: bool = False,
        renegotiation: bool = False,
    ) -> ChannelBinding:
        """Take exported keying material: label `EXPORTER-Channel-Binding`, no context,
        32 octets (RFC 9266, section 2).

        `version` is TLS's as the ssl module names it. Raise ValueError below TLS 1.3
        unless the extended master secret (RFC 7627) is known to be in use, and
        renegotiation known to be impossible (section 4.2).
        """
        if len(data) != 32:
            raise ValueError("tls-exporter has 32 octets (RFC 9266, section 2)")
        if version != "TLSv1.3" and (renegotiation or not extended_master_secret):
            raise ValueError(
                "tls-exporter below TLS 1.3 needs the extended master secret, and no"
                " renegotiation (RFC 9266, sections 2 and 4.2)"
            )
        return cls("tls-exporter", data)

    @classmethod
    def tls_unique(cls, data: bytes, *, version: str) -> ChannelBinding:
        """Take the first Finished message (RFC 5929, section 3).

        Raise ValueError on TLS 1.3, where it is not defined (RFC 8446, appendix C.5).
        """
        if version == "TLSv1.3":
            raise ValueError("tls-unique is not defined for TLS 1.3 (RFC 9266)")
        return cls("tls-unique", data)

    @classmethod
    def tls_server_end_point(cls, certificate: bytes) -> ChannelBinding:
        """Hash the server's certificate, given in DER (RFC 5929, section 4).

        Raise ValueError where its signature names no single hash (Ed25519) or the DER
        cannot be read: then the type is undefined.
        """
        from ._end_point import end_point_hash

        return cls("tls-server-end-point", end_point_hash(certificate))


class Channel(Frozen):
    """The facts about the connection.

    `encrypted`: nobody else can read it, and a client has verified the certificate.
    `service`: GSSAPI's name of the protocol: "smtp", "imap", "pop", "ldap", "xmpp", ...
    `host`, `port`: what the client connected to; on a server its own name and port.
    `bindings`: the channel bindings that can be had, the preferred one first.
    `external`: an identity proven outside SASL (a verified TLS client certificate,
        SO_PEERCRED): what EXTERNAL takes for the name.
    `remote`: the peer's address, for logs and limits.

    Kerberos and DIGEST-MD5 need `service` and `host`, on both sides the same.
    """

    __slots__ = __match_args__ = (
        "encrypted",
        "service",
        "host",
        "port",
        "bindings",
        "external",
        "remote",
    )

    encrypted: bool
    service: str
    host: str
    port: int | None
    bindings: tuple[ChannelBinding, ...]
    external: str | None
    remote: str | None

    def __init__(
        self,
        encrypted: bool,
        *,
        service: str = "",
        host: str = "",
        port: int | None = None,
        bindings: Iterable[ChannelBinding] = (),
        external: str | None = None,
        remote: str | None = None,
    ) -> None:
        if not isinstance(encrypted, bool):
            raise TypeError("whether a channel is encrypted is True or False")
        _set(self, "encrypted", encrypted)
        _set(self, "service", service)
        _set(self, "host", host)
        _set(self, "port", port)
        _set(self, "bindings", tuple(one for one in bindings if one.data))
        _set(self, "external", external)
        _set(self, "remote", remote)

    @classmethod
    def from_ssl(
        cls,
        tls: TLSObject,
        *,
        service: str = "",
        host: str = "",
        port: int | None = None,
        external: str | None = None,
        remote: str | None = None,
        certificate: bytes | None = None,
        exporter: bytes | None = None,
    ) -> Channel:
        """Read the facts off an `ssl.SSLSocket` or `ssl.SSLObject` after its handshake.

        A server passes its own `certificate` (DER): the ssl module cannot tell it, and
        without it there is no -PLUS to offer.
        `exporter` is the keying material of `ChannelBinding.tls_exporter`, from a TLS
        stack that exports it; without it TLS 1.3 binds to the certificate only. An
        identity is never read off a certificate here: whether it was verified, and
        which of its names counts, only the application knows. Raise ValueError before
        the handshake, TypeError for what is no TLS at all.
        """
        try:
            version = tls.version()
        except AttributeError:
            raise TypeError(f"{type(tls).__name__} is no TLS connection") from None
        if version is None:
            raise ValueError("the TLS handshake is not done")
        if certificate is None and not tls.server_side:
            certificate = tls.getpeercert(True)
        return cls(
            True,
            service=service,
            host=host,
            port=port,
            bindings=_bindings(tls, version, certificate, exporter),
            external=external,
            remote=remote,
        )

    def over_tls(
        self,
        tls: TLSObject,
        *,
        external: str | None = None,
        certificate: bytes | None = None,
        exporter: bytes | None = None,
    ) -> Channel:
        """Return the same channel after STARTTLS; the rest as `from_ssl`."""
        return Channel.from_ssl(
            tls,
            service=self.service,
            host=self.host,
            port=self.port,
            external=external,
            remote=self.remote,
            certificate=certificate,
            exporter=exporter,
        )


def _bindings(
    tls: TLSObject, version: str, certificate: bytes | None, exporter: bytes | None
) -> list[ChannelBinding]:
    found = []
    if exporter is not None:
        found.append(ChannelBinding.tls_exporter(exporter, version=version))
    if version != "TLSv1.3":
        unique = tls.get_channel_binding("tls-unique")
        if unique:
            found.append(ChannelBinding.tls_unique(unique, version=version))
    if certificate:
        try:
            end_point = ChannelBinding.tls_server_end_point(certificate)
        except ValueError:
            # Undefined for some certificates: that is one binding less, and no error.
            return found
        found.append(end_point)
    return found
