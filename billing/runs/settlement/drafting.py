"""From lines to drafts of invoices: the accounts that get one, the order of its lines, and the text of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from billing.charges.charge_keys import Kind
from billing.charges.lines import Int64s, Lines, empty, group_starts, taken
from billing.charges.ordering import order_by
from billing.invoicing.drafts import Drafts, TextIndex, iso, none
from rating.dates import NEVER, day_of, last_day
from rating.explain.figures import percent

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import numpy.typing as npt

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.contracts.facts import BillTerms
    from billing.runs.contracts.price_list import PriceList
    from billing.runs.settlement.payer_table import Payers

    OwnTexts = Mapping[tuple[int, int], Mapping[str, str]]  # of lines that no catalogue knows: by (kind, price_id), then by language

# How tax and a correction are called on the invoice of an account, by its language.
TEXTS: Final = {
    "en": {"tax": "{name} {rate} %", "correction": "{text}, correction for {first} to {last}"},
    "zh": {"tax": "{name} {rate} %", "correction": "{text} (更正 {first} 至 {last})"},
}
ENGLISH: Final = "en"
LINE_ORDER: Final = ("subscription_key", "period_from", "kind", "charge_code", "price_id", "tax_class")
_PERIOD: Final = ("account_key", "period_from", "period_to")
UNKNOWN_CATALOGUE: Final = -1  # of a billed line that is no longer due


class Writer:
    """Makes drafts of lines, any block of accounts at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what lines are written with
        self,
        contracts: Contracts,
        issued_on: dt.date,
        currencies: Currencies,
        payers: Payers,
        own_texts: OwnTexts,
        billed: Lines | None = None,
        terms: BillTerms | None = None,
    ) -> None:
        """`billed`: lines of valid documents in the open periods; none where no void invoice opened any of them.

        `terms`: those of the documents, where they are not those of bills of `issued_on`.
        """
        self._contracts = contracts
        self._issued_on = issued_on
        self._currencies = currencies
        self._payers = payers
        self._own_texts = own_texts
        self._billed = empty() if billed is None else billed
        self._known: dict[tuple[int, ...], str] = {}
        self._terms = contracts.facts.bill_terms(issued_on) if terms is None else terms
        self._languages = [language.partition("-")[0] for language in self._terms.languages]

    def drafts(self, lines: Lines) -> Drafts:
        """One draft for each account with any amount to bill, in the order of account id."""
        lines = with_catalogues(lines, self._contracts)
        account = self._payers.place(lines["account_key"])
        order = order_by([account, lines["kind"] == Kind.TAX, *(lines[name] for name in LINE_ORDER)])
        lines, account = taken(lines, order), account[order]
        starts = group_starts(lines, ("account_key",))
        if not starts.size:
            return none(self._issued_on, tuple(self._currencies.names))
        wanted = np.logical_or.reduceat(lines["amount_micros"] != 0, starts)
        kept = np.repeat(wanted, np.diff(np.append(starts, lines.size)))
        if not wanted.all():
            lines, account = lines[kept], account[kept]
        return self._headed(lines, account) if lines.size else none(self._issued_on, tuple(self._currencies.names))

    def _headed(self, lines: Lines, account: Int64s) -> Drafts:
        starts = group_starts(lines, ("account_key",))
        payer, facts, issued_on = account[starts], self._contracts.facts, self._issued_on
        period_from, period_to = self._headings(lines, starts, payer)
        texts = TextIndex()
        return Drafts(
            account_key=facts.account_keys[payer],
            currency=self._payers.currency[payer],
            entity=facts.account_entity[payer],
            period_from=period_from,
            period_to=period_to,
            due_on=(np.datetime64(issued_on, "D").astype(np.int64) + self._terms.payment_days[payer]).astype(np.int64),
            first_line=np.append(starts, lines.size).astype(np.int64),
            lines=lines,
            text=self._texts(lines, account, texts),
            texts=texts.texts,
            currencies=tuple(self._currencies.names),
            entities=tuple(facts.entities),
            issued_on=issued_on,
        )

    def _headings(self, lines: Lines, starts: Int64s, payer: Int64s) -> tuple[Int64s, Int64s]:
        """The period of each document: the payer's own that is billed first, or that of its lines.

        A payer that is itself not in the run is billed for the periods of its lines. So is one whose periods all are billed, where all
        lines are of days after them: those that it pays for an account that closes in mid-cycle.
        """
        payers, spans = self._payers, self._payers.spans
        first, last = np.minimum.reduceat(lines["period_from"], starts), np.maximum.reduceat(lines["period_to"], starts)
        own_to = spans.new_to[payer]
        is_after = (own_to <= payers.covered[payer]) & (first >= own_to) & (first < payers.bill_day)
        period_to: Int64s = np.where(is_after, np.minimum(last, payers.bill_day), np.where(spans.in_run[payer], own_to, last))
        return np.where(spans.in_run[payer] & ~is_after, spans.new_from[payer], first), period_to

    def _texts(self, lines: Lines, account: Int64s, texts: TextIndex) -> Any:  # noqa: ANN401 -- an array of int32
        """The index of each line's text. Equal texts are written once."""
        late = (lines["period_to"] <= self._payers.covered[account]) & ~self._billed_anew(lines, account)
        corrects = late | _goes_back(lines)
        dated = corrects | (lines["kind"] == Kind.TAX)  # the rate of tax may follow the period
        columns = [
            self._terms.language[account], lines["kind"], lines["catalogue"], lines["price_id"], lines["tax_class"], lines["rate_ppm"],
            np.where(dated, lines["period_from"], 0), np.where(dated, lines["period_to"], 0), corrects.astype(np.int64),
        ]  # fmt: skip
        group, first = _groups(columns)
        keys = np.stack([column[first] for column in columns], axis=1).tolist()
        places = np.array([texts.place(self._text(tuple(key))) for key in keys], np.int32)
        return places[group]

    def _billed_anew(self, lines: Lines, account: Int64s) -> npt.NDArray[np.bool_]:
        """Lines that are the first bill of a period: its invoice is void, and no valid document has billed anything of it."""
        found: npt.NDArray[np.bool_] = (lines["corrects"] == 0) & (lines["period_from"] >= self._payers.reopened[account])
        rows = np.flatnonzero(found)
        if rows.size:
            standing = {tuple(period) for period in self._billed[list(_PERIOD)].tolist()}
            found[rows] = [tuple(period) not in standing for period in lines[rows][list(_PERIOD)].tolist()]
        return found

    def _text(self, key: tuple[int, ...]) -> str:
        if key not in self._known:
            self._known[key] = self._written(*key)
        return self._known[key]

    def _written(  # noqa: PLR0913, PLR0917 -- the parts of a line's text
        self,
        language_place: int,
        kind: int,
        catalogue: int,
        price_id: int,
        tax_class: int,
        rate_ppm: int,
        first: int,
        end: int,
        corrects: int,
    ) -> str:
        language = self._languages[language_place]
        texts = TEXTS.get(language, TEXTS[ENGLISH])
        price_list = self._contracts.price_list
        if kind == Kind.TAX:
            text = _tax_text(price_list, texts["tax"], catalogue, tax_class, rate_ppm, end, language)
        elif (kind, price_id) in self._own_texts:
            text = in_language(self._own_texts[kind, price_id], language)
        else:
            text = price_list.price_text(price_list.identities[catalogue], price_id, language)
        return texts["correction"].format(text=text, first=iso(first), last=last_day(day_of(end))) if corrects else text


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text of a line that no catalogue knows, in English where there is none in a language."""
    return texts.get(language) or texts[ENGLISH]


def _goes_back(lines: Lines) -> npt.NDArray[np.bool_]:
    """Lines of a period that no bill of the cycle has had, which correct a document all the same: that of a fee in advance.

    Any other fee than was billed corrects it. Of amounts that grow as a period goes on (usage, discounts, tax) a lower one than was billed
    does.
    """
    kind, amount = lines["kind"], lines["amount_micros"]
    less = np.where(kind == Kind.DISCOUNT, amount > 0, amount < 0) & np.isin(kind, (Kind.USAGE, Kind.DISCOUNT, Kind.TAX))
    found: npt.NDArray[np.bool_] = (lines["corrects"] != 0) & (less | np.isin(kind, (Kind.RECURRING, Kind.ONE_OFF)))
    return found


def _tax_text(price_list: PriceList, pattern: str, catalogue: int, tax_class: int, rate_ppm: int, end: int, language: str) -> str:  # noqa: PLR0913, PLR0917 -- the parts of the text
    identity = price_list.identities[catalogue]
    rate = rate_ppm or price_list.rate_ppm(identity, tax_class, last_day(day_of(end)))
    return pattern.format(name=price_list.tax_text(identity, tax_class, language), rate=percent(rate))


def _groups(columns: list[Any]) -> tuple[Int64s, Int64s]:
    """A number for each row, equal where all columns are, and the first row of each number; by hashing, since few rows differ."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded: Any = pa.array(np.ascontiguousarray(column)).dictionary_encode()
        code = code * len(encoded.dictionary) + encoded.indices.to_numpy().astype(np.int64)
        code = pa.array(code).dictionary_encode().indices.to_numpy().astype(np.int64)
    first = np.full(int(code.max(initial=-1)) + 1, NEVER, np.int64)
    np.minimum.at(first, code, np.arange(len(code)))
    return code, first


def with_catalogues(lines: Lines, contracts: Contracts) -> Lines:
    """Give billed lines that are no longer due a catalogue that knows their price: few lines, handled one by one."""
    unknown = np.flatnonzero(lines["catalogue"] == UNKNOWN_CATALOGUE)
    if not unknown.size:
        return lines
    lines = lines.copy()
    price_list, likely = contracts.price_list, _Likely(contracts)
    for row in unknown.tolist():
        line = lines[row]
        identity = price_list.identity_of(likely.of(line), int(line["price_id"]), int(line["tax_class"]))
        lines["catalogue"][row] = price_list.identity_index(identity)
    return lines


class _Likely:
    """The catalogue of the last plan of a line's subscription; of some subscription of the account where it names none."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._facts = contracts.facts
        self._by_account = np.argsort(self._facts.subscription_account, kind="stable")
        self._owners = self._facts.subscription_account[self._by_account]

    def of(self, line: Any) -> int:  # noqa: ANN401 -- a row of LINE
        """Place of the identity."""
        facts = self._facts
        if line["subscription_key"] > 0:
            place = int(np.searchsorted(facts.subscription_keys, line["subscription_key"]))
        else:
            account = np.flatnonzero(facts.account_keys == line["account_key"])
            at = int(np.searchsorted(self._owners, account[0])) if account.size else 0
            place = int(self._by_account[at]) if at < len(self._by_account) else len(facts.subscription_keys)
        plans = facts.subscriptions[place].plans if place < len(facts.subscription_keys) else ()
        return self._contracts.price_list.identity_index(plans[-1][1].partition("/")[0]) if plans else 0
