"""Decoder of ISO 20022 camt.053 (statement) and camt.054 (notification), each in version 02 and 08.

Both versions are read by the same paths: where they differ (a status, the name of a party, the amount of a transaction) the newer place is
looked at first. The bank's schema is not at hand, so what is needed is checked here. Elements of other namespaces are passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final

from billing.payments.statements import amounts, camt_transactions, xml_stream
from billing.payments.statements.records import Balance, Entry, Kind, StatedTotal, Statement, StatementEnd, WrongError
from billing.payments.statements.xml_stream import Begin, Child, End, Node

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from billing.payments.statements.records import Problems, Record

ROOTS: Final = {  # by the element of the message
    "BkToCstmrStmt": ("camt.053", "Stmt", Kind.STATEMENT),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn", Kind.NOTIFICATION),
}
VERSIONS: Final = ("02", "08")
_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.[0-9]{3})\.001\.([0-9]{2})")
_DOCUMENT: Final = "Document"
_ENTRY: Final = 4  # elements down to one
_DETAILS: Final = 5
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = "CLBD"
_INTERIM: Final = "ITBD"  # between two pages
_SIDES: Final = {"TtlNtries": "all", "TtlCdtNtries": "credit", "TtlDbtNtries": "debit"}
_PAGE: Final = "StmtPgntn/PgNb"
_HEAD_MAX: Final = 64  # elements of a statement before its entries
NUMBER_DIGITS_MAX: Final = 18


def _containers() -> frozenset[tuple[str, ...]]:
    found: set[tuple[str, ...]] = {(_DOCUMENT,)}
    for root, (_, statement, _) in ROOTS.items():
        path = (_DOCUMENT, root, statement, "Ntry", "NtryDtls")
        found |= {path[:depth] for depth in range(2, len(path) + 1)}
    return frozenset(found)


_CONTAINERS: Final = _containers()


def version_of(namespace: str) -> tuple[str, str]:
    """Message and version of a namespace, such as ("camt.053", "08"); empty for another one."""
    found = _NAMESPACE.fullmatch(namespace)
    return (found[1], found[2]) if found else ("", "")


def read(stream: BinaryIO, problems: Problems, message: str) -> Iterator[Record]:
    """The records of a file of `message`, such as camt.053. Mistakes of entries are noted in `problems`.

    Raises ProblemsError where nothing more can be read.
    """
    reading: _Reading | None = None
    for event in xml_stream.read(stream, _CONTAINERS, problems):
        if isinstance(event, Begin) and len(event.path) == 1:
            _require_known(event, problems, message)
        elif isinstance(event, Begin) and len(event.path) == 2:  # noqa: PLR2004 -- the message
            found, _, kind = ROOTS[event.path[1]]
            if found != message:
                raise problems.stop(event.line_no, f"{event.path[1]} is not an element of {message}")
            reading = _Reading(kind, problems)
        elif reading is not None and not (isinstance(event, End) and len(event.path) < 3):  # noqa: PLR2004 -- a statement
            yield from reading.take(event)
    if reading is None or not reading.statements:
        raise problems.stop(1, "holds no statement", "name a file of camt.053 or camt.054, or force its format with --format")


def _require_known(event: Begin, problems: Problems, message: str) -> None:
    found, version = version_of(event.namespace)
    if found != message or version not in VERSIONS:
        told = f"{found} in version {version}" if found else f"XML of the namespace {event.namespace!r}"
        remedy = "ask the bank for camt.053 or camt.054 in version 02 or 08"
        raise problems.stop(event.line_no, f"is {told}, not {message} in version {' or '.join(VERSIONS)}", remedy)


class _Reading:
    """One message: what is known of the statement and the entry that are open."""

    def __init__(self, kind: Kind, problems: Problems) -> None:
        self.statements = 0
        self._kind = kind
        self._problems = problems
        self._head: list[Node] = []  # of a statement, until its first entry
        self._is_told = False
        self._line_no = 0
        self._balances: list[Node] = []
        self._told: list[StatedTotal] = []
        self._entries = 0
        self._entry = camt_transactions.OpenEntry(0)
        self._is_wrong = False

    def take(self, event: Begin | End | Child) -> Iterator[Record]:
        """Go on with a part of the file."""
        depth = len(event.path)
        if isinstance(event, Child):
            yield from self._child(event, depth)
        elif isinstance(event, Begin):
            yield from self._begin(event, depth)
        elif depth == _ENTRY:
            yield from self._end_entry()
        elif depth == _ENTRY - 1:
            yield from self._end_statement(event)

    def _begin(self, event: Begin, depth: int) -> Iterator[Record]:
        if depth == _ENTRY - 1:
            self.statements += 1
            self._head, self._balances, self._told, self._entries = [], [], [], 0
            self._is_told, self._line_no = False, event.line_no
        elif depth == _ENTRY:
            yield from self._tell()
            self._entries += 1
            self._entry, self._is_wrong = camt_transactions.OpenEntry(event.line_no), False

    def _child(self, event: Child, depth: int) -> Iterator[Record]:
        node = event.node
        if depth == _ENTRY - 1:
            self._of_statement(node)
        elif depth == _ENTRY:
            self._entry.nodes.append(node)
        elif depth == _DETAILS and node.name == "Btch":
            self._entry.batches.append(node)
        elif depth == _DETAILS and node.name == "TxDtls":
            yield from self._transaction(node)

    def _of_statement(self, node: Node) -> None:
        if node.name == "Bal":
            self._balances.append(node)
        elif node.name == "TxsSummry":
            self._noted(node.line_no, lambda: self._told.extend(_told(node, self._currency())))
        elif len(self._head) < _HEAD_MAX:
            self._head.append(node)

    def _transaction(self, node: Node) -> Iterator[Record]:
        if self._is_wrong:
            return
        try:
            if self._entry.entry is None:
                yield self._begun()
            yield from self._entry.transaction(node)
        except WrongError as wrong:
            self._wrong(wrong)

    def _begun(self) -> Entry:
        return self._entry.begin(self._entries, self._kind)

    def _end_entry(self) -> Iterator[Record]:
        if self._is_wrong:
            return
        try:
            if self._entry.entry is None:
                yield self._begun()
            yield from self._entry.rest()
        except WrongError as wrong:
            self._wrong(wrong)

    def _wrong(self, wrong: WrongError) -> None:
        self._is_wrong = True
        self._problems.add(self._entry.line_no, f"entry {self._entries}: {wrong.message}", wrong.remedy)

    def _tell(self) -> Iterator[Record]:
        """The head of the statement, once."""
        if self._is_told:
            return
        self._is_told = True
        root = Node("", {}, self._line_no)
        root.children = self._head
        number = root.said("ElctrncSeqNb") or root.said("LglSeqNb")
        page = root.said(_PAGE)
        yield Statement(
            self._line_no,
            self._kind,
            root.said("Acct/Id/IBAN", "Acct/Id/Othr/Id"),
            root.said("Id"),
            _number(number),
            _number(page) or 1,
            root.said("Acct/Ccy"),
            root.said("CpyDplctInd") in {"DUPL", "CODU", "COPY"},
        )

    def _end_statement(self, event: End) -> Iterator[Record]:
        yield from self._tell()
        opening: list[Balance] = []
        closing: list[Balance] = []

        def balances() -> None:
            found = _balances(self._balances)
            opening.extend(found[0])
            closing.extend(found[1])

        self._noted(self._line_no, balances)
        yield StatementEnd(event.line_no, next(iter(opening), None), next(iter(closing), None), tuple(self._told))

    def _noted(self, line_no: int, act: object) -> None:
        assert callable(act)
        try:
            act()
        except WrongError as wrong:
            self._problems.add(line_no, wrong.message, wrong.remedy)

    def _currency(self) -> str:
        """The currency of the account: sums of totals name none."""
        for node in self._head:
            if node.name == "Acct" and node.said("Ccy"):
                return node.said("Ccy")
        for node in self._balances:
            amount = node.first("Amt")
            if amount is not None:
                return amount.attributes.get("Ccy", "")
        return ""


def _balances(nodes: list[Node]) -> tuple[list[Balance], list[Balance]]:
    """Opening and closing balance, at most one each: interim balances stand for them on the pages of one statement."""
    found: dict[str, list[Balance]] = {}
    for node in nodes:
        code = node.said("Tp/CdOrPrtry/Cd")
        if code in {*_OPENING, _CLOSING, _INTERIM}:
            micros = camt_transactions.signed(node, "balance")
            found.setdefault(code, []).append(Balance(micros, _day(node)))
    opening = [each for code in _OPENING for each in found.get(code, ())]
    interim = found.get(_INTERIM, [])
    closing = found.get(_CLOSING, []) or (interim[-1:] if opening else interim[1:])
    return (opening or interim[:1])[:1], closing[:1]


def _number(text: str) -> int | None:
    """A number of a statement or a page; None where there is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX else None


def _day(node: Node) -> dt.date:
    return amounts.day(node.said("Dt/Dt", "Dt/DtTm"))


def _told(node: Node, currency: str) -> Iterator[StatedTotal]:
    """The totals of a summary. An empty currency has none."""
    for name, side in _SIDES.items():
        for each in node.all(name):
            count, total = each.said("NbOfNtries"), each.said("Sum")
            entries = camt_transactions.count(count) if count else None
            yield StatedTotal(each.line_no, side, entries, amounts.amount(total, currency) if total else None)
            net = each.said("TtlNetNtry/Amt", "TtlNetNtryAmt")
            if net and side == "all":
                way = each.said("TtlNetNtry/CdtDbtInd", "CdtDbtInd")
                micros = amounts.amount(net, currency)
                yield StatedTotal(each.line_no, "net", None, micros if camt_transactions.is_credit(way) else -micros)
