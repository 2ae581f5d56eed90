"""docs/parties.md has every kind and field of a party, as the code says them."""

from __future__ import annotations

from pathlib import Path

from billing.accounts.parties.fields import Masking
from billing.accounts.parties.kinds import CUSTOMER_KINDS, ISSUER_KINDS, fields_of, names_of, words_of

PAGE = Path(__file__).parents[4] / "docs" / "parties.md"
_MASKED = {Masking.WHOLE: "", Masking.NAME: "first letter", Masking.NUMBER: "last third", Masking.HIDDEN: "hidden"}


def tables() -> list[str]:
    """The lines of the tables: kinds, then the fields of each."""
    every = {**CUSTOMER_KINDS, **ISSUER_KINDS}
    lines = ["## Kinds", "", "| kind | name | of | what it is |", "|---|---|---|---|"]
    for kind, struct in every.items():
        of = [word for word, kinds in (("customers", CUSTOMER_KINDS), ("issuers", ISSUER_KINDS)) if kind in kinds]
        lines.append(f"| [`{kind}`](#{kind}) | {names_of(struct)} | {', '.join(of)} | {words_of(struct)} |")
    for kind, struct in every.items():
        lines += ["", f"### {kind}", "", "| field | needed | at most | EN 16931 | masked | what it is |", "|---|---|---|---|---|---|"]
        for each in fields_of(struct, of_customer=kind in CUSTOMER_KINDS):
            needed = "yes" if each.is_needed else ""
            masked = _MASKED[each.masking] if kind in CUSTOMER_KINDS else ""
            lines.append(f"| `{each.name}` | {needed} | {f'{each.most:,}' if each.most else ''} | {each.term} | {masked} | {each.says} |")
    return lines


def test_the_page_has_every_kind_and_field() -> None:
    assert "\n".join(tables()) in PAGE.read_text(encoding="utf-8")
