"""Bearer tokens: what is remembered of them, and for how long."""

from __future__ import annotations

import asyncio
import gc
import inspect
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sasl_core as sasl
from sasl_core.backends import Unavailable
from sasl_core.backends.oauth import AsyncTokens, Introspection, Tokens

from ._oauth import GOOD, NOW, Base


class CacheTest(Base):
    """What is remembered, and for how long."""

    def test_claims_are_kept_until_they_expire(self) -> None:
        """And no longer than was said."""
        tokens = self.tokens()
        for _ in range(5):
            self.assertEqual(tokens.check("good"), "alice")
        self.assertEqual(len(self.asked), 1)
        self.now += 300
        tokens.check("good")
        self.assertEqual(len(self.asked), 2)
        self.claims["short"] = {**GOOD, "exp": self.now + 10}
        self.assertEqual(tokens.check("short"), "alice")
        self.now += 41
        self.assertIsInstance(tokens.check("short"), sasl.TokenError)

    def test_refusals_are_kept_briefly(self) -> None:
        """A token that becomes good is good soon."""
        tokens = self.tokens()
        for _ in range(5):
            self.assertIsInstance(tokens.check("bad"), sasl.TokenError)
        self.assertEqual(len(self.asked), 1)
        self.claims["bad"] = GOOD
        self.now += 5
        self.assertEqual(tokens.check("bad"), "alice")

    def test_what_is_kept_is_no_verdict(self) -> None:
        """One client's answer is not another's (CVE-2025-30189)."""
        tokens = self.tokens(hosts=["a"])
        self.assertEqual(tokens.check("good", host="a", username="x"), "alice")
        self.assertIsInstance(tokens.check("good", host="b"), sasl.TokenError)
        self.assertEqual(len(self.asked), 1)

    def test_that_nobody_could_tell_is_not_kept(self) -> None:
        """The next one asks again."""
        self.claims["good"] = Unavailable("down")
        tokens = self.tokens()
        for _ in range(2):
            with self.assertRaises(Unavailable):
                tokens.check("good")
        self.assertEqual(len(self.asked), 2)

    def test_bad_tokens_drive_no_good_one_out(self) -> None:
        """However many come."""
        tokens = self.tokens(cache=3)
        tokens.check("good")
        for number in range(50):
            tokens.check(f"bad-{number}")
        self.assertEqual(len(tokens._refused), 3)
        tokens.check("good")
        self.assertEqual(self.asked.count("good"), 1)
        for wrong in ({"cache": -1}, {"hosts": "mail.example.org"}):
            with self.assertRaises(ValueError):
                self.tokens(**wrong)

    def test_what_raises_is_not_known_now(self) -> None:
        """Nor is its text, which may have the token in it."""
        self.claims["token"] = ConnectionError("token")
        self.claims["odd"] = True
        for tokens, token in (
            (self.tokens(), "token"),
            (self.tokens(), "odd"),
            (self.tokens(identity=lambda claims: claims["upn"]), "good"),
        ):
            with self.assertRaises(Unavailable) as caught:
                tokens.check(token)
            self.assertNotIn(": token", str(caught.exception))
            self.assertIsNone(caught.exception.__context__)

    def test_it_is_bounded(self) -> None:
        """The one used longest ago goes; none is kept where none shall be."""
        tokens = self.tokens(cache=3)
        for token in ("good", "1", "2", "good", "3", "good"):
            tokens.check(token)
        self.assertEqual(len(self.asked), 4)
        self.assertLessEqual(len(tokens._cache) + len(tokens._refused), 4)
        none = self.tokens(cache=0)
        none.check("good")
        self.assertEqual(len(none._cache), 0)

    def test_what_is_kept_is_ours(self) -> None:
        """Neither the verifier nor the application can change it afterwards."""
        mine = dict(GOOD)
        tokens = Tokens(lambda _: mine, audience="mail", clock=lambda: NOW)
        self.assertEqual(tokens.check("good"), "alice")
        mine["sub"] = "mallory"
        self.assertEqual(tokens.check("good"), "alice")

        def change(claims: Any) -> Any:
            claims["sub"] = "mallory"

        with self.assertRaises(Unavailable):
            self.tokens(identity=change).check("good")
        self.assertEqual(GOOD["sub"], "alice")

    def test_threads(self) -> None:
        """Each gets the answer to its own token, however small the cache is."""
        for number in range(8):
            self.claims[str(number)] = {**GOOD, "sub": f"user-{number}"}
        tokens = self.tokens(cache=3)

        def work(seed: int) -> list[tuple[str, Any]]:
            names = [str((seed * 7 + step) % 10) for step in range(300)]
            return [(name, tokens.check(name)) for name in names]

        with ThreadPoolExecutor(8) as pool:
            for found in pool.map(work, range(8)):
                for name, who in found:
                    if name in self.claims:
                        self.assertEqual(who, f"user-{name}")
                    else:
                        self.assertIsInstance(who, sasl.TokenError)
        self.assertLessEqual(max(len(tokens._cache), len(tokens._refused)), 3)

    def test_no_frame_shows_the_token(self) -> None:
        """But for the argument of `check`, which its caller has anyway."""
        token = "secret-" + "of-alice"

        def down(*_: object) -> Any:
            raise OSError(token)

        for verify in (Introspection("https://x/", http=down), down):
            for tokens in (
                Tokens(verify, audience=None),
                AsyncTokens(verify, audience=None),
            ):
                error: Any = None
                try:  # assertRaises would clear the frames
                    found = tokens.check(token)
                    if inspect.isawaitable(found):
                        asyncio.run(found)
                except Unavailable as problem:
                    error = problem
                self.assertIsNone(error.__context__ or error.__cause__)
                shown = [str(error)]
                for frame, _ in traceback.walk_tb(error.__traceback__):
                    if "sasl_core" in Path(frame.f_code.co_filename).parts:
                        shown += [
                            repr(value)
                            for name, value in frame.f_locals.items()
                            if (frame.f_code.co_name, name) != ("check", "token")
                        ]
                self.assertGreater(len(shown), 3)
                self.assertNotIn(token, "".join(shown))

    def test_no_token_is_kept(self) -> None:
        """In nothing that can be reached from the checker."""
        token = "secret-" + "of-alice"
        # Some servers echo the token among the claims.
        tokens = Tokens(
            lambda token: {**GOOD, "access_token": token},
            audience="mail",
            clock=lambda: NOW,
        )
        self.assertEqual(tokens.check(token), "alice")
        seen, queue = set(), [vars(tokens)]
        while queue:
            thing = queue.pop()
            if id(thing) in seen or isinstance(thing, type) or callable(thing):
                continue
            seen.add(id(thing))
            if isinstance(thing, str | bytes):
                self.assertNotIn(repr(token)[1:-1], repr(thing))
            queue += gc.get_referents(thing)


if __name__ == "__main__":
    unittest.main()
