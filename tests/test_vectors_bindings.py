"""Published vectors of channel bindings."""

from __future__ import annotations

import unittest
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import sasl_core as sasl

from ._vector_cases import VectorCase, vectors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

_TLS = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


class _NoHandshake:
    """A TLS object whose handshake is not done."""

    server_side = False

    def version(self) -> None:
        """Return the protocol's version: none yet."""

    def get_channel_binding(self, _type: str = "tls-unique") -> None:
        """Return the binding: none yet."""

    def getpeercert(self, _binary: bool = False) -> None:
        """Return the certificate: none yet."""


@vectors_of("channel_binding")
class ChannelBindingVectors(VectorCase):
    """The rules of each type of channel binding."""

    @classmethod
    def ways(cls, vector: Vector) -> list[tuple[str, Callable[..., None]]]:
        """One way for certificates, one for the parameters, one for each polarity."""
        if "certificate_der_base64" in vector["inputs"]:
            return [("", cls.check_certificate)]
        if vector["id"] == "tls-exporter-parameters":
            return [("", cls.check_exporter_parameters)]
        return [("", getattr(cls, f"check_{vector['polarity']}"))]

    def check_certificate(self, vector: Vector) -> None:
        """The end-point binding is the certificate under its own signature's hash."""
        der = b64decode(vector["inputs"]["certificate_der_base64"])
        if vector["polarity"] == "negative":
            with self.assertRaises(ValueError):
                sasl.ChannelBinding.tls_server_end_point(der)
            return
        binding = sasl.ChannelBinding.tls_server_end_point(der)
        self.assertEqual(binding.type, "tls-server-end-point")
        self.assertEqual(binding.data.hex(), vector["expect"]["data_hex"])

    def check_exporter_parameters(self, vector: Vector) -> None:
        """Exported material has the length; who exports it is told the label."""
        expect = vector["expect"]
        exporter = sasl.ChannelBinding.tls_exporter
        data = bytes(expect["length"])
        self.assertEqual(exporter(data, version="TLSv1.3").data, data)
        self.assertIn(expect["label"], exporter.__doc__ or "")

    def check_positive(self, vector: Vector) -> None:
        """A first Finished message of the usual length is taken."""
        inputs = vector["inputs"]
        data = bytes(inputs["finished_octets"])
        version = _TLS[inputs["tls_version"]]
        binding = sasl.ChannelBinding.tls_unique(data, version=version)
        self.assertEqual(len(binding.data), vector["expect"]["length"])

    def check_negative(self, vector: Vector) -> None:
        """What the type does not allow is refused."""
        inputs = vector["inputs"]
        if "tls_version" in inputs and inputs["tls_version"] is None:
            with self.assertRaises(ValueError):
                sasl.Channel.from_ssl(_NoHandshake())
            return
        version = _TLS[inputs.get("tls_version", "1.3")]
        data = bytes.fromhex(inputs.get("data_hex", "00" * 32))
        with self.assertRaises(ValueError):
            if inputs["type"] == "tls-unique":
                sasl.ChannelBinding.tls_unique(data[:12], version=version)
            else:
                sasl.ChannelBinding.tls_exporter(
                    data,
                    version=version,
                    extended_master_secret=inputs.get("extended_master_secret", False),
                    renegotiation=inputs.get("renegotiation_enabled", False),
                )


if __name__ == "__main__":
    unittest.main()
