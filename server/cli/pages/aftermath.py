"""The later history of a document, a sentence a line, in English or Chinese: below the document itself (`server.cli.pages.invoice`).

Customers read it: who voided a document, and why, is for operators, in JSON and in `invoice explain`.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from server.cli import output

if TYPE_CHECKING:
    from billing.documents.aftermath import Aftermath, Note

WORDS: Final = {
    "en": {
        "about": "About invoice {}", "replaces": "Replaces {}, void as of {}", "void": "This document was cancelled on {}",
        "replaced": "Replaced by {}", "credited": "Credited by {}, {}", "reason": "{}; reason: {}", "corrected": "Corrected by {}",
        "was_replaced": "{} had replaced it, and is void", "was_corrected": "{} had corrected it, and is void",
        "was_credited": "{} had credited it, and is void",
        "named": "{} of {} ({} {})", "outside": "for good", "advance": "ahead of a correction",
    },
    "zh": {
        "about": "关于账单 {}", "replaces": "替代 {}，该单据已于 {} 作废", "void": "本单据已于 {} 作废",
        "replaced": "由 {} 替代", "credited": "由 {} 减免，{}", "reason": "{}；原因：{}", "corrected": "由 {} 更正",
        "was_replaced": "曾由 {} 替代，该单据已作废", "was_corrected": "曾由 {} 更正，该单据已作废",
        "was_credited": "曾由 {} 减免，该单据已作废", "named": "{}（{}，{} {}）", "outside": "不再计费", "advance": "先行退还",
    },
}  # fmt: skip


def sentences(after: Aftermath, currency: str, language: str) -> list[str]:
    """The sentences about a document; English where there are no words in a language (with or without its region)."""
    words = WORDS.get(language.partition("-")[0], WORDS["en"])
    found = [words["about"].format(after.about)] if after.about else []
    found += [words["replaces"].format(_named(note, currency, words), note.voided_on) for note in after.replaces]
    if after.voided_on:
        found.append(words["void"].format(after.voided_on))
    found += [_by(note, "replaced", currency, words) for note in after.replaced_by]
    found += [_credited(note, currency, words, language) for note in after.credit_notes]
    return found + [_by(note, "corrected", currency, words) for note in after.corrected_by]


def _credited(note: Note, currency: str, words: dict[str, str], language: str) -> str:
    """A credit note: what it does to later bills, and the title of its reason."""
    from billing.charges.reasons import reasons

    name = _named(note, currency, words)
    told = words["was_credited"].format(name) if note.is_void else words["credited"].format(name, words.get(note.effect, note.effect))
    reason = reasons().get(note.reason_code)
    return words["reason"].format(told, reason.name(language)) if reason is not None else told


def _by(note: Note, act: str, currency: str, words: dict[str, str]) -> str:
    """A document that replaced or corrected this one; a void one did so before."""
    return words[f"was_{act}" if note.is_void else act].format(_named(note, currency, words))


def _named(note: Note, currency: str, words: dict[str, str]) -> str:
    """A document by number, date and total."""
    return words["named"].format(note.number, note.issued_on, output.amount(note.total_micros, currency), currency)
