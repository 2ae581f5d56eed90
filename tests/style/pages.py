"""Pages in plain English: no word of a private dialect, and sentences that can be read once.

    python -m tests.style.pages [PAGE ...]       each sentence that is not, with its place; exit status 1 where there is one

Blocks of code, names in backticks and what is in parentheses do not count. A sentence of a page has at most WORDS_MAX words; an
enumeration, which is read item by item, has more than LIST_COMMAS_MIN commas and may be longer.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.style.docstrings import ROOT
from tests.style.messages import RETIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS_MAX: Final = 30
LIST_COMMAS_MIN: Final = 4
_FENCE: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\([^)]*\)")
_CODE: Final = re.compile(r"`[^`]*`")
_ASIDE: Final = re.compile(r"\([^()]*\)|\"[^\"\n]*\"")
_SENTENCE: Final = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n(?=[ ]*[-*#|\d])|\|")


def faults(page: str) -> Iterator[tuple[int, str]]:
    """The line and the fault of each sentence of a page that is not plain."""
    text = page
    for pattern in (_FENCE, _CODE, _LINK, _ASIDE):
        text = pattern.sub(_blanked, text)
    for found in RETIRED.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, f"retired word {found[0]!r}"
    at = 0
    for sentence in _SENTENCE.split(text):
        at = text.index(sentence, at)
        words = [word for word in sentence.split() if re.search("[a-z]", word)]
        if len(words) > WORDS_MAX and sentence.count(",") <= LIST_COMMAS_MIN:
            yield text.count("\n", 0, at) + 1, f"{len(words)} words: {' '.join(words)[:60]} ..."


def pages(names: list[str]) -> list[Path]:
    """The pages to look at: those named, or all that readers of the product have."""
    return [Path(name).resolve() for name in names] or [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def main(names: list[str]) -> int:
    """Print all faults. Returns 1 where there is one."""
    found = [(page, line, fault) for page in pages(names) for line, fault in faults(page.read_text("utf-8"))]
    sys.stdout.writelines(f"{page.relative_to(ROOT)}:{line}: {fault}\n" for page, line, fault in found)
    sys.stdout.write(f"{len(found)} faults of pages in {len({page for page, _, _ in found})} files\n")
    return 1 if found else 0


def _blanked(found: re.Match[str]) -> str:
    """As many characters without words, so that lines stay where they are; code counts as one word."""
    return re.sub(r"[^\n]", " ", found[0][:-1]) + ("]" if found[0].startswith("]") else "_")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
