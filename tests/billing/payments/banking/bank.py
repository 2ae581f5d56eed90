"""A bank for tests: it keeps one account of the issuer and writes its statements, with balances and totals worked out here."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from billing.accounts.parties import stored
from billing.accounts.parties.kinds import BankAccount
from billing.payments.banking.importing import import_statements
from billing.payments.statements import reading
from rating.money import format_micros
from tests.billing.payments.desk import ANA, units

if TYPE_CHECKING:
    from billing.payments.importing import Imported
    from billing.payments.mapping import Match
    from tests.billing.payments.desk import Desk

IBAN = "DE89370400440532013000"
FILES = Path(__file__).parents[1] / "statements" / "files"
_DAY = "2026-11-09"


class Row(NamedTuple):
    """An entry as a row of a table: `ref amount words`, where words are `key=value`."""

    ref: str
    amount: str
    words: dict[str, str]


def own(desk: Desk, iban: str = IBAN, entity: str = "", *, currency: str = "", since: str = "2025-01-01") -> None:
    """Record a bank account of an issuer."""
    with desk.home.begin() as connection:
        seq = desk.home.next_commit_seq(connection, "fact", desk.now_us)
        fact = stored.NewFact(
            "bank_account", f"bank {iban[-4:]}", dt.date.fromisoformat(since), None, BankAccount("North", iban, currency=currency)
        )
        stored.add(connection, stored.Subject(None, entity), fact, by=ANA, commit_seq=seq)


def take(desk: Desk, name: str, content: bytes | None = None, match: Match | None = None) -> Imported:
    """Import a file of the tests, or content under a name."""
    source = reading.source(FILES / name if content is None else Path(name), content)
    return import_statements(desk.home, source, reading.recognised(source), match, desk.act)


def rows(text: str) -> list[Row]:
    """Entries of a table. A word goes on to the next `key=`."""
    made = []
    for line in filter(None, (each.strip() for each in text.split("\n"))):
        ref, amount, *words = line.split(" ", 2)
        found: dict[str, str] = {}
        for word in words[0].split("; ") if words else ():
            key, _, value = word.partition("=")
            found[key] = value
        made.append(Row(ref, amount, found))
    return made


def statement(  # noqa: PLR0913 -- what a statement says
    text: str, *, number: int = 1, opening: str = "100.00", day: str = _DAY, identity: str = "", version: str = "08", account: str = IBAN
) -> bytes:
    """A camt.053 of these entries: a balance at its end that is right."""
    entries = rows(text)
    closing = units(opening) + sum(units(each.amount) for each in entries)
    body = "".join(_entry(each, day, version) for each in entries)
    balances = _balance("OPBD", units(opening), day) + _balance("CLBD", closing, day)
    ids = f"<Id>{identity or f'S-{number}'}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>"
    head = f"{ids}<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
    return _document("camt.053", version, f"<BkToCstmrStmt><Stmt>{head}{balances}{body}</Stmt></BkToCstmrStmt>")


def notification(text: str, *, identity: str = "N-1", day: str = _DAY, version: str = "08") -> bytes:
    """A camt.054 of these entries."""
    body = "".join(_entry(each, day, version) for each in rows(text))
    head = f"<Id>{identity}</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
    return _document("camt.054", version, f"<BkToCstmrDbtCdtNtfctn><Ntfctn>{head}{body}</Ntfctn></BkToCstmrDbtCdtNtfctn>")


def _document(message: str, version: str, body: str) -> bytes:
    return f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}.001.{version}">{body}</Document>\n'.encode()


def _balance(code: str, micros: int, day: str) -> str:
    way = "CRDT" if micros >= 0 else "DBIT"
    amount = f'<Amt Ccy="EUR">{format_micros(abs(micros))}</Amt><CdtDbtInd>{way}</CdtDbtInd>'
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{amount}<Dt><Dt>{day}</Dt></Dt></Bal>"


def _entry(row: Row, day: str, version: str) -> str:
    micros = units(row.amount)
    way = "CRDT" if micros >= 0 else "DBIT"
    amount = f'<Amt Ccy="EUR">{format_micros(abs(micros))}</Amt>'
    words = row.words
    status = "<Cd>BOOK</Cd>" if version == "08" else "BOOK"
    parts = words.get("parts", "")
    details = _batch(parts, way, version) if parts else _details(words, version, way)
    reversal = "<RvslInd>true</RvslInd>" if "reversal" in words else ""
    reference = f"<AcctSvcrRef>{row.ref}</AcctSvcrRef>" if row.ref != "-" else ""
    code = f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>{words.get('code', 'ESCT')}</SubFmlyCd></Fmly></Domn></BkTxCd>"
    booked = f"<BookgDt><Dt>{words.get('day', day)}</Dt></BookgDt>"
    head = f"{amount}<CdtDbtInd>{way}</CdtDbtInd>{reversal}<Sts>{status}</Sts>{booked}{reference}{code}"
    return f"<Ntry>{head}<NtryDtls>{details}</NtryDtls></Ntry>"


def _batch(parts: str, way: str, version: str) -> str:
    """Transactions such as `5.00 A000001, 7.00 A000002`."""
    made = [each.split(" ", 1) for each in parts.split(", ")]
    body = "".join(_details({"amount": amount, "text": text}, version, way) for amount, text in made)
    return f"<Btch><NbOfTxs>{len(made)}</NbOfTxs></Btch>{body}"


def _details(words: dict[str, str], version: str, way: str) -> str:
    if words.get("batch"):
        return f"<Btch><NbOfTxs>{words['batch']}</NbOfTxs></Btch>"
    ids = "".join(f"<{tag}>{words[key]}</{tag}>" for key, tag in (("e2e", "EndToEndId"), ("mandate", "MndtId")) if key in words)
    amount = ""
    if "amount" in words:
        money = f'<Amt Ccy="EUR">{words["amount"]}</Amt>'
        amount = f"{money}<CdtDbtInd>{way}</CdtDbtInd>" if version == "08" else f"<AmtDtls><TxAmt>{money}</TxAmt></AmtDtls>"
    charge = (
        f'<Chrgs><Rcrd><Amt Ccy="EUR">{words["charge"]}</Amt><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>' if "charge" in words else ""
    )
    side = "Dbtr" if way == "CRDT" else "Cdtr"
    name = f"<{side}><Pty><Nm>{words['party']}</Nm></Pty></{side}>" if "party" in words else ""
    number = f"<{side}Acct><Id><IBAN>{words['account']}</IBAN></Id></{side}Acct>" if "account" in words else ""
    structured = f"<Strd><CdtrRefInf><Ref>{words['rf']}</Ref></CdtrRefInf></Strd>" if "rf" in words else ""
    free = f"<Ustrd>{words['text']}</Ustrd>" if "text" in words else ""
    reason = f"<RtrInf><Rsn><Cd>{words['reason']}</Cd></Rsn></RtrInf>" if "reason" in words else ""
    parties = f"<RltdPties>{name}{number}</RltdPties>" if name or number else ""
    return f"<TxDtls><Refs>{ids}</Refs>{amount}{charge}{parties}<RmtInf>{free}{structured}</RmtInf>{reason}</TxDtls>"
