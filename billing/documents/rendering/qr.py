"""The payment of a document as a QR code, as banks in the euro area read it (EPC069-12, version 002). Pure.

There is one where the amount is in euro and to be transferred to an IBAN. The matrix is made by segno: one code for PDF and HTML alike,
which a package of the drawing program could not give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.money import format_micros

if TYPE_CHECKING:
    from billing.accounts.parties.kinds import BankAccount
    from billing.documents.rendering.clean import Cleaner
    from billing.documents.semantic.model import Charged

_EURO, _CENTS = "EUR", 2
_CENT_MICROS: Final = 10_000
_MOST_MICROS: Final = 999_999_999_990_000  # 999999999.99
_NAME_MAX, _TEXT_MAX, _BYTES_MAX = 70, 140, 331
_SEPA_TRANSFER: Final = "58"
_QUIET: Final = 4  # modules of a light border
_LEVEL: Final = "m"  # 15 % of it may be damaged, as the norm wants


def payload(document: Charged, clean: Cleaner) -> str:
    """The text of the code; empty where there is none."""
    account = next((each for each in document.payment.accounts if each.iban), None)
    amount_micros = document.totals.to_pay_micros
    is_asked = document.currency == _EURO and document.payment.means == _SEPA_TRANSFER and document.minor_digits == _CENTS
    if account is None or not is_asked or not _CENT_MICROS <= amount_micros <= _MOST_MICROS or amount_micros % _CENT_MICROS:
        return ""
    return _payload(account, amount_micros, document, clean)


def _payload(account: BankAccount, amount_micros: int, document: Charged, clean: Cleaner) -> str:
    holder = clean.one(account.holder or document.seller.name)[:_NAME_MAX]
    reference = clean.one(document.payment.reference)
    iban, bic = (clean.one(each).replace(" ", "") for each in (account.iban, account.bic))
    lines = ("BCD", "002", "1", "SCT", bic, holder, iban, _EURO + format_micros(amount_micros, _CENTS), "", "", reference)
    text = "\n".join(lines)
    return text if holder and len(reference) <= _TEXT_MAX and len(text.encode()) <= _BYTES_MAX else ""


def matrix(text: str) -> tuple[str, ...]:
    """The modules of a text, a row a text of 1 (dark) and 0, without a border."""
    import segno  # noqa: PLC0415 -- for documents with a code alone

    code = segno.make(text, error=_LEVEL, boost_error=False, micro=False, encoding="utf-8", eci=False)
    return tuple("".join("1" if each else "0" for each in row) for row in code.matrix)


def svg(rows: tuple[str, ...], attributes: str = "") -> str:
    """The code as a picture, with the light border that readers want. `attributes`: further ones of its element, as they are written."""
    size = len(rows) + 2 * _QUIET
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-_QUIET} {-_QUIET} {size} {size}" shape-rendering="crispEdges"{attributes}>'
        f'<path fill="#fff" d="M{-_QUIET} {-_QUIET}h{size}v{size}h{-size}z"/><path d="{path(rows)}"/></svg>'
    )


def path(rows: tuple[str, ...]) -> str:
    """The dark modules as a path of SVG, a module a unit."""
    return "".join(f"M{column} {line}h{length}v1h-{length}z" for line, row in enumerate(rows) for column, length in _runs(row))


def _runs(row: str) -> list[tuple[int, int]]:
    """Column and length of runs of dark modules."""
    found: list[tuple[int, int]] = []
    for column, module in enumerate(row):
        if module != "1":
            continue
        if found and sum(found[-1]) == column:
            found[-1] = found[-1][0], found[-1][1] + 1
        else:
            found.append((column, 1))
    return found
