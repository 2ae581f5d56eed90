"""Messages and help in plain English: short sentences, and no word of a private dialect.

    python -m tests.style.messages [FILE ...]       each text that is not, with its place; exit status 1 where there is one

Every string of the product that has several words counts: error texts, remedies, notes, help, and what an assert says.
Help opens with its subject or verb. A sentence has at most WORDS_MAX words; code, options and quoted values do not count.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, Final

from tests.style.docstrings import NO_OPENING, ROOT, WORDS_MAX, sources

if TYPE_CHECKING:
    from collections.abc import Iterator

RETIRED: Final = re.compile(
    r"\b(whoever|whatever|whichever|somebody|nobody|of which|of whom|anew|by now|to be had|looked at"
    r"|tells?|told|stands?|stood|mend(?:s|ed)?|(?<!there )(?:is|are|was|were) no (?!longer|more))(?=\b|$)",
    re.IGNORECASE,
)
_DATA: Final = re.compile(r"`[^`]*`|\"[^\"]*\"|\([^)]*\)|\{[^{}]*\}|--[\w-]+")
_SENTENCE: Final = re.compile(r"(?<=[.!?:;])\s+|\n")
_WORD: Final = re.compile(r"[(\"']*[A-Za-z]*[a-z]['\w-]*[)\"']*[.,:;!?]*")
_PATH: Final = re.compile(r"[\w.]+:\w+")
_NAME: Final = re.compile(r"[A-Za-z]+_\w+")


def findings(source: str) -> Iterator[tuple[int, str]]:
    """The line and the fault of each text of a module that is not plain."""
    tree = ast.parse(source)
    helped = {id(each) for each in _helps(tree)}
    found = [(node.lineno, text, id(node) in helped) for node, text in _texts(tree) if len(text.split()) > 1]
    if "cyclopts" in source:
        found += [(line, text, True) for line, text in _descriptions(tree)]
    for line, text, is_help in found:
        yield from ((line, fault) for fault in faults(text, is_help=is_help))


def faults(text: str, *, is_help: bool = False) -> Iterator[str]:
    """The faults of one text; a placeholder of an f-string is written {}."""
    plain = _DATA.sub("x", text)
    opening = NO_OPENING.match(plain) if is_help else None
    if opening:
        yield f"help opens with {opening[0]!r}"
    for word in RETIRED.findall(plain):
        yield f"retired word {word!r}: {text[:60]}"
    for sentence in _SENTENCE.split(plain):
        words = [word for word in sentence.split() if _WORD.fullmatch(word) and not _NAME.match(word)]
        if len(words) > WORDS_MAX:
            yield f"{len(words)} words: {sentence[:60]} ..."


def _helps(tree: ast.AST) -> Iterator[ast.expr]:
    """Help of options and commands: `help=`, and the text after the import path in a list of commands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "help":
            yield node.value
        elif isinstance(node, ast.Tuple) and any(isinstance(each, ast.Constant) and _PATH.fullmatch(str(each.value)) for each in node.elts):
            yield node.elts[-1]


def _descriptions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Docstrings of commands, which their help shows, and what their section of parameters says of each option."""
    for node in tree.body:
        doc = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") else None
        if doc:
            text, _, parameters = doc.partition("\nParameters\n")
            options = re.findall(r"^    .*(?:\n    .*)*", parameters, re.MULTILINE)
            yield from ((node.lineno, " ".join(each.split())) for each in [*text.split("\n\n"), *options])


def _texts(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Strings of a module without its docstrings and other bare strings; parts of an f-string count with the whole."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node) if part is not node}
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in bare:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node, "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def main(names: list[str]) -> int:
    """Print all faults. Returns 1 where there is one."""
    found = [(path, line, fault) for path in sources(names) for line, fault in findings(path.read_text("utf-8"))]
    sys.stdout.writelines(f"{path.relative_to(ROOT)}:{line}: {fault}\n" for path, line, fault in found)
    sys.stdout.write(f"{len(found)} faults of messages in {len({path for path, _, _ in found})} files\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
