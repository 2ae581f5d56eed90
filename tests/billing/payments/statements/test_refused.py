"""Ways in which a bank file is refused whole: totals that disagree, files cut short, hostile XML. Each has its place and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing.payments.statements import reading, xml_stream
from billing.payments.statements.records import PROBLEMS_MAX
from rating.errors import ProblemsError
from tests.billing.payments.statements import shown

FILES = Path(__file__).parent / "files"
# file; what is changed in it, and into what; the place and beginning of what is said
CHANGED = [
    ("statement_02.xml", '"EUR">12.50<', '"EUR">12.51<', "line 5: the opening balance 1000.00 and 5 entries come to 1106.51, the closing"),
    ("statement_02.xml", '"EUR">1106.50<', '"EUR">1106.49<', "line 5: the opening balance 1000.00 and 5 entries come to 1106.50, the closing"),  # noqa: E501 -- a row of the table
    ("statement_02.xml", "<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>", "line 5: it has no closing balance"),
    ("statement_02.xml", "<Cd>OPBD</Cd>", "<Cd>OPAV</Cd>", "line 5: it has no opening balance"),
    ("statement_02.xml", "<NbOfNtries>5<", "<NbOfNtries>4<", "line 13: its summary (all) says 4 entries, it holds 5"),
    ("statement_02.xml", "<Sum>56<", "<Sum>56.01<", "line 15: its summary (debit) says a sum of 56.01, its entries come to 56.00"),
    ("statement_02.xml", "Amt>106.50<", "Amt>106.51<", "line 13: its summary (net) says a sum of 106.51, its entries come to 106.50"),
    ("statement_02.xml", "<NbOfTxs>2<", "<NbOfTxs>3<", "line 17: entry 1: the batch says 3 transactions, and holds 2"),
    ("statement_02.xml", 'TtlAmt Ccy="EUR">150.00', 'TtlAmt Ccy="EUR">150.01', "line 17: entry 1: the batch says a sum of 150.01"),
    ("statement_02.xml", '"EUR">50.00<', '"EUR">49.99<', "line 17: entry 1: its 2 transactions come to 149.99, the entry is 150.00"),
    ("statement_02.xml", '"EUR">50.00<', '"USD">50.00<', "line 17: entry 1: a transaction of several has no amount in EUR"),
    ("statement_02.xml", "<CdtDbtInd>DBIT</CdtDbtInd><Sts>", "<CdtDbtInd>DEBT</CdtDbtInd><Sts>", "line 45: entry 3: 'DEBT' is neither CRDT nor"),  # noqa: E501 -- a row of the table
    ("statement_02.xml", "<BookgDt><Dt>2026-11-09</Dt></BookgDt>\n        <AcctSvcrRef>B-3", "<AcctSvcrRef>B-3", "line 45: entry 3: it has neither"),  # noqa: E501 -- a row of the table
    ("statement_02.xml", '"EUR">12.50<', '"EUR">12.505<', "line 38: entry 2: 12.505 has more than the 2 decimal places of EUR"),
    ("statement_02.xml", '"EUR">12.50<', '"EUR">-12.50<', "line 38: entry 2: '-12.50' is not an amount such as 1250.50"),
    ("statement_02.xml", '"EUR">12.50<', '"EUR">1e3<', "line 38: entry 2: '1e3' is not an amount"),
    ("statement_02.xml", '"EUR">12.50<', '"EUR">12,50<', "line 38: entry 2: '12,50' is not an amount"),
    ("statement_02.xml", '"EUR">12.50<', '"XXX">12.50<', "line 38: entry 2: 'XXX' is not a currency of ISO 4217"),
    ("statement_02.xml", '"EUR">12.50<', '"USD">12.50<', "line 38: entry 2 is in USD, the account in EUR"),
    ("statement_02.xml", '"EUR">12.50<', '"EUR">9999999999999.00<', "line 38: entry 2: '9999999999999.00' is more than an amount can hold"),
    ("statement_02.xml", "DE89370400440532013000", "DE88370400440532013000", "line 5: DE88370400440532013000 is not an IBAN"),
    ("statement_02.xml", "<IBAN>DE89370400440532013000</IBAN>", "", "line 5: the statement names no account: ''"),
    ("statement_02.xml", "<Id>ST-2026-17</Id>\n      <ElctrncSeqNb>17</ElctrncSeqNb>", "", "line 5: the statement has neither id nor number"),  # noqa: E501 -- a row of the table
    ("statement_02.xml", "camt.053.001.02", "camt.053.001.04", "line 2: is camt.053 in version 04, not camt.053 in version 02 or 08"),
    ("statement_02.xml", "camt.053.001.02", "pain.001.001.03", "line 2: is XML of the namespace 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'"),  # noqa: E501 -- a row of the table
    ("statement_02.xml", "BkToCstmrStmt>", "BkToCstmrAcctRpt>", "line 1: holds no statement"),
    ("statement_02.xml", "</Stmt>", "", "line 80: is not well-formed XML"),
    ("statement_02.xml", "Ben &amp; Co", "Ben & Co", "line 33: is not well-formed XML"),
    ("statement_02.xml", "Ben &amp; Co", "Ben &bank; Co", "line 33: is not well-formed XML"),
    ("statement_02.xml", "Ben &amp; Co", "Ben \0 Co", "line 33: is not well-formed XML"),
    ("notification_02.xml", "<AcctSvcrRef>B-8</AcctSvcrRef>", "", "line 8: entry 1: it has no reference of the bank (AcctSvcrRef)"),
    ("notification_02.xml", '"EUR">20.00<', '"EUR">20.01<', "line 8: entry 1: its 2 transactions come to -30.01, the entry is -30.00"),
    ("statement_words.sta", "EUR1179,76", "EUR1179,77", "line 1: the opening balance 1203.25 and 4 entries come to 1179.76, the closing"),
    ("statement_words.sta", ":62F:C261111EUR1179,76\n", "", "line 1: it has no closing balance: nothing shows that it is whole"),
    ("statement_words.sta", "D3,5N809", "D3.5N809", "line 8: '2611111111D3.5N809NONREF' is not an entry such as"),
    ("statement_words.sta", "00019/001", "", "line 5: '' is not a number of a statement (:28C:)"),
    ("statement_words.sta", ":28C:", ":99X:", "line 3: 99X is not a field of MT940"),
    ("statement_words.sta", "2611111111C20", "2613111111C20", "line 5: '261311' is not a date such as 261130"),
    ("statement_words.sta", "2611111111C20", "2611111331C20", "line 5: '2026-13-31' is not a date"),
    ("statement_words.sta", ":20:STARTUMSE\n", "", "line 1: the field 25 is outside of a statement"),
    ("statement_words.sta", ":20:STARTUMSE", "STARTUMSE\n:20:x", "line 1: 'STARTUMSE' belongs to no field"),
    ("statement_words.sta", ":60F:C261110EUR1203,25\n", "", "line 4: it comes before the opening balance"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said"), CHANGED, ids=[f"{row[0]}-{number}" for number, row in enumerate(CHANGED)])
def test_refused(name: str, old: str, new: str, said: str) -> None:
    content = (FILES / name).read_bytes()
    assert old.encode() in content
    times = -1 if "AcctRpt" in new else 1  # an element has a start and an end
    found = _told(name, content.replace(old.encode(), new.encode(), times), shown.form_of(name))
    assert any(each.startswith(said) for each in found), found


def _told(name: str, content: bytes, form: reading.Format | None = None) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        shown.lines(Path(name), content, form)
    assert all(each.remedy and each.file == name for each in caught.value.problems)
    return [f"{each.path}: {each.message}" for each in caught.value.problems]


@pytest.mark.parametrize(
    "name", ["statement_02.xml", "statement_08.xml", "notification_02.xml", "statement_words.sta", "statement_slashes.sta"]
)
def test_a_file_cut_short_is_refused_wherever_it_is_cut(name: str) -> None:
    """But for the end of the envelope: the closing balance ends an MT940 statement."""
    content = (FILES / name).read_bytes()
    end = len(content.rstrip()) if name.endswith(".xml") else content.index(b":62F:") + len(":62F:C261112EUR5")
    for length in range(0, end, 7):
        assert _told(name, content[:length], shown.form_of(name))


BOMB = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
DECLARED = {
    "a document type": "<!DOCTYPE Document>",
    "a billion laughs": BOMB,
    "an external entity": "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "a document type from elsewhere": "<!DOCTYPE x SYSTEM 'http://localhost:1/x.dtd'>",
    "a parameter entity": "<!DOCTYPE x [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]>",
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_document_type_is_refused_before_it_is_read(name: str) -> None:
    text = (FILES / "statement_02.xml").read_text()
    wrong = text.replace("\n<Document", f"\n{DECLARED[name]}<Document").replace("thank you", "&c;")
    assert _told("statement_02.xml", wrong.encode()) == ["line 2: has a document type (DOCTYPE), as no file of a bank has"]


HOSTILE = {
    "deep": ("<Addr>" * 100, "has elements more than 64 deep"),
    "wide": ("<a/>" * (xml_stream.NODES_MAX + 1), "has more than 20,000 elements in one"),
    "long text": ("x" * (xml_stream.NODE_CHARS_MAX + 1), "has more than 1,048,576 characters in one element"),
    "long attribute": (f"<a b='{'x' * (xml_stream.NODE_CHARS_MAX + 1)}'/>", "has more than 1,048,576 characters in one element"),
    "a comment without end": (f"<!-- {'x' * (xml_stream.TOKEN_BYTES_MAX + xml_stream.PIECE_BYTES)}", "has a tag, comment or text above 4,194,304 bytes"),  # noqa: E501 -- a row of the table
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_refused_in_bounded_memory(name: str) -> None:
    wrong, said = HOSTILE[name]
    text = (FILES / "statement_02.xml").read_text().replace("<AddtlNtryInf>thank you", f"<AddtlNtryInf>{wrong}")
    assert _told("statement_02.xml", text.encode())[-1].partition(": ")[2] == said


def test_another_namespace_says_nothing() -> None:
    """An element of another namespace is passed over, though its name is known."""
    text = (FILES / "statement_02.xml").read_text()
    more = text.replace("<AddtlNtryInf>thank you", '<x:Amt xmlns:x="urn:x" Ccy="EUR">1</x:Amt><AddtlNtryInf>thank you')
    assert shown.lines(Path("a"), more.encode()) == shown.lines(FILES / "statement_02.xml")


def test_mistakes_are_listed_together_and_not_without_end() -> None:
    text = (FILES / "statement_02.xml").read_text()
    entry = text[text.index("<Ntry>") : text.index("</Ntry>") + len("</Ntry>")].replace('"EUR">50.00<', '"EUR">49.99<')
    found = _told("statement_02.xml", text.replace("<Ntry>", entry + entry + "<Ntry>", 1).encode())
    assert [each.partition(":")[0] for each in found[:2]] == ["line 17", "line 37"]
    assert len(_told("statement_02.xml", text.replace("<Ntry>", entry * 300 + "<Ntry>", 1).encode())) == PROBLEMS_MAX


def test_a_long_line_of_mt940() -> None:
    assert _told("x.sta", b":20:a\n:86:" + b"x" * 5000, shown.form_of("x.sta"))[-1] == "line 2: has a line above 4,096 bytes"
    assert _told("x.sta", b":20:a\n:86:a" + b"\nx" * 64, shown.form_of("x.sta"))[-1] == "line 66: has a field of more than 64 lines"
