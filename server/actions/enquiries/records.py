"""The charge of a record down to its increments, or why the record is refused, or why no bill has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing.enquiries.since_run import Since, changes_since
from billing.enquiries.void_bills import OnVoid, on_void
from billing.left_out.words import sentences
from billing.too_late.possible import unpriced
from billing.verification.explain_line import RecordExplained, explain_record
from rating import explain
from server.actions.enquiries import rerated
from server.actions.enquiries.since_run import conflict_sentences, sentence
from server.actions.enquiries.void_bill import void_in_words

if TYPE_CHECKING:
    from billing.store.home import Home
    from rating.outcome import Outcome


class Shown(NamedTuple):
    """The records of one name as they are shown: sentences about each, and an object for JSON."""

    texts: list[list[str]]
    document: dict[str, object]


class Told(NamedTuple):
    """Everything about the records of one name. `unpriced`: keys of those for which no plan of their owner has a price."""

    found: RecordExplained
    unpriced: set[str]
    void: list[OnVoid]
    since: list[Since]

    def of_outcome(self, outcome: Outcome, language: str) -> list[str]:
        """Sentences about one charge: how it comes about, what changed since, void bills, re-ratings on top of it."""
        key = outcome.event.event_key.hex()
        on_top = self.found.rerated_of(outcome)
        changed = [sentence(each, language) for each in self.since if each.event_key == key]
        gone = [line for each in self.void if each.event_key == key for line in void_in_words(each, language)]
        later = rerated.sentences(on_top.run_id, on_top.lines, language) if on_top is not None else []
        return [explain.as_text(outcome, language), *changed, *gone, *later]

    def aside(self, language: str) -> list[list[str]]:
        """Sentences about each record that no bill has, and about each whose versions are in conflict."""
        left = [sentences(each, language, is_priced=each.event_key not in self.unpriced) for each in self.found.left_out]
        return [*left, *(conflict_sentences(each, language) for each in self.found.in_conflict)]

    def shown(self, language: str) -> Shown:
        """All of it as it is shown."""
        return Shown([*(self.of_outcome(each, language) for each in self.found.outcomes), *self.aside(language)], self.document())

    def document(self) -> dict[str, object]:
        """All of it as an object for JSON."""
        return {
            "record_id": self.found.record_id,
            "events": [explain.as_json(outcome) for outcome in self.found.outcomes],
            "left_out": self.found.left_out,
            "rerated": self.found.rerated,
            "void": self.void,
            "since": self.since,
            "in_conflict": self.found.in_conflict,
        }


def look_up(home: Home, record_id: str, run_id: int | None) -> Told:
    """The records of a name, each in the newest run that priced it, or in one run. Raises UserError where there is none."""
    found = explain_record(home, record_id, run_id)
    without_price = unpriced(home, found.left_out)
    starts = {} if run_id is not None else {each.event.event_key: each.event.start_us for each in found.outcomes}
    return Told(found, without_price, on_void(home, starts), changes_since(home, starts))
