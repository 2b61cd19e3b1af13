"""Our own mechanisms, as data; `mechanisms.Mechanism` says what each fact means."""

from __future__ import annotations

from ._events import (
    AcceptSecurityContext,
    BeginRedirect,
    CheckPasscode,
    CheckPassword,
    CheckToken,
    ConsumeOtp,
    FindOtp,
    FindPassword,
    FindScramKeys,
    FinishRedirect,
)
from ._hashed_token import HT_NAMES
from ._requests import (
    FindHashedTokens,
    FindPublicKey,
    UseHashedToken,
    VerifySignature,
)
from ._scram_math import NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Name, module, facts.
BUILTIN: list[tuple[str, str, dict[str, Any]]] = []


def _add(name: str, module: str, **facts: Any) -> None:
    BUILTIN.append((name, module, facts))


# SCRAM by hash: strength, specification. A binding is worth more than a longer hash.
for _hash, _strength, _rfc in (
    ("sha512", 76, "draft-melnikov-scram-sha-512"),
    ("sha3_512", 75, "draft-melnikov-scram-sha3-512"),
    ("sha384", 74, "RFC 5802"),
    ("sha256", 73, "RFC 7677"),
    ("sha224", 72, "RFC 5802"),
    ("sha1", 71, "RFC 5802"),
):
    for _suffix, _plus in (("", False), ("-PLUS", True)):
        _add(
            NAMES[_hash] + _suffix,
            "scram",
            strength=_strength + 10 * _plus,
            needs=("username", NAMES[_hash]),
            asks=(FindScramKeys,),
            plus=_plus,
            mutual=True,
            hash_name=_hash,
            specification=_rfc,
        )
_add(
    "EXTERNAL",
    "external",
    strength=90,
    external=True,
    specification="RFC 4422, appendix A",
)
for _suffix, _plus in (("", False), ("-PLUS", True)):
    _add(
        f"GS2-KRB5{_suffix}",
        "gs2",
        strength=79 + 10 * _plus,
        needs=("gss function",),
        asks=(AcceptSecurityContext,),
        plus=_plus,
        mutual=True,
        specification="RFC 5801",
    )
_add(
    "GSSAPI",
    "gssapi",
    strength=78,
    needs=("gss",),
    asks=(AcceptSecurityContext,),
    mutual=True,
    layer=True,
    specification="RFC 4752",
)
_add(
    "GSS-SPNEGO",
    "gssapi",
    strength=77,
    needs=("gss",),
    asks=(AcceptSecurityContext,),
    mutual=True,
    layer=True,
    authzid=False,
    specification="Microsoft, Cyrus",
)
# Bound or not at all: what is sent without a binding is the same at each login.
for _strength, (_name, (_hash, _binding)) in enumerate(reversed(HT_NAMES.items()), 62):
    _add(
        _name,
        "ht",
        strength=_strength + 30 * bool(_binding),
        needs=("username", _name),
        asks=(FindHashedTokens, UseHashedToken),
        plus=bool(_binding),
        binding=_binding,
        mutual=True,
        hash_name=_hash,
        encrypted=True,
        authzid=False,
        specification="draft-ietf-kitten-sasl-ht",
        by_name=True,
    )
_add(
    "ECDH-X25519-CHALLENGE",
    "ecdh",
    strength=69,
    needs=("username", "x25519"),
    asks=(FindPublicKey,),
    uses="x25519",
    specification="Atheme",
    by_name=True,
)
_add(
    "ECDSA-NIST256P-CHALLENGE",
    "ecdsa",
    strength=68,
    needs=("username", "signer"),
    asks=(VerifySignature,),
    specification="Atheme",
    by_name=True,
)
_add(
    "OAUTHBEARER",
    "oauthbearer",
    strength=61,
    needs=("token",),
    asks=(CheckToken,),
    shows="token",
    specification="RFC 7628",
)
_add(
    "XOAUTH2",
    "xoauth2",
    strength=60,
    needs=("username", "token"),
    asks=(CheckToken,),
    shows="token",
    specification="Google, Microsoft",
)
_add(
    "X-OAUTH2",
    "x_oauth2",
    strength=59,
    needs=("username", "token"),
    asks=(CheckToken,),
    shows="token",
    specification="ejabberd",
    obsolete=True,
)
_add(
    "SRP",
    "srp",
    strength=45,
    needs=("username", "password"),
    asks=(FindPassword,),
    mutual=True,
    hash_name="sha1",
    specification="draft-burdis-cat-srp-sasl-08",
    by_name=True,
)
_add(
    "DIGEST-MD5",
    "digest_md5",
    strength=40,
    needs=("username", "password"),
    asks=(FindPassword,),
    client_first=False,
    initial_response=True,
    mutual=True,
    layer=True,
    hash_name="md5",
    specification="RFC 2831, RFC 6331",
    obsolete=True,
)
_add(
    "NTLM",
    "ntlm",
    strength=35,
    needs=("username", "password"),
    asks=(FindPassword,),
    binds="tls-server-end-point",
    layer=True,
    authzid=False,
    hash_name="md5",
    specification="MS-NLMP",
    obsolete=True,
)
for _name, _strength, _rfc in (
    ("SAML20", 51, "RFC 6595"),
    ("OPENID20", 50, "RFC 6616"),
):
    _add(
        _name,
        "redirect",
        strength=_strength,
        needs=("provider", "prompt"),
        asks=(BeginRedirect, FinishRedirect),
        encrypted=True,  # section 1.2 of both: who can change the URL gets the login
        specification=_rfc,
        by_name=True,
    )
_add(
    "CRAM-MD5",
    "cram_md5",
    strength=30,
    needs=("username", "password"),
    asks=(FindPassword,),
    client_first=False,
    authzid=False,
    hash_name="md5",
    specification="RFC 2195",
)
_add(
    "OTP",
    "otp",
    strength=25,
    needs=("username", "password"),
    asks=(FindOtp, ConsumeOtp),
    specification="RFC 2444",
    by_name=True,
)
_add(
    "PLAIN",
    "plain",
    strength=20,
    needs=("username", "password"),
    asks=(CheckPassword,),
    shows="password",
    specification="RFC 4616",
)
_add(
    "AMQPLAIN",
    "amqplain",
    strength=19,
    needs=("username", "password"),
    asks=(CheckPassword,),
    shows="password",
    authzid=False,
    specification="RabbitMQ",
    by_name=True,
)
_add(
    "SECURID",
    "securid",
    strength=15,
    needs=("username", "password"),
    asks=(CheckPasscode,),
    shows="password",
    specification="RFC 2808",
    by_name=True,
)
_add(
    "LOGIN",
    "login",
    strength=10,
    needs=("username", "password"),
    asks=(CheckPassword,),
    shows="password",
    client_first=False,
    initial_response=True,
    authzid=False,
    specification="draft-murchison-sasl-login",
)
_add(
    "ANONYMOUS",
    "anonymous",
    strength=0,
    anonymous=True,
    authzid=False,
    specification="RFC 4505",
)
