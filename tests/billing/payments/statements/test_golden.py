# ruff: noqa: E501 -- a record is a line
"""Files of each format, written by hand, and every record that they hold: amounts, references, charges, returns worked out by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing.payments.statements import reading
from tests.billing.payments.statements import shown

FILES = Path(__file__).parent / "files"
GOLDEN = {
    "statement_02.xml": """
statement DE89370400440532013000 id ST-2026-17 number 17 page 1
entry 1 +150.00 EUR booked 2026-11-09 value 2026-11-08 ref B-1 PMNT/RCDT/ESCT
  +100.00 EUR | structured rf:RF65R0000000004 | party Anna Beispiel | account DE02120300000000202051
  +50.00 EUR | e2e E2E-2 | text invoice R-0000000001 | party Ben & Co
  .
entry 2 +12.50 EUR booked 2026-11-09 value 2026-11-09 ref B-2 166
  +12.50 EUR | text thank you
  .
entry 3 -3.00 EUR booked 2026-11-09 value 2026-11-09 ref B-3 PMNT/MDOP/CHRG
  -3.00 EUR | text fee of October
  .
entry 4 -43.00 EUR booked 2026-11-09 value 2026-11-09 ref B-4 PMNT/IDDT/UPDD reversal
  -43.00 EUR | charge 3.00 | e2e DD-7 | mandate M-7 | reason AM04 | party Cleo Muster
  .
entry 5 -10.00 EUR booked 2026-11-09 value 2026-11-09 ref B-5 PMNT/ICDT/ESCT
  -10.00 EUR | e2e F-1 | party Dora Probe | account 12345
  .
end 1000.00 to 1106.50 EUR 5 entries 6 lines credits 162.50 debits 56.00 pending 1
""",
    "statement_08.xml": """
statement DE89370400440532013000 id ST-2026-18 number 18 page 1
entry 1 +78.00 EUR booked 2026-11-10 value 2026-11-10 ref B-6 PMNT/RCDT/XBCT
  +78.00 EUR | charge 2.00 | e2e X-1 | structured national:210000000003139471430009017 document:R-0000000009 | party \u00c9mile Exemple | account FR1420041010050500013M02606
  .
entry 2 +18.75 EUR booked 2026-11-10 value 2026-11-10 ref B-7 PMNT/RCDT/ESCT
  +12.00 EUR | text A000002
  +8.00 EUR | text A000003
  charge of the entry 1.25
end 1106.50 to 1203.25 EUR 2 entries 3 lines credits 96.75 debits 0.00 pending 0
""",
    "notification_02.xml": """
notification DE89370400440532013000 id NT-1 number None page 1
entry 1 -30.00 EUR booked 2026-11-09 value 2026-11-09 ref B-8 PMNT/IDDT/UPDD
  -10.00 EUR | e2e DD-8 | reason AC04
  -20.00 EUR | e2e DD-9 | reason MD06
  .
end - to - EUR 1 entries 2 lines credits 0.00 debits 30.00 pending 0
""",
    "notification_08.xml": """
notification DE89370400440532013000 id NT-2 number None page 1
entry 1 -30.00 EUR booked 2026-11-09 value 2026-11-09 ref B-9 PMNT/IDDT/UPDD
  -10.00 EUR | e2e DD-8 | reason AC04
  -20.00 EUR | e2e DD-9 | reason MD06
  .
end - to - EUR 1 entries 2 lines credits 0.00 debits 30.00 pending 0
""",
    "statement_words.sta": """
statement 37040044/0532013000 id - number 19 page 1
entry 1 +20.00 EUR booked 2026-11-11 value 2026-11-11 ref - N166/166
  +20.00 EUR | e2e E2E-9 | text R-0000000001 thank you | party ANNA BEISPIEL UND BEN | account DE02120300000000202051
  .
entry 2 -3.50 EUR booked 2026-11-11 value 2026-11-11 ref - N809/809/CHRG
  -3.50 EUR | text fee of November
  .
entry 3 -40.00 EUR booked 2026-11-11 value 2026-11-11 ref - NRTI/109/RTRN reversal
  -40.00 EUR | e2e DD-7 | mandate M-7 | reason AC04 | text RETURN AC04 | party CLEO MUSTER
  .
entry 4 +0.01 EUR booked 2025-12-31 value 2026-01-02 ref - NTRF
  +0.01 EUR
  .
end 1203.25 to 1179.76 EUR 4 entries 4 lines credits 20.01 debits 43.50 pending 0
""",
    "statement_slashes.sta": """
statement NL91ABNA0417164300 id - number 4 page 1
entry 1 +15.00 EUR booked 2026-11-12 value 2026-11-12 ref - NTRF
  +15.00 EUR | e2e E2E-10 | structured rf:RF18539007547034 | text /TRCD/00100/ STRD/CUR/RF18539007547034/ | party Eva Voorbeeld | account NL20INGB0001234567
  .
end -10.00 to 5.00 EUR 1 entries 1 lines credits 15.00 debits 0.00 pending 0
""",
}  # fmt: skip
FORMATS = {
    "statement_02.xml": "camt.053", "statement_08.xml": "camt.053", "notification_02.xml": "camt.054", "notification_08.xml": "camt.054",
    "statement_words.sta": "mt940", "statement_slashes.sta": "mt940",
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_every_record(name: str) -> None:
    assert shown.lines(FILES / name) == GOLDEN[name].strip("\n").split("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised_by_content(name: str) -> None:
    """Also under another name, with a mark of the byte order, and in UTF-16."""
    content = (FILES / name).read_bytes()
    assert reading.recognised(reading.source(Path("bank.csv"), content)) == FORMATS[name]
    assert reading.recognised(reading.source(Path("bank.csv"), b"\xef\xbb\xbf" + content)) == FORMATS[name]
    if name.endswith(".xml"):
        wide = content.decode().replace("UTF-8", "UTF-16").encode("utf-16")
        assert reading.recognised(reading.source(Path("bank.csv"), wide)) == FORMATS[name]
        assert shown.lines(Path(name), wide) == shown.lines(FILES / name)


def test_every_file_has_its_records() -> None:
    assert {each.name for each in FILES.iterdir()} == GOLDEN.keys() == FORMATS.keys()


def test_csv_is_what_begins_like_no_other() -> None:
    assert reading.recognised(reading.source(Path("x.xml"), b"Id;Date\n:20;x\n")) == "csv"
