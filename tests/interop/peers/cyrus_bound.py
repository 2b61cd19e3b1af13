"""Cyrus SASL with a channel binding, which its sample programs cannot be given.

Run as a program of its own, in place of those, with the same lines on both sides:

    cyrus_bound.py server MECHANISM TYPE HEXDATA
    cyrus_bound.py client MECHANISM TYPE HEXDATA AUTHCID
"""

from __future__ import annotations

import base64
import ctypes
import sys
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_uint, c_ulong, c_void_p
from typing import Any

# sasl.h
OK, CONTINUE = 0, 1
SERVICE, HOST = b"smtp", b"localhost"
USERNAME, CHANNEL_BINDING = 0, 21
ASK_USER, ASK_AUTHNAME, ASK_PASSWORD = 0x4001, 0x4002, 0x4004


class Callback(ctypes.Structure):
    """The library's sasl_callback_t."""

    _fields_ = (("id", c_ulong), ("function", c_void_p), ("context", c_void_p))


class Binding(ctypes.Structure):
    """The library's sasl_channel_binding_t."""

    _fields_ = (
        ("name", c_char_p),
        ("critical", c_int),
        ("length", c_ulong),
        ("data", c_char_p),
    )


class Secret(ctypes.Structure):
    """The library's sasl_secret_t, with room for the password of a test."""

    _fields_ = (("length", c_ulong), ("data", ctypes.c_char * 256))


GetSimple = CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char_p), POINTER(c_uint))
GetSecret = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, POINTER(POINTER(Secret)))


class Library:
    """One connection of the library."""

    def __init__(self) -> None:
        self.sasl = ctypes.CDLL("libsasl2.so.2")
        self.connection = c_void_p()
        self._kept: list[object] = []  # what the library points to

    def bind(self, name: str, data: bytes) -> None:
        """Tell the connection its channel binding."""
        binding = Binding(name.encode(), 0, len(data), data)
        self._kept.append(binding)
        self.must(
            self.sasl.sasl_setprop(self.connection, CHANNEL_BINDING, byref(binding))
        )

    def must(self, result: int) -> int:
        """Return a result that is good; end the program for the others."""
        if result not in (OK, CONTINUE):
            sys.exit(f"the library says {result}")
        return result

    def new_client(self, authcid: bytes, password: bytes) -> None:
        """Begin a client that knows these."""

        def simple(_context: object, what: int, result: Any, _length: object) -> int:
            result[0] = authcid if what == ASK_AUTHNAME else b""
            return OK

        def secret(_connection: object, _context: object, _: int, result: Any) -> int:
            result[0] = ctypes.pointer(kept)
            return OK

        kept = Secret(len(password), password)
        functions = GetSimple(simple), GetSecret(secret)
        pointers = [ctypes.cast(function, c_void_p) for function in functions]
        callbacks = (Callback * 4)(
            Callback(ASK_USER, pointers[0]),
            Callback(ASK_AUTHNAME, pointers[0]),
            Callback(ASK_PASSWORD, pointers[1]),
        )
        self._kept += [kept, functions, callbacks]
        self.must(self.sasl.sasl_client_init(callbacks))
        self.must(
            self.sasl.sasl_client_new(
                SERVICE, HOST, None, None, None, 0, byref(self.connection)
            )
        )

    def new_server(self) -> None:
        """Begin a server; its accounts are named in sample.conf."""
        self.must(self.sasl.sasl_server_init(None, b"sample"))
        self.must(
            self.sasl.sasl_server_new(
                SERVICE, HOST, HOST, None, None, None, 0, byref(self.connection)
            )
        )

    def username(self) -> str:
        """Return who was authenticated."""
        found = c_char_p()
        self.must(self.sasl.sasl_getprop(self.connection, USERNAME, byref(found)))
        return (found.value or b"").decode()


def read(letter: str) -> bytes:
    """Read a message."""
    line = sys.stdin.readline()
    if not line.startswith(f"{letter}:"):
        sys.exit("no message came")
    return base64.b64decode(line[2:])


def write(letter: str, message: bytes) -> None:
    """Write a message."""
    print(f"{letter}: {base64.b64encode(message).decode()}", flush=True)


def serve(library: Library, mechanism: str) -> None:
    """Run the server's side."""
    library.new_server()
    library.bind(sys.argv[3], bytes.fromhex(sys.argv[4]))
    write("S", mechanism.encode())
    name, _, initial = read("C").partition(b"\0")
    out, size = c_void_p(), c_uint()
    start, step = library.sasl.sasl_server_start, library.sasl.sasl_server_step
    where = library.connection, byref(out), byref(size)
    result = start(where[0], name, initial, len(initial), *where[1:])
    while library.must(result) == CONTINUE:
        write("S", ctypes.string_at(out, size.value))
        print("Waiting for client reply...", flush=True)
        response = read("C")
        result = step(where[0], response, len(response), *where[1:])


def log_in(library: Library, mechanism: str) -> None:
    """Run the client's side."""
    offered = read("S")
    library.new_client(sys.argv[5].encode(), sys.stdin.readline().rstrip("\n").encode())
    library.bind(sys.argv[3], bytes.fromhex(sys.argv[4]))
    out, size, chosen = c_void_p(), c_uint(), c_char_p()
    start, step = library.sasl.sasl_client_start, library.sasl.sasl_client_step
    where = library.connection, None, byref(out), byref(size)
    result = library.must(start(where[0], offered, *where[1:], byref(chosen)))
    write("C", mechanism.encode() + b"\0" + ctypes.string_at(out, size.value))
    while result == CONTINUE:
        challenge = read("S")
        result = library.must(step(where[0], challenge, len(challenge), *where[1:]))
        write("C", ctypes.string_at(out, size.value) if out else b"")


def main() -> None:
    """Run one side."""
    library = Library()
    side = {"server": serve, "client": log_in}[sys.argv[1]]
    side(library, sys.argv[2])
    print("Negotiation complete")
    print(f"Username: {library.username()}", flush=True)


if __name__ == "__main__":
    main()
