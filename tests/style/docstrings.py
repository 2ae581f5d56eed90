"""Docstrings in plain English: the subject comes first, sentences are short, and words of a private dialect are gone.

    python -m tests.style.docstrings [FILE ...]       each sentence that is not, with its place; exit status 1 where there is one

A docstring does not open with a relative or interrogative word. A sentence has at most WORDS_MAX words; code, lists of names and
indented blocks do not count.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("rating", "tariffs", "mediation", "billing", "server")
WORDS_MAX: Final = 25
NO_OPENING: Final = re.compile(r"(wh(at|ich|ether|o|ose|om|ere|en|y)(ever)?|how|of)\b", re.IGNORECASE)
RETIRED: Final = re.compile(
    r"\b(whoever|whatever|whichever|somebody|nobody|of which|of whom|(?:is|are|was|were|be|been) told|passed by|passes by)\b", re.IGNORECASE
)
_CODE: Final = re.compile(r"`[^`]*`|\"[^\"]*\"|\[[^\]]*\]|\([^)]*\)")
_SENTENCE: Final = re.compile(r"(?<=[.!?:;])\s+")


def findings(source: str) -> Iterator[tuple[int, str]]:
    """The line and the fault of each docstring of a module that is not plain."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                line = 1 if isinstance(node, ast.Module) else node.lineno
                yield from ((line, fault) for fault in faults(text))


def faults(text: str) -> Iterator[str]:
    """The faults of one docstring."""
    opening = NO_OPENING.match(text.strip())
    if opening:
        yield f"opens with {opening[0]!r}"
    for word in RETIRED.findall(_CODE.sub("", text)):
        yield f"retired word {word!r}"
    for sentence in _sentences(text):
        if len(sentence.split()) > WORDS_MAX:
            yield f"{len(sentence.split())} words: {sentence[:60]} ..."


def _sentences(text: str) -> Iterator[str]:
    """Sentences of the running text: indented lines, tables and lists stand apart."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [each for each in paragraph.split("\n") if not each.startswith(("    ", "- ", "| "))]
        yield from _SENTENCE.split(_CODE.sub("x", " ".join(lines)))


def sources(names: Iterable[str]) -> Iterator[Path]:
    """The modules to look at: those named, or all of the product that are not generated."""
    chosen = [Path(name).resolve() for name in names]
    yield from chosen or sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def main(names: list[str]) -> int:
    """Print all faults. Returns 1 where there is one."""
    found = [(path, line, fault) for path in sources(names) for line, fault in findings(path.read_text("utf-8"))]
    lines = [f"{path.relative_to(ROOT)}:{line}: {fault}\n" for path, line, fault in found]
    sys.stdout.writelines([*lines, f"{len(found)} faults in {len({path for path, _, _ in found})} files\n"])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
