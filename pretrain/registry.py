"""Names for backbones and tasks: a string in a config or on a command line becomes the thing itself, or an error
that lists the choices.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Generic, TypeVar

T = TypeVar("T")


class UnknownName(ValueError):
    """Nothing is registered under the name asked for; the message lists what is."""


class Registry(Generic[T]):
    """A dictionary that is filled by decorators and knows the good names when it is given a bad one."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: enter a function or class under `name`. Raises ValueError if the name is taken."""

        def enter(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"two {self._kind}s are called {name!r}; rename one of them")
            self._entries[name] = entry
            return entry

        return enter

    def names(self) -> list[str]:
        """All names, in alphabetical order."""
        return sorted(self._entries)

    def __getitem__(self, name: str) -> T:
        """The entry called `name`. Raises UnknownName."""
        try:
            return self._entries[name]
        except KeyError:
            near = get_close_matches(name, self._entries, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise UnknownName(f"no {self._kind} is called {name!r}.{guess} There are: {', '.join(self.names())}") from None
