"""QR codes of payments: their texts as EPC069-12 has them, and the modules as a camera sees them in PDF and HTML."""

from __future__ import annotations

import re

import msgspec
import pypdfium2
import pytest
import segno

from billing.accounts.parties.kinds import BankAccount
from billing.documents.rendering import qr
from billing.documents.rendering.clean import Cleaner
from billing.documents.rendering.page import Beside, page_of
from billing.documents.rendering.rendering import render
from billing.documents.semantic.model import Mandate, Payment
from tests.billing.documents.rendering import samples

SCALE = 6  # pixels a point
WHOLE = f"BCD\n002\n1\nSCT\nCOBADEFFXXX\nNordnetz Telekom GmbH\n{samples.IBAN}\nEUR23.61\n\n\nR-0000000042"


def payload(**more: object) -> str:
    """The text of the code of a bill."""
    return qr.payload(samples.invoice(**more), Cleaner("document R-1"))


def paying(**more: str) -> Payment:
    """A payment to an account that differs in something."""
    account = msgspec.structs.replace(samples.SELLER.bank_accounts[0], **more)
    return Payment("58", "R-0000000042", (account,))


def test_the_text_of_a_code() -> None:
    assert payload() == WHOLE


@pytest.mark.parametrize(
    "more",
    [
        {"currency": "CHF"},
        {"payment": Payment("30", "R-1", (BankAccount("North", number="12"),))},
        {"payment": Payment("59", "R-1", (), Mandate("M-1", "DE98ZZZ09999999999", samples.IBAN))},
        {"payment": Payment("58", "R-1")},
        {"payment": Payment("58", "R" * 141, samples.SELLER.bank_accounts)},
        {"totals": samples.small(0).totals},
        {"totals": samples.small(-100).totals},
        {"totals": samples.small(100_000_000_000).totals},
    ],
    ids=["francs", "no IBAN", "direct debit", "no account", "long reference", "nothing to pay", "credit", "a thousand million"],
)
def test_no_code_where_no_bank_would_take_it(more: dict[str, object]) -> None:
    assert payload(**more) == ""
    assert page_of(samples.invoice(**more), "en").page.pay.code is None


def test_no_code_in_a_practice_home() -> None:
    """Nobody shall scan and pay what is not owed."""
    assert page_of(samples.invoice(), "en", Beside(is_practice=True)).page.pay.code is None
    assert page_of(samples.invoice(), "en").page.pay.code is not None


def test_the_least_and_the_most() -> None:
    assert "EUR0.01" in payload(totals=samples.small(1).totals)
    assert "EUR999999999.99" in payload(totals=samples.small(99_999_999_999).totals)


def test_a_name_cannot_add_a_line() -> None:
    text = payload(payment=paying(holder="North\nDE02120300000000202051\nEUR1.00"))
    assert text.split("\n")[5:8] == ["North DE02120300000000202051 EUR1.00", samples.IBAN, "EUR23.61"]


def test_a_long_name_is_cut_as_the_norm_wants() -> None:
    """70 characters, 210 bytes in Chinese: the whole text stays below 331 bytes."""
    text = payload(payment=paying(holder="北" * 100))
    assert text.split("\n")[5] == "北" * 70
    assert len(text.encode()) <= 331


def test_the_code_is_that_of_its_text() -> None:
    """Level M, and at most version 13, as the norm wants."""
    rows = qr.matrix(WHOLE)
    code = segno.make(WHOLE, error="m", boost_error=False, micro=False, encoding="utf-8", eci=False)
    assert rows == tuple("".join(str(int(bool(each))) for each in row) for row in code.matrix)
    assert code.error == "M"
    assert len(rows) <= 69
    assert rows[0].startswith("1111111") and rows[0].endswith("1111111")  # noqa: PT018 - two finders of one row


def test_the_modules_in_html() -> None:
    rows = qr.matrix(WHOLE)
    text = render(samples.invoice(), "html", "en").content.decode()
    drawn = re.search(r'<path d="([^"]+)"/></svg>', text)
    assert drawn
    dark = {
        (int(column) + step, int(line))
        for column, line, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", drawn[1])
        for step in range(int(length))
    }
    assert dark == {(column, line) for line, row in enumerate(rows) for column, module in enumerate(row) if module == "1"}


def test_the_modules_in_a_pdf_as_a_camera_sees_them() -> None:
    """The first page as a picture: the dark square at the right is found, and each module is looked at in its middle."""
    rows = qr.matrix(WHOLE)
    page = pypdfium2.PdfDocument(render(samples.invoice(), "pdf", "en").content)[0]
    picture = page.render(scale=SCALE).to_numpy()[:, :, :3].max(axis=2) < 100
    # the code is black, and the only thing so dark: text and lines are blue-grey
    black = page.render(scale=SCALE).to_numpy()[:, :, :3].max(axis=2) < 10
    lines, columns = black.any(axis=1).nonzero()[0], black.any(axis=0).nonzero()[0]
    top, left = lines[0], columns[0]
    side = (lines[-1] + 1 - top) / len(rows)
    seen = tuple(
        "".join(str(int(picture[int(top + (line + 0.5) * side), int(left + (column + 0.5) * side)])) for column in range(len(rows)))
        for line in range(len(rows))
    )
    assert seen == rows
    assert side / SCALE * len(rows) > 70, "at least 25 mm, for a camera"
