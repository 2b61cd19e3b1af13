"""Ready answers to what a server asks: stores, tokens, limits on guessing, audit.

Each is a module of its own, imported by whoever uses it; here is what holds them
together. They do I/O, and none of them is imported by the rest of the library.
"""

from ._account import Account, Unavailable
from ._answers.outcomes import correlation_id
from ._application import Application, AsyncApplication
from ._passwords import set_password, set_password_async
from ._population import Population
from ._threaded import ThreadedStore
from ._upgrade import Upgrade

__all__ = [
    "Account",
    "Application",
    "AsyncApplication",
    "Population",
    "ThreadedStore",
    "Unavailable",
    "Upgrade",
    "correlation_id",
    "set_password",
    "set_password_async",
]
