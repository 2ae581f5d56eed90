"""Elements of XML with prefixed names, of texts that XML 1.0 can hold; the standard library writes and escapes them. Pure.

A character that XML cannot hold becomes U+FFFD, and its element is listed. An element without a text is not made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNHELD: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
REPLACED: Final = "\ufffd"


class Tree:
    """A document of XML in the making. `unheld`: elements with their characters that XML cannot hold."""

    def __init__(self, root: str, namespaces: Mapping[str, str]) -> None:
        """Open the root. `namespaces`: by prefix, empty for the default."""
        self.root = ET.Element(root, {f"xmlns:{prefix}" if prefix else "xmlns": name for prefix, name in namespaces.items()})
        self.unheld: list[tuple[str, str]] = []

    def group(self, parent: ET.Element, name: str) -> ET.Element:
        """An element that others go into; `pruned` takes it away again where none did."""
        return ET.SubElement(parent, name)

    def text(self, parent: ET.Element, path: str, text: str, **attributes: str) -> None:
        """An element with a text, below elements of its own that `path` names before it; nothing for an empty text."""
        held = self._held(path, text)
        if not held:
            return
        for name in path.split("/"):
            parent = ET.SubElement(parent, name)
        parent.text = held
        for name, value in attributes.items():
            parent.set(name, self._held(f"{path}/@{name}", value))

    def data(self) -> bytes:
        """The document as bytes: UTF-8, in one line, the same for the same data."""
        _prune(self.root)
        data: bytes = ET.tostring(self.root, encoding="UTF-8", xml_declaration=True)
        return data + b"\n"

    def _held(self, path: str, text: str) -> str:
        bad = sorted(set(_UNHELD.findall(text)))
        self.unheld += [(path, f"U+{ord(each):04X}") for each in bad]
        return (_UNHELD.sub(REPLACED, text) if bad else text).replace("\r\n", "\n").replace("\r", "\n").strip()


def _prune(element: ET.Element) -> None:
    for child in list(element):
        _prune(child)
        if not len(child) and not child.text:
            element.remove(child)
