"""Entries and transactions of camt messages: parties, references, charges, reasons of returns, and the sum of a batch.

A transaction that comes alone is the whole entry. Of several, each has its own amount in the currency of the
account, and together they come to the entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.payments.statements import amounts, references
from billing.payments.statements.records import Entry, EntryEnd, Kind, Reference, ReferenceKind, Transaction, WrongError
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.payments.statements.xml_stream import Node

TEXT_MAX: Final = 4_096
_NO_ID: Final = "NOTPROVIDED"
_COUNT_DIGITS_MAX: Final = 15
_TOLD: Final = ("Amt", "AmtDtls/TxAmt/Amt")
_SENT: Final = (*_TOLD, "AmtDtls/InstdAmt/Amt")


class OpenEntry:
    """An entry that is being read. It holds one transaction back: only the next one says that there are several."""

    def __init__(self, line_no: int) -> None:
        self.line_no = line_no
        self.nodes: list[Node] = []
        self.batches: list[Node] = []
        self.entry: Entry | None = None
        self._held: Node | None = None
        self._number = 0
        self._sum_micros = 0

    def begin(self, number: int, kind: Kind) -> Entry:
        """The head of the entry, from its elements before the details. Raises WrongError."""
        found = {node.name: node for node in self.nodes}
        for name in ("Amt", "CdtDbtInd"):
            if name not in found:
                raise WrongError(f"it has no {name}")
        currency = found["Amt"].attributes.get("Ccy", "")
        micros = amounts.amount(found["Amt"].text, currency)
        told = [each for each in (_day(found, "BookgDt"), _day(found, "ValDt")) if each]
        status = found["Sts"].said("Cd") or found["Sts"].text if "Sts" in found else "BOOK"
        is_booked = status == "BOOK"
        if not told:
            raise WrongError("it has neither a booking date nor a value date")
        reference = found["AcctSvcrRef"].text if "AcctSvcrRef" in found else ""
        if not reference and is_booked and kind is Kind.NOTIFICATION:
            raise WrongError(
                "it has no reference of the bank (AcctSvcrRef): the same booking could not be recognised in a statement",
                "import the statement of the day instead, or ask the bank for the reference",
            )
        self.entry = Entry(
            self.line_no,
            number,
            micros,
            currency,
            is_credit(found["CdtDbtInd"].text),
            amounts.day(told[0]),
            amounts.day(told[-1]),
            _id(reference),
            "RvslInd" in found and found["RvslInd"].text in {"true", "1"},
            is_booked,
            _code(found.get("BkTxCd")),
            self._batch_count(),
        )
        return self.entry

    def transaction(self, node: Node) -> Iterator[Transaction]:
        """Take a further transaction; yields the one before. Raises WrongError."""
        before, self._held = self._held, node
        if before is not None:
            yield self._made(before, is_alone=False)

    def rest(self) -> Iterator[Transaction | EntryEnd]:
        """The last transaction, or the entry itself as one, and the end. Raises WrongError where they do not come to the entry."""
        entry = self.entry
        assert entry is not None
        charges = _sum(_records(self.nodes), entry)
        is_alone = self._number == 0
        if self._held is None:
            yield self._bare(entry)
        else:
            yield self._made(self._held, is_alone=is_alone)
        signed_micros = entry.amount_micros if entry.is_credit else -entry.amount_micros
        rest = self._sum_micros - signed_micros
        if rest not in {0, max(charges, 0)}:
            raise WrongError(
                f"its {self._number} transactions come to {format_micros(self._sum_micros)}, the entry is {format_micros(signed_micros)}"
            )
        count = entry.batch_count
        if count is not None and self._held is not None and count != self._number:
            raise WrongError(f"the batch says {count} transactions, and holds {self._number}")
        self._require_batch_sums(entry)
        yield EntryEnd(rest)

    def _bare(self, entry: Entry) -> Transaction:
        """An entry without details, as one transaction; or one that stands for a batch whose payments the bank lists elsewhere."""
        self._number += 1
        self._sum_micros += entry.amount_micros if entry.is_credit else -entry.amount_micros
        text = " ".join(node.text for node in self.nodes if node.name == "AddtlNtryInf")[:TEXT_MAX]
        return Transaction(
            entry.amount_micros,
            entry.currency,
            entry.is_credit,
            text=text,
            is_whole_batch=bool(entry.batch_count and entry.batch_count > 1),
        )

    def _made(self, node: Node, *, is_alone: bool) -> Transaction:
        entry = self.entry
        assert entry is not None
        self._number += 1
        records = _records(node.children) or (_records(self.nodes) if is_alone else [])
        micros, credit = _amount(node, entry, records, is_alone=is_alone)
        self._sum_micros += micros if credit else -micros
        free = " ".join(each.text for each in node.all("RmtInf/Ustrd"))
        more = "" if free else " ".join(each.text for each in (*node.all("AddtlTxInf"), *self._additional(is_alone=is_alone)))
        side, agent = ("Dbtr", "UltmtDbtr") if credit else ("Cdtr", "UltmtCdtr")
        parties = ("RltdPties/{}/Pty/Nm", "RltdPties/{}/Nm")
        return Transaction(
            micros,
            entry.currency,
            credit,
            _charge(node, records, entry, (micros, credit)),
            _id(node.said("Refs/AcctSvcrRef")),
            _id(node.said("Refs/EndToEndId")),
            _id(node.said("Refs/MndtId")),
            _id(node.said("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry")),
            tuple(_references(node)),
            (free or more)[:TEXT_MAX],
            node.said(*(each.format(name) for name in (side, agent) for each in parties))[:TEXT_MAX],
            node.said(f"RltdPties/{side}Acct/Id/IBAN", f"RltdPties/{side}Acct/Id/Othr/Id")[:TEXT_MAX],
        )

    def _additional(self, *, is_alone: bool) -> list[Node]:
        return [node for node in self.nodes if node.name == "AddtlNtryInf"] if is_alone else []

    def _batch_count(self) -> int | None:
        told = [each.said("NbOfTxs") for each in self.batches]
        return sum(count(each) for each in told) if told and all(told) else None

    def _require_batch_sums(self, entry: Entry) -> None:
        """Raises WrongError where sums that the batches state do not come to the transactions."""
        told = [each.first("TtlAmt") for each in self.batches]
        if not told or self._held is None or None in told:
            return
        total = 0
        for batch, node in zip(self.batches, told, strict=True):
            assert node is not None
            if node.attributes.get("Ccy", entry.currency) != entry.currency:
                return
            micros = amounts.amount(node.text, entry.currency)
            way = batch.said("CdtDbtInd")
            total += micros if (is_credit(way) if way else entry.is_credit) else -micros
        if total != self._sum_micros:
            raise WrongError(f"the batch says a sum of {format_micros(total)}, its transactions come to {format_micros(self._sum_micros)}")


def is_credit(text: str) -> bool:
    """Return whether money came. Raises WrongError for what is neither CRDT nor DBIT."""
    if text not in {"CRDT", "DBIT"}:
        raise WrongError(f"{text!r} is neither CRDT nor DBIT")
    return text == "CRDT"


def signed(node: Node, what: str) -> int:
    """The amount of an element with its sign. Raises WrongError."""
    amount = node.first("Amt")
    if amount is None:
        raise WrongError(f"the {what} has no Amt")
    micros = amounts.amount(amount.text, amount.attributes.get("Ccy", ""))
    return micros if is_credit(node.said("CdtDbtInd")) else -micros


def count(text: str) -> int:
    """A number of entries or transactions. Raises WrongError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _COUNT_DIGITS_MAX):
        raise WrongError(f"{text!r} is not a number of entries")
    return int(text)


def _day(found: dict[str, Node], name: str) -> str:
    return found[name].said("Dt", "DtTm") if name in found else ""


def _id(text: str) -> str:
    """An id of the bank; empty where it says that there is none. Raises WrongError for one that is no text of one line."""
    if text and not text.isprintable():
        raise WrongError(f"{text!r} is not a text of one line")
    return "" if text == _NO_ID else text


def _code(node: Node | None) -> str:
    """The kind of transaction, such as PMNT/RCDT/ESCT, or the bank's own code."""
    if node is None:
        return ""
    parts = (node.said("Domn/Cd"), node.said("Domn/Fmly/Cd"), node.said("Domn/Fmly/SubFmlyCd"))
    return "/".join(parts) if any(parts) else node.said("Prtry/Cd")


def _amount(node: Node, entry: Entry, records: list[Node], *, is_alone: bool) -> tuple[int, bool]:
    """The booked amount of a transaction, and True if it came."""
    way = node.said("CdtDbtInd")
    credit = is_credit(way) if way else entry.is_credit
    told = [each for each in (node.first(path) for path in _TOLD) if each is not None]
    if is_alone and credit == entry.is_credit:
        _require_explained(entry, told, max(_sum(records, entry), 0))
        return entry.amount_micros, credit
    own = [each for each in told if each.attributes.get("Ccy", entry.currency) == entry.currency]
    if not own:
        raise WrongError(f"a transaction of several has no amount in {entry.currency}")
    return amounts.amount(own[0].text, entry.currency), credit


def _require_explained(entry: Entry, told: list[Node], charge_micros: int) -> None:
    """Raises WrongError where the one transaction of an entry has another amount that no charge explains."""
    for each in told:
        if each.attributes.get("Ccy", entry.currency) == entry.currency:
            micros = amounts.amount(each.text, entry.currency)
            more = micros - entry.amount_micros if entry.is_credit else entry.amount_micros - micros
            if more not in {0, charge_micros}:
                raise WrongError(
                    f"its transaction is {format_micros(micros)}, the entry {format_micros(entry.amount_micros)}, and no charge explains it"
                )


def _charge(node: Node, records: list[Node], entry: Entry, booked: tuple[int, bool]) -> int:
    """Charges that the bank took of a transaction in the same booking: those that it says are in it, or that explain its amounts."""
    total = _sum(records, entry)
    if total <= 0:
        return 0
    if all(each.said("ChrgInclInd") in {"true", "1"} for each in records):
        return total
    micros, credit = booked
    other = micros + total if credit else micros - total
    sent = [each for path in _SENT for each in node.all(path) if each.attributes.get("Ccy") == entry.currency]
    return total if any(amounts.amount(each.text, entry.currency) == other for each in sent) else 0


def _records(nodes: list[Node]) -> list[Node]:
    """Charges one by one: version 08 lists them as records."""
    return [each for node in nodes if node.name == "Chrgs" for each in (node.all("Rcrd") or [node])]


def _sum(records: list[Node], entry: Entry) -> int:
    """The sum of charges in the currency of the account; what the bank gives back is below zero."""
    total = 0
    for each in records:
        amount = each.first("Amt")
        if amount is not None and amount.attributes.get("Ccy", entry.currency) == entry.currency:
            micros = amounts.amount(amount.text, entry.currency)
            total += -micros if each.said("CdtDbtInd") == "CRDT" else micros
    return total


def _references(node: Node) -> Iterator[Reference]:
    for strd in node.all("RmtInf/Strd"):
        for each in strd.all("CdtrRefInf"):
            text = each.said("Ref")
            if text:
                yield references.classified(text, each.said("Tp/CdOrPrtry/Prtry", "Tp/CdOrPrtry/Cd"))
        for each in strd.all("RfrdDocInf"):
            text = each.said("Nb")
            if text:
                yield Reference(ReferenceKind.DOCUMENT, text[:TEXT_MAX])
