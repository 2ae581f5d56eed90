"""One new account by a command: the row that an import would bring, with all checks of an import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from billing import catalogue
from billing.accounts import layouts
from billing.accounts.importing.sheet_files import of_objects
from billing.accounts.importing.sheets import Mistakes
from billing.accounts.importing.step import Importer
from billing.accounts.importing.whole import import_accounts
from billing.accounts.recording import change
from billing.dunning_policy import policies
from rating.errors import ProblemsError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.accounts.recording import Asked, Done, Recorder
    from billing.store.home import Home

_FILE: Final = "accounts open"


def open_account(home: Home, fields: Mapping[str, str], asked: Asked) -> Done:
    """Open an account with the columns of `accounts.csv`. The same again changes nothing.

    Raises ProblemsError with every mistake, such as a field that cannot be used or other data of a known id.
    """
    return change(home, asked, lambda recorder: _open(recorder, fields))


def read(fields: Mapping[str, str]) -> dict[str, Any]:
    """The values of the columns of `accounts.csv`, before any home is asked. Raises as `open_account` for texts that cannot be used."""
    mistakes = Mistakes()
    sheet = of_objects(_FILE, layouts.ACCOUNTS, [dict(fields)], mistakes)
    _raise_for(mistakes)
    row: dict[str, Any] = sheet.table.to_pylist()[0]
    return row


def _open(recorder: Recorder, fields: Mapping[str, str]) -> None:
    mistakes = Mistakes()
    sheet = of_objects(_FILE, layouts.ACCOUNTS, [dict(fields)], mistakes)
    published, asked = catalogue.published(recorder.home), recorder.asked
    work = Importer(recorder.home, recorder.connection, {"accounts": sheet}, mistakes, asked.now_us, asked.by, published, None)
    done = import_accounts(work, set(policies(recorder.connection)))
    _raise_for(mistakes)
    recorder.commit_seq = work.commit_seq
    name = fields["account_id"]
    if not done.added:
        recorder.say(f"{name} is there already")
        return
    first = fields["billed_through"] or fields["opened_on"]
    recorder.say(f"{name} ({fields['name']}) is billed from {first} on, on day {fields['bill_day']} of the month, in {fields['currency']}")


def _raise_for(mistakes: Mistakes) -> None:
    """Raises for mistakes, each named by its column; where the row as a whole is wrong, by none."""
    found = [each._replace(path=each.path.partition(", ")[2]) for each in mistakes.in_order()]
    if len(found) == 1:
        (one,) = found
        raise UserError(f"{one.path}: {one.message}" if one.path else one.message, one.remedy)
    if found:
        raise ProblemsError(found)
