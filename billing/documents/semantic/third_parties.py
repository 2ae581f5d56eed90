"""Amounts that an issuer collects for other providers: lines whose revenue code a fact of the issuer names. Pure.

They are outside net, tax and total of the document, and so have no tax of ours. Where a tax lies on their class and period, the ledger owes
it as the issuer's: then the lines stay with the issuer, and a finding says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.documents.semantic.model import Finding, ThirdParty
from billing.documents.semantic.taxes import Key, key_of_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.accounts.parties import kinds
    from billing.documents.semantic.taxes import Group


class Collected(NamedTuple):
    """`of_line`: names of the issuer's facts by number of the line. `of_group`: sums by class and period."""

    of_line: Mapping[int, str]
    of_group: Mapping[Key, int]
    amounts: tuple[ThirdParty, ...]
    problems: tuple[Finding, ...]


def collected(place: str, rows: Sequence[Any], groups: Mapping[Key, Group], providers: Mapping[str, kinds.ThirdParty]) -> Collected:
    """Amounts of third parties among the stored lines of a document. `place`: the document. `providers`: the issuer's facts by name."""
    names = {fact.revenue_code: name for name, fact in sorted(providers.items(), reverse=True)}  # of two with one code the first by name
    of_line: dict[int, str] = {}
    of_group: dict[Key, int] = {}
    sums: dict[str, int] = {}
    taxed: set[str] = set()
    for row in rows if names else ():
        name = names.get(row.revenue_code, "") if row.kind != "tax" else ""
        if not name:
            continue
        key = key_of_group(row)
        if groups[key].tax_micros or groups[key].reasoned.rate_ppm:
            taxed.add(name)
            continue
        of_line[row.line_no] = name
        of_group[key] = of_group.get(key, 0) + int(row.amount_micros)
        sums[name] = sums.get(name, 0) + int(row.amount_micros)
    amounts = tuple(ThirdParty(name, providers[name].provider, providers[name].contact, sums[name]) for name in sorted(sums))
    return Collected(of_line, of_group, amounts, tuple(_taxed(place, name, providers[name]) for name in sorted(taxed)))


def _taxed(place: str, name: str, fact: kinds.ThirdParty) -> Finding:
    return Finding(
        "third_party_taxed",
        place,
        f"has charges of {fact.provider} (third party {name}) with tax: they are shown as charges of the issuer",
        "give these charges a tax class of rate 0 of their own in the tariff",
    )
