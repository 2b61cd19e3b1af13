"""The hash of tls-server-end-point (RFC 5929, section 4.1), read off a certificate.

Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY }
                                                (RFC 5280, section 4.1)
"""

from __future__ import annotations

import hashlib

# signature algorithm -> hash; RFC 5929 replaces MD5 and SHA-1 by SHA-256
_HASHES = {
    "1.2.840.113549.1.1.4": "sha256",  # md5WithRSAEncryption
    "1.2.840.113549.1.1.5": "sha256",  # sha1WithRSAEncryption
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.15": "sha512_224",
    "1.2.840.113549.1.1.16": "sha512_256",
    "1.2.840.10045.4.1": "sha256",  # ecdsa-with-SHA1
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
    "1.2.840.10040.4.3": "sha256",  # dsa-with-sha1
    "2.16.840.1.101.3.4.3.1": "sha224",  # dsa
    "2.16.840.1.101.3.4.3.2": "sha256",
    "2.16.840.1.101.3.4.3.3": "sha384",
    "2.16.840.1.101.3.4.3.4": "sha512",
    "2.16.840.1.101.3.4.3.9": "sha3_224",  # ecdsa, then rsa
    "2.16.840.1.101.3.4.3.10": "sha3_256",
    "2.16.840.1.101.3.4.3.11": "sha3_384",
    "2.16.840.1.101.3.4.3.12": "sha3_512",
    "2.16.840.1.101.3.4.3.13": "sha3_224",
    "2.16.840.1.101.3.4.3.14": "sha3_256",
    "2.16.840.1.101.3.4.3.15": "sha3_384",
    "2.16.840.1.101.3.4.3.16": "sha3_512",
}
_RSASSA_PSS = "1.2.840.113549.1.1.10"  # the hash is in its parameters (RFC 4055)
_PSS_HASHES = {
    "1.3.14.3.2.26": "sha256",  # id-sha1
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.5": "sha512_224",
    "2.16.840.1.101.3.4.2.6": "sha512_256",
    "2.16.840.1.101.3.4.2.7": "sha3_224",
    "2.16.840.1.101.3.4.2.8": "sha3_256",
    "2.16.840.1.101.3.4.2.9": "sha3_384",
    "2.16.840.1.101.3.4.2.10": "sha3_512",
}
_SEQUENCE, _OID, _FIRST = 0x30, 0x06, 0xA0


def end_point_hash(certificate: bytes) -> bytes:
    """Return the hash of a DER certificate under the hash of its own signature.

    Raise ValueError where that names no single hash, or the DER is not a certificate's.
    """
    body, _ = _element(certificate, 0, _SEQUENCE)
    _, after_tbs = _element(body, 0, _SEQUENCE)
    algorithm, _ = _element(body, after_tbs, _SEQUENCE)
    oid, after_oid = _element(algorithm, 0, _OID)
    name = _dotted(oid)
    if name == _RSASSA_PSS:
        hash_name = _pss_hash(algorithm, after_oid)
    else:
        hash_name = _HASHES.get(name, "")
    if not hash_name:
        raise ValueError(
            "the certificate's signature names no single hash (RFC 5929, section 4.1)"
        )
    return hashlib.new(hash_name, certificate).digest()


def _pss_hash(algorithm: bytes, offset: int) -> str:
    # RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, ... }
    params, _ = _element(algorithm, offset, _SEQUENCE)
    if not params or params[0] != _FIRST:
        return "sha256"
    explicit, _ = _element(params, 0, _FIRST)
    identifier, _ = _element(explicit, 0, _SEQUENCE)
    oid, _ = _element(identifier, 0, _OID)
    return _PSS_HASHES.get(_dotted(oid), "")


def _element(data: bytes, start: int, tag: int) -> tuple[bytes, int]:
    """Return the contents of the element that begins at `start`, and where it ends."""
    if len(data) < start + 2 or data[start] != tag:
        raise ValueError("not a DER certificate (RFC 5280, section 4.1)")
    length, content = data[start + 1], start + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 0 < octets <= 4 or len(data) < content + octets:
            raise ValueError("not a DER certificate: bad length")
        length = int.from_bytes(data[content : content + octets], "big")
        content += octets
    end = content + length
    if end > len(data):
        raise ValueError("not a DER certificate: cut short")
    return data[content:end], end


def _dotted(oid: bytes) -> str:
    if not oid or oid[-1] & 0x80:
        raise ValueError("not a DER certificate: bad object identifier")
    arcs, value = [], 0
    for octet in oid:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))
