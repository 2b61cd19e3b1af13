"""SECURID, SAML20 and OPENID20 with GNU SASL's library, both ways.

Its programs have nobody who checks a passcode, and no browser.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

import sasl_core as sasl
from sasl_core.backends import Application
from sasl_core.backends.memory import MemoryStore

from .checks import OURS
from .outcomes import note
from .peers import libgsasl as gsasl

CHANNEL = sasl.Channel(True, service="imap", host="localhost")
USER, PROVIDER = "alice", "https://openid.example/"
URL = "https://id.example.org/login?id=1ef888c"
NAME = ""

REDIRECTS = ("SAML20", "OPENID20")
# What its server's callbacks return, as the table tells it.
WORDS = {
    gsasl.OK: "accepted",
    gsasl.AUTHENTICATION_ERROR: "refused",
    gsasl.NEED_ADDITIONAL_PASSCODE: "another passcode",
    gsasl.NEED_NEW_PIN: "pin",
}


def setUpModule() -> None:
    global NAME
    NAME = f"GNU SASL {gsasl.version()}"


def client(mechanism: str, **has: Any) -> sasl.Client:
    return sasl.client(
        mechanism,
        sasl.Credentials(**has),
        channel=CHANNEL,
        policy=sasl.Policy(allow=[mechanism]),
        profile=sasl.profiles.RAW,
    )


def server(mechanism: str) -> sasl.Server:
    return sasl.server(
        mechanism,
        channel=CHANNEL,
        policy=sasl.Policy(allow=[mechanism]),
        profile=sasl.profiles.RAW,
    )


def log_in(one: sasl.Client, theirs: gsasl.Session) -> None:
    """Log in at their server; raise AuthenticationError where it refuses."""
    code, said = theirs.step(one.start() or b"")
    while code == gsasl.NEEDS_MORE:
        code, said = theirs.step(one.step(said))
    if code != gsasl.OK:
        raise one.refused(sasl.Reason.BAD_CREDENTIALS)
    one.finish(said or None)


class Provider:
    """An identity provider that knows the outcome."""

    def __init__(self, found: sasl.Asserted | None) -> None:
        self.found = found

    def begin(self, provider: str) -> str | None:
        """Return where to go."""
        return URL if provider == PROVIDER else None

    def finish(self, provider: str, url: str) -> sasl.Asserted | None:
        """Return who came back."""
        return self.found if (provider, url) == (PROVIDER, URL) else None


def serve(
    one: sasl.Server, theirs: gsasl.Session, settle: Callable[[Any], sasl.Event]
) -> Any:
    """Let their client log in; return our last event."""
    _, said = theirs.step(b"")
    event: Any = one.start(said)
    while not isinstance(event, sasl.Success | sasl.Failure):
        if isinstance(event, sasl.Request):
            event = settle(event)
        else:
            code, said = theirs.step(event.data)
            assert code in (gsasl.OK, gsasl.NEEDS_MORE), code
            event = one.step(said)
    if isinstance(event, sasl.Success) and event.data is not None:
        code, said = theirs.step(event.data)
        assert (code, said) == (gsasl.OK, b"")
    return event


class SecurIdTest(unittest.TestCase):
    """A passcode, the next one, and a new PIN."""

    def test_server(self) -> None:
        """Its server asks for each; the PIN that it suggests reaches our user."""
        for verdicts in (
            [gsasl.OK],
            [gsasl.AUTHENTICATION_ERROR],
            [gsasl.NEED_ADDITIONAL_PASSCODE, gsasl.OK],
            [gsasl.NEED_NEW_PIN, gsasl.OK],
            [gsasl.NEED_ADDITIONAL_PASSCODE, gsasl.NEED_NEW_PIN, gsasl.OK],
            [gsasl.NEED_NEW_PIN, gsasl.AUTHENTICATION_ERROR],
        ):
            seen: list[tuple[bytes | None, ...]] = []
            left = list(verdicts)

            def answer(
                session: gsasl.Session,
                what: int,
                seen: list[Any] = seen,
                left: list[int] = left,
            ) -> int | None:
                if what != gsasl.VALIDATE_SECURID:
                    return None
                seen.append((session.get(gsasl.PASSCODE), session.get(gsasl.PIN)))
                if left[0] == gsasl.NEED_NEW_PIN:
                    session.set(gsasl.SUGGESTED_PIN, b"0815")
                return left.pop(0)

            def prompt(what: str, text: str) -> str:
                return text + "9" if what == "pin" else "654321"

            with self.subTest(verdicts):
                one = client("SECURID", username=USER, password="123456", prompt=prompt)
                with gsasl.Session("server", "SECURID", answer) as theirs:
                    if verdicts[-1] == gsasl.OK:
                        log_in(one, theirs)
                    else:
                        with self.assertRaises(sasl.AuthenticationError):
                            log_in(one, theirs)
                self.assertEqual(left, [])
                self.assertEqual(seen[0], (b"123456", None))
                if gsasl.NEED_NEW_PIN in verdicts:
                    self.assertEqual(seen[-1][1], b"08159")
                asked = [WORDS[code] for code in verdicts]
                note(
                    NAME,
                    OURS,
                    "SECURID",
                    ", ".join(asked[:-1]) or "passcode",
                    asked[-1],
                )

    def test_client(self) -> None:
        """It answers our prompts; it does not see the PIN that we suggest."""
        prompts = sasl.PasscodePrompt(), sasl.PasscodePrompt("pin", "0815")

        def answer(session: gsasl.Session, what: int) -> bytes | None:
            known = {
                gsasl.AUTHID: USER.encode(),
                gsasl.PASSCODE: b"123456",
                gsasl.PIN: b"4711",
            }
            return known.get(what)

        for asked in ((), prompts[:1], prompts[1:], prompts):
            for verdict in (True, False):
                with gsasl.Session("client", "SECURID", answer) as theirs:
                    left = [*asked, verdict]
                    application = Application(
                        MemoryStore(),
                        passcodes=lambda *_, left=left, **more: left.pop(0),
                    )
                    event = serve(server("SECURID"), theirs, application.answer)
                self.assertEqual(isinstance(event, sasl.Success), verdict)
                case = ", ".join(prompt.what for prompt in asked) or "passcode"
                outcome = "accepted" if verdict else "refused"
                note(OURS, NAME, "SECURID", case, outcome)


class RedirectTest(unittest.TestCase):
    """The identity provider is somebody else; only the outcome counts."""

    def test_server(self) -> None:
        """Our client sends its browser where their server says."""
        for mechanism in REDIRECTS:
            for verdict in (gsasl.OK, gsasl.AUTHENTICATION_ERROR):
                shown: list[tuple[str, str]] = []

                def answer(
                    session: gsasl.Session, what: int, verdict: int = verdict
                ) -> bytes | int | None:
                    if what in (gsasl.VALIDATE_SAML20, gsasl.VALIDATE_OPENID20):
                        return verdict
                    return {
                        gsasl.SAML20_REDIRECT_URL: URL.encode(),
                        gsasl.OPENID20_REDIRECT_URL: URL.encode(),
                        gsasl.OPENID20_OUTCOME_DATA: b"email=a@b",
                    }.get(what)

                one = client(
                    mechanism,
                    provider=PROVIDER,
                    prompt=lambda *asked, to=shown: to.append(asked),
                )
                with (
                    self.subTest(mechanism, verdict=verdict),
                    gsasl.Session("server", mechanism, answer) as theirs,
                ):
                    if verdict == gsasl.OK:
                        log_in(one, theirs)
                    else:
                        with self.assertRaises(sasl.AuthenticationError):
                            log_in(one, theirs)
                    self.assertEqual(shown, [("redirect", URL)])
                    note(NAME, OURS, mechanism, "redirect", WORDS[verdict])

    def test_client(self) -> None:
        """Their client sends its browser where our server says."""
        for mechanism in REDIRECTS:
            for found in (
                sasl.Asserted(USER),
                sasl.Asserted(USER, {"email": "a@b"}),
                None,
            ):
                opened: list[bytes | None] = []

                def answer(
                    session: gsasl.Session, what: int, opened: list[Any] = opened
                ) -> bytes | int | None:
                    if what == gsasl.SAML20_AUTHENTICATE_IN_BROWSER:
                        opened.append(session.get(gsasl.SAML20_REDIRECT_URL))
                        return gsasl.OK
                    if what == gsasl.OPENID20_AUTHENTICATE_IN_BROWSER:
                        opened.append(session.get(gsasl.OPENID20_REDIRECT_URL))
                        return gsasl.OK
                    return {
                        gsasl.SAML20_IDP_IDENTIFIER: PROVIDER.encode(),
                        gsasl.AUTHID: PROVIDER.encode(),
                    }.get(what)

                with (
                    self.subTest(mechanism, found=found),
                    gsasl.Session("client", mechanism, answer) as theirs,
                ):
                    application = Application(
                        MemoryStore(), redirects={mechanism: Provider(found)}
                    )
                    event = serve(server(mechanism), theirs, application.answer)
                    self.assertEqual(opened, [URL.encode()])
                    if found is None:
                        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
                    else:
                        self.assertEqual(event.identity.authcid, USER)
                    outcome = "accepted" if found else "refused"
                    note(OURS, NAME, mechanism, "redirect", outcome)


if __name__ == "__main__":
    unittest.main()
