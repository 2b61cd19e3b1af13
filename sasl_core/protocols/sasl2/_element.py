"""Element: one element of the stream, with all that is in it."""

from __future__ import annotations

from .._replies import BaseReply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol, Self

    class Tree(Protocol):
        """An element of ElementTree, lxml, slixmpp, ..."""

        @property
        def tag(self) -> str: ...
        @property
        def attrib(self) -> Mapping[str, str]: ...
        @property
        def text(self) -> str | None: ...
        def __iter__(self) -> Iterator[Tree]: ...


NAMESPACE = "urn:xmpp:sasl:2"

_set = object.__setattr__
_DEEPEST = 8  # levels; what is below cannot be meant for SASL
_ESCAPED = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "'": "&apos;",
        **{char: f"&#{ord(char)};" for char in "\t\n\r"},
    }
)


class Element(BaseReply):
    """An element: its name and namespace, attributes, character data and children.

    `close`: the stream ends with it, by the stream error `policy-violation`. `bytes()`
    gives its XML, `of` reads it.
    """

    __slots__ = __match_args__ = (
        "name",
        "text",
        "children",
        "namespace",
        "attributes",
        "close",
    )
    _secret = frozenset({"text", "attributes"})

    name: str
    text: str
    children: tuple[Element, ...]
    namespace: str
    attributes: tuple[tuple[str, str], ...]

    def __init__(
        self,
        name: str,
        text: str = "",
        children: Iterable[Element] = (),
        *,
        namespace: str = NAMESPACE,
        attributes: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        close: bool = False,
    ) -> None:
        _set(self, "name", name)
        _set(self, "text", text)
        _set(self, "children", tuple(children))
        _set(self, "namespace", namespace)
        _set(self, "attributes", tuple(dict(attributes).items()))
        _set(self, "close", close)

    @classmethod
    def of(cls, tree: Tree) -> Self:
        """Read an element of ElementTree, or of what has its attributes: `tag` with the
        namespace in braces, `attrib`, `text`, and iteration over the children.
        """
        return cls._read(tree, _DEEPEST)

    @classmethod
    def _read(cls, tree: Tree, levels: int) -> Self:
        namespace, _, name = tree.tag.removeprefix("{").rpartition("}")
        below = tree if levels else ()
        return cls(
            name,
            tree.text or "",
            # The tag of a comment is no str in lxml.
            [cls._read(one, levels - 1) for one in below if isinstance(one.tag, str)],
            namespace=namespace,
            attributes=tree.attrib,
        )

    def child(self, name: str, namespace: str = NAMESPACE) -> Element | None:
        """Return the first child of this name; None if there is none."""
        return next(iter(self.all(name, namespace)), None)

    def all(self, name: str, namespace: str = NAMESPACE) -> tuple[Element, ...]:
        """Return all children of this name."""
        return tuple(
            child
            for child in self.children
            if child.name == name and child.namespace == namespace
        )

    def get(self, attribute: str) -> str:
        """Return the value of an attribute, "" where there is none."""
        return dict(self.attributes).get(attribute, "")

    def __bytes__(self) -> bytes:
        return self._written("").encode()

    def _written(self, outside: str) -> str:
        pairs = self.attributes
        if self.namespace != outside:
            pairs = (("xmlns", self.namespace), *pairs)
        listed = "".join(f" {key}='{_escaped(value)}'" for key, value in pairs)
        inside = "".join(child._written(self.namespace) for child in self.children)
        return f"<{self.name}{listed}>{_escaped(self.text)}{inside}</{self.name}>"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
