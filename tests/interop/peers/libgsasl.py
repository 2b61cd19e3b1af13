"""GNU SASL's library, with the callbacks that its program does not have."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from typing import Self

from .process import missing

# gsasl.h: what a function returns
OK, NEEDS_MORE, AUTHENTICATION_ERROR, NO_CALLBACK = 0, 1, 31, 51
NEED_ADDITIONAL_PASSCODE, NEED_NEW_PIN = 48, 49
# properties, and what is asked of a callback
AUTHID, AUTHZID, PASSCODE, SUGGESTED_PIN, PIN = 1, 2, 8, 9, 10
SERVICE, HOSTNAME, GSSAPI_DISPLAY_NAME = 5, 6, 7
SAML20_IDP_IDENTIFIER, SAML20_REDIRECT_URL = 19, 20
OPENID20_REDIRECT_URL, OPENID20_OUTCOME_DATA = 21, 22
SAML20_AUTHENTICATE_IN_BROWSER, OPENID20_AUTHENTICATE_IN_BROWSER = 250, 251
VALIDATE_GSSAPI, VALIDATE_SECURID = 503, 504
VALIDATE_SAML20, VALIDATE_OPENID20 = 505, 506

_Callback = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
# What a callback gives: a property's value, a return code, or nothing.
Answer = Callable[["Session", int], "bytes | int | None"]


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("gsasl")
    if name is None:
        missing("libgsasl is not installed")
    library = ctypes.CDLL(name)
    library.gsasl_callback_set.argtypes = [c_void_p, _Callback]
    for start in (library.gsasl_client_start, library.gsasl_server_start):
        start.argtypes = [c_void_p, c_char_p, POINTER(c_void_p)]
    library.gsasl_step.argtypes = [
        c_void_p,
        c_char_p,
        c_size_t,
        POINTER(c_void_p),
        POINTER(c_size_t),
    ]
    library.gsasl_property_set.argtypes = [c_void_p, c_int, c_char_p]
    library.gsasl_property_fast.argtypes = [c_void_p, c_int]
    library.gsasl_property_fast.restype = c_char_p
    library.gsasl_check_version.restype = c_char_p
    for end in (library.gsasl_finish, library.gsasl_done, library.gsasl_free):
        end.argtypes = [c_void_p]
        end.restype = None
    return library


def version() -> str:
    """Return the library's version; skip the test where it is not installed."""
    return bytes(_library().gsasl_check_version(None)).decode()


class Session:
    """One exchange; a context manager that frees it."""

    def __init__(self, side: str, mechanism: str, answer: Answer) -> None:
        self._gsasl = library = _library()
        self._context, self._session = c_void_p(), c_void_p()

        def callback(_context: int, session: int, what: int) -> int:
            found = answer(self, what)
            if isinstance(found, int):
                return found
            if found is None:
                return NO_CALLBACK
            library.gsasl_property_set(session, what, found)
            return OK

        self._callback = _Callback(callback)  # which must live as long as we
        assert library.gsasl_init(byref(self._context)) == OK
        library.gsasl_callback_set(self._context, self._callback)
        start = getattr(library, f"gsasl_{side}_start")
        assert start(self._context, mechanism.encode(), byref(self._session)) == OK

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gsasl.gsasl_finish(self._session)
        self._gsasl.gsasl_done(self._context)

    def get(self, what: int) -> bytes | None:
        """Return a property, without asking for it."""
        found = self._gsasl.gsasl_property_fast(self._session, what)
        return None if found is None else bytes(found)

    def set(self, what: int, value: bytes) -> None:
        """Set a property."""
        self._gsasl.gsasl_property_set(self._session, what, value)

    def step(self, message: bytes) -> tuple[int, bytes]:
        """Return the code, and what is to be sent."""
        out, size = c_void_p(), c_size_t()
        code = self._gsasl.gsasl_step(
            self._session, message, len(message), byref(out), byref(size)
        )
        said = ctypes.string_at(out, size.value) if out else b""
        self._gsasl.gsasl_free(out)
        return code, said
