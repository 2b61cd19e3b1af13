"""SECURID (RFC 2808)."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl

from ._both import client, reason, server

HAS = {"username": "user", "password": "123456"}


def answers(**known: str) -> dict[str, Any]:
    """Return credentials whose user can tell these."""
    return HAS | {"prompt": lambda what, _text: known.get(what)}


class ClientTest(unittest.TestCase):
    """The passcode, and what is asked for besides."""

    def test_the_first_response(self) -> None:
        """Three fields, each with a NUL behind."""
        one = client("SECURID", HAS | {"authzid": "boss"})
        self.assertEqual(one.start(), b"boss\0user\x00123456\0")
        one.finish()

    def test_another_passcode_and_a_pin(self) -> None:
        """As the RFC writes the challenges, and as GNU SASL does."""
        for challenge, response in (
            (b"passcode\0", b"\0user\x00654321\0"),
            (b"passcode", b"\0user\x00654321\0"),
            (b"pin\0", b"\0user\x00123456\x004711\0"),
            (b"pin", b"\0user\x00123456\x004711\0"),
            (b"pin\x000815\0", b"\0user\x00123456\x004711\0"),
            (b"pin0815", b"\0user\x00123456\x004711\0"),
        ):
            one = client("SECURID", answers(passcode="654321", pin="4711"))
            one.start()
            with self.subTest(challenge):
                self.assertEqual(one.step(challenge), response)
                one.finish()

    def test_the_examples(self) -> None:
        """Of section 4.2: a second passcode; a PIN that the server suggests."""
        first = bytes.fromhex("006d61676e757300313233343536373800")
        for challenge, passcode, second in (
            ("70617373636f646500", "87654321", "006d61676e757300383736353433323100"),
            (
                "70696e006b616c6c6500",
                "12345678",
                "006d61676e7573003132333435363738006b616c6c6500",
            ),
        ):
            has = {"username": "magnus", "password": "12345678"}

            def prompt(what: str, text: str, passcode: str = passcode) -> str:
                return text or passcode

            one = client("SECURID", has | {"prompt": prompt})
            self.assertEqual(one.start(), first)
            self.assertEqual(one.step(bytes.fromhex(challenge)).hex(), second)
            one.finish()

    def test_the_next_passcode_goes_with_the_pin(self) -> None:
        """The last one that the token showed."""
        one = client("SECURID", answers(passcode="654321", pin="4711"))
        one.start()
        one.step(b"passcode\0")
        self.assertEqual(one.step(b"pin\0"), b"\0user\x00654321\x004711\0")

    def test_the_suggestion_reaches_the_user(self) -> None:
        """In either form."""
        for challenge in (b"pin\x000815\0", b"pin0815"):
            seen: list[tuple[str, str]] = []

            def prompt(*asked: str, seen: list[Any] = seen) -> str:
                seen.append(asked)
                return asked[1]

            one = client("SECURID", HAS | {"prompt": prompt})
            one.start()
            self.assertEqual(one.step(challenge), b"\0user\x00123456\x000815\0")
            self.assertEqual(seen, [("pin", "0815")])

    def test_nobody_is_there(self) -> None:
        """Without a prompt, or an answer to it, the credentials do not do."""
        for has in (HAS, answers(), answers(passcode="\0"), answers(passcode="1" * 33)):
            one = client("SECURID", has)
            one.start()
            with self.assertRaises(sasl.CredentialsError) as caught:
                one.step(b"passcode\0")
            self.assertIsNone(caught.exception.__context__)

    def test_a_prompt_that_nobody_would_await(self) -> None:
        """Neither a coroutine nor anything else is a passcode."""

        async def prompt(what: str, text: str) -> str:
            self.fail(f"{what} {text}")

        for wrong, text in ((prompt, "coroutine"), (lambda *_: 123456, "nobody")):
            one = client("SECURID", HAS | {"prompt": wrong})
            one.start()
            with self.assertRaisesRegex(sasl.CredentialsError, text):
                one.step(b"passcode\0")

    def test_the_longest(self) -> None:
        """Names of 255 octets, passcodes and PINs of 32, challenges of 64."""
        name = "u" * 255
        pin = "12345678" * 4
        has = answers(pin=pin) | {"username": name, "authzid": name}
        one = client("SECURID", has | {"password": "1" * 32})
        first = one.start()
        self.assertEqual(first, f"{name}\0{name}\0{'1' * 32}\0".encode())
        self.assertEqual(
            one.step(b"pin" + b"1" * 61), (first or b"") + pin.encode() + b"\0"
        )
        with self.assertRaises(sasl.ProtocolError):
            one.step(b"pin" + b"1" * 62)
        other = server("SECURID")
        event: Any = other.start(first)
        event = event.answer(sasl.PasscodePrompt("pin"))
        self.assertEqual(event.data, b"pin\0")
        event = other.step((first or b"") + pin.encode() + b"\0").answer(True)
        self.assertIsInstance(event, sasl.Success)

    def test_challenges_that_are_none(self) -> None:
        """Anything else, too long, or with control characters in it."""
        for challenge in (b"", b"PIN", b"password", b"pin\0\x1b[2J\0", b"pin" * 30):
            one = client("SECURID", answers(pin="4711", passcode="1"))
            one.start()
            with self.subTest(challenge), self.assertRaises(sasl.ProtocolError):
                one.step(challenge)

    def test_what_cannot_be_carried(self) -> None:
        """Long names and passcodes."""
        for wrong in (
            {"username": "u" * 256},
            {"authzid": "u" * 256},
            {"password": "1" * 33},
            {"password": "1\0"},
        ):
            with self.subTest(wrong), self.assertRaises(sasl.CredentialsError):
                client("SECURID", HAS | wrong)


class ServerTest(unittest.TestCase):
    """The application asks the authentication server."""

    def test_a_dialogue(self) -> None:
        """A passcode, another one, and a new PIN."""
        one = server("SECURID")
        request = one.start(b"\0user\x00111111\0")
        self.assertEqual(
            (request.passcode, request.pin, request.asked), ("111111", None, "")
        )
        self.assertNotIn("111111", repr(request))
        event = request.answer(sasl.PasscodePrompt())
        self.assertEqual(event.data, b"passcode")
        request = one.step(b"\0user\x00222222\0")
        self.assertEqual((request.passcode, request.asked), ("222222", "passcode"))
        event = request.answer(sasl.PasscodePrompt("pin", "0815"))
        self.assertEqual(event.data, b"pin\x000815\0")
        request = one.step(b"\0user\x00222222\x004711\0")
        self.assertEqual((request.pin, request.asked), ("4711", "pin"))
        self.assertIsInstance(request.answer(True), sasl.Success)

    def test_no(self) -> None:
        """At any time."""
        for prompts in range(3):
            one = server("SECURID")
            event = one.start(b"\0user\x00111111\0")
            for _ in range(prompts):
                event.answer(sasl.PasscodePrompt())
                event = one.step(b"\0user\x00222222\0")
            self.assertIs(reason(event.answer(False)), sasl.Reason.BAD_CREDENTIALS)

    def test_nobody_else_goes_on(self) -> None:
        """The second response is of the same user, for the same authzid."""
        for second in (b"\0other\x001\0", b"boss\0user\x001\0"):
            one = server("SECURID")
            one.start(b"\0user\x001\0").answer(sasl.PasscodePrompt())
            self.assertIs(reason(one.step(second)), sasl.Reason.MALFORMED)

    def test_responses_that_are_none(self) -> None:
        """Fields too few, too many, empty or too long; a PIN that nobody asked for."""
        for response in (
            b"",
            b"\0user\x001",
            b"\0user\0\0",
            b"\0\x001\0",
            b"\0user\x001\x004711\0",
            b"\0user\x00" + b"1" * 33 + b"\0",
            b"\0user\x001\0\0\0\0\0",
            b"\0user\x001\x00x",
            b"\0user\x00\xff\0",
            b"\0" + b"u" * 256 + b"\x001\0",
        ):
            with self.subTest(response[:20]):
                event = server("SECURID").start(response)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_a_pin_is_given_where_it_is_asked_for(self) -> None:
        """And has eight octets at most."""
        for second in (
            b"\0user\x001\0",
            b"\0user\x001\0\0",
            b"\0user\x001\x00" + b"1" * 33 + b"\0",
        ):
            one = server("SECURID")
            one.start(b"\0user\x001\0").answer(sasl.PasscodePrompt("pin"))
            self.assertIs(reason(one.step(second)), sasl.Reason.MALFORMED)

    def test_prompts_that_are_none(self) -> None:
        """Another word, a PIN that is too long."""
        what: Any = "password"
        with self.assertRaises(ValueError):
            sasl.PasscodePrompt(what)
        for suggested in ("1" * 33, "1\0", "\ud800"):
            with self.assertRaises(ValueError):
                sasl.PasscodePrompt("pin", suggested)


if __name__ == "__main__":
    unittest.main()
