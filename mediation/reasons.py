"""Reasons for refusing a row, with texts for the person who has to mend it.

A refused row never bills. It goes to suspense with its reason, byte offset and bytes, and the rest of the file goes on.
The names are stored and shown: one is never given another meaning. Codes are positions in `REASONS`, for the kernels' arrays only.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from mediation.limits import TEXT_BYTES_MAX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Reason(enum.StrEnum):
    """The fault of a row; the first one found is given."""

    ROW_TOO_LONG = "row_too_long"
    UNTERMINATED_QUOTE = "unterminated_quote"
    WRONG_COLUMN_COUNT = "wrong_column_count"
    COLUMNS_IN_ANOTHER_ORDER = "columns_in_another_order"
    MISSING_KEY = "missing_key"
    UNREADABLE_TIME = "unreadable_time"
    UNREADABLE_NUMBER = "unreadable_number"
    UNKNOWN_DISPOSITION = "unknown_disposition"
    NEGATIVE_DURATION = "negative_duration"
    MISSING_ANSWER_TIME = "missing_answer_time"
    NONEXISTENT_LOCAL_TIME = "nonexistent_local_time"
    AMBIGUOUS_LOCAL_TIME = "ambiguous_local_time"
    END_BEFORE_START = "end_before_start"
    DURATION_EXCEEDS_SPAN = "duration_exceeds_span"
    MISSING_VALUE = "missing_value"
    UNKNOWN_SERVICE = "unknown_service"
    NEGATIVE_QUANTITY = "negative_quantity"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    MALFORMED_RECORD = "malformed_record"
    TRUNCATED_RECORD = "truncated_record"
    UNKNOWN_RECORD_TYPE = "unknown_record_type"
    OTHER_TIME_ZONE = "other_time_zone"
    REPEATED_FIELD = "repeated_field"
    VOLUMES_DISAGREE = "volumes_disagree"
    ANSWER_IN_DOUBT = "answer_in_doubt"
    TEXT_TOO_LONG = "text_too_long"
    NUL_CHARACTER = "nul_character"


REASONS: Final = (None, *Reason)  # code 0: nothing wrong
CODES: Final = {reason: code for code, reason in enumerate(REASONS) if reason is not None}

_SOURCE_FILE = "give a source definition with the file's columns: --source FILE.yaml, see docs/sources.md"
EXPLANATIONS: Final = {
    Reason.ROW_TOO_LONG: "the row is longer than 1 MiB; the file may be damaged or of another kind",
    Reason.UNTERMINATED_QUOTE: "a quoted field is not closed; the row ends where its line ends",
    Reason.WRONG_COLUMN_COUNT: f"the row has another number of columns than the source; if all rows do, {_SOURCE_FILE}",
    Reason.COLUMNS_IN_ANOTHER_ORDER: f"the times are in other columns than the source says, so they are out of order; {_SOURCE_FILE}",
    Reason.MISSING_KEY: "the fields that identify the record are empty, so that a duplicate could not be recognised",
    Reason.UNREADABLE_TIME: "start, answer or end is not a time such as 2026-03-01 10:00:00 between 1970 and 2099; is it a line of "
    "column names, leave it out with `header_lines: 1` in a source definition",
    Reason.UNREADABLE_NUMBER: "the duration is not a number of seconds (or micro- or milliseconds where the column says so)",
    Reason.UNKNOWN_DISPOSITION: "whether the call was answered is said in a word that the format, or the source's `words`, does not know",
    Reason.NEGATIVE_DURATION: "the duration is below zero",
    Reason.MISSING_ANSWER_TIME: "the call was answered and has a duration, but no time of answer; "
    "for Kamailio's cdrs say `start_on_confirmed: true` if the switch is set so, see docs/formats/kamailio.md",
    Reason.NONEXISTENT_LOCAL_TIME: "clocks going forward skipped this local time; set `timezone` and `local_time` in a source definition",
    Reason.AMBIGUOUS_LOCAL_TIME: "clocks going back repeated this local time; set `local_time: earlier` or `later` in a source definition",
    Reason.END_BEFORE_START: "the call ends before it begins",
    Reason.DURATION_EXCEEDS_SPAN: "the duration is over a minute longer than the time from begin to end; "
    "a row of Asterisk counts from answer to end",
    Reason.MISSING_VALUE: "a required value is null or empty",
    Reason.UNKNOWN_SERVICE: "the service is none of 1 voice, 2 SMS, 3 MMS, 4 data, 5 content",
    Reason.NEGATIVE_QUANTITY: "the quantity of the service is below zero",
    Reason.TIME_OUT_OF_RANGE: "the start does not lie between 2000-01-01 and 2070-01-01 UTC",
    Reason.QUANTITY_TOO_LARGE: "the quantity is 2^47 or more, as of a call of four years or 128 TiB; it may be in another unit",
    Reason.MALFORMED_RECORD: "the record is not written as its format demands, so what it says cannot be relied on; if no record "
    "is, the file is of another format than the source",
    Reason.TRUNCATED_RECORD: "the record ends too early, as when the disk was full or the file was taken while it was written; "
    "fetch the file again, or bring the record back by its id (`ratewright usage suspense recycle ID`) once it is known to be whole; "
    "does the switch end its files without a line break, say `ends_without_line_break: true` in a source definition",
    Reason.UNKNOWN_RECORD_TYPE: "the record says that it is of a type which the format does not know",
    Reason.OTHER_TIME_ZONE: "the record's times name a time zone that is not that of the source; set `timezone` in a source definition",
    Reason.REPEATED_FIELD: "a field that counts is in the record twice, with different values",
    Reason.ANSWER_IN_DOUBT: "the record says that the call was not answered, and has a billable duration or a time of answer; "
    "is the column that says so of something else, such as the code of the BYE, name it otherwise in a source definition",
    Reason.TEXT_TOO_LONG: f"an id, number or other text of the record is longer than {TEXT_BYTES_MAX:,} bytes",
    Reason.NUL_CHARACTER: "an id, number or other text of the record holds a NUL character, which no text has and no database keeps",
    Reason.VOLUMES_DISAGREE: "the total volume is not the sum of the volumes up and down",
}


def mark(codes: NDArray[np.int8], where: NDArray[np.bool_], reason: Reason) -> None:
    """Give `reason` to the rows of `where` that have none yet."""
    codes[where & (codes == 0)] = CODES[reason]
