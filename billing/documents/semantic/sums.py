"""The sums of an invoice or a credit note, and the assertion that its lines and its tax table agree. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.documents.semantic.model import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.documents.semantic.model import Line, Settled, Tax, ThirdParty


def totals_of(lines: Sequence[Line], taxes: Sequence[Tax], third_parties: Iterable[ThirdParty], settled: Iterable[Settled]) -> Totals:
    """The sums of a document from its lines, its tax table, amounts of third parties and credit that was set off.

    Asserts that the tax table is that of the lines, row by row.
    """
    sums = {role: sum(line.amount_micros for line in lines if line.role == role) for role in ("line", "allowance", "charge")}
    net_micros = sums["line"] + sums["allowance"] + sums["charge"]
    tax_micros = sum(tax.tax_micros for tax in taxes)
    assert net_micros == sum(tax.taxable_micros for tax in taxes), (net_micros, taxes)
    for tax in taxes:
        own = [line for line in lines if line.role != "third_party" and (line.category, line.rate_ppm) == (tax.category, tax.rate_ppm)]
        assert sum(line.amount_micros for line in own) == tax.taxable_micros, tax
    total_micros = net_micros + tax_micros
    third_micros = sum(each.amount_micros for each in third_parties)
    credit_micros = sum(each.amount_micros for each in settled)
    prepaid_micros = min(credit_micros, max(total_micros, 0))  # ours first; what is beyond paid amounts of third parties
    return Totals(
        lines_micros=sums["line"],
        allowances_micros=-sums["allowance"],
        charges_micros=sums["charge"],
        net_micros=net_micros,
        tax_micros=tax_micros,
        total_micros=total_micros,
        prepaid_micros=prepaid_micros,
        due_micros=total_micros - prepaid_micros,
        third_parties_micros=third_micros,
        third_parties_prepaid_micros=credit_micros - prepaid_micros,
    )
