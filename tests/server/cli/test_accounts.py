"""The commands of accounts, on the example folder: what they print, as text and JSON, and with which status they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing import catalogue
from billing.store.home import Home
from server.cli import app
from tariffs.reading.load import load

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., str]

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with everything of examples/accounts."""
    made = tmp_path_factory.mktemp("cli") / "home"
    with Home.open(made, create=True) as opened:
        catalogue.publish(opened, load(ROOT / "tariffs" / "catalogs" / "china-mobile"), 1)
    assert app.main(["accounts", "import", str(ROOT / "examples" / "accounts"), "--home", str(made)]) == 0
    return made


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on that home; what it prints. `status` is how it must end."""

    def call(*words: str, status: int = 0) -> str:
        capsys.readouterr()
        assert app.main(["accounts", *words, "--home", str(folder)]) == status
        printed = capsys.readouterr()
        return printed.out if status == 0 else printed.err

    return call


# words of the command | a sentence of what it says
SAID = """
open P-7 --name Zoe --currency CNY --timezone Asia/Shanghai --bill-day 31 --opened-on 2026-03-12 | P-7 (Zoe) is billed from 2026-03-12 on
entity add north --name North --invoice-prefix N --credit-prefix NC | north (North) numbers its invoices from N-0000000001 on
activate P-300-9 --account P-300 --plan china-mobile/star-39 --from 2026-03-12 --number 8613800010309 | P-300-9 has 8613800010309 from
change-plan F-201-1 --to china-mobile/star-39 --on 2026-03-15 | F-201-1 has china-mobile/star-39 from 2026-03-15 on
change-plan F-201-1 --to china-mobile/star-99 --now | F-201-1 has china-mobile/star-99 from
change-plan F-201-1 --to china-mobile/star-99 --at-cycle-end | F-201-1 has china-mobile/star-99 from
add-on add C-101-1 data-10g --on 2026-03-01 | C-101-1 has china-mobile/star-99+data-10g from 2026-03-01 on
add-on remove P-300-2 data-10g --on 2026-04-01 | P-300-2 has china-mobile/star-99 from 2026-04-01 on
pause P-300-2 --from 2026-05-01 --reason travel | P-300-2 is paused from 2026-05-01 until it is resumed
resume C-102-1 --on 2026-03-15 | C-102-1 is paused from 2026-03-10 and resumes on 2026-03-15
outage P-300-2 --from 2026-05-01 --to 2026-05-02 --ticket N-1 | 2 days are not charged
end P-300-2 --on 2026-06-01 | P-300-2 ends: 2026-06-01 is the first day without it
transfer P-300-2 --to S-400 --on 2026-06-01 --as S-400-9 | S-400-9 of S-400 begins on 2026-06-01
number give 8613800010777 P-300-2 --from 2026-03-01T12:00:00+08:00 | P-300-2 has 8613800010777 from 2026-03-01 12:00:00+08:00 on
number take 8613800010302 P-300-2 --on 2026-06-01 | 8613800010302 belongs to no subscription from 2026-06-01 00:00:00+08:00 on
terms P-300 --from 2026-03-01 --payment-days 30 | P-300: agreed: payment days 30, from 2026-03-01 on
discount P-300-2 loyal --from 2026-03-01 --percent 12.5 --kind usage | P-300-2: discount loyal: 12.5 % off usage
discount P-300 gift --from 2026-03-01 --amount 5.00 | P-300: discount gift: 5.00 CNY off everything
tax P-300 --from 2026-03-01 --exempt * --certificate 9 | P-300: exempt from all classes (certificate 9)
tax P-300 --from 2026-03-01 --instead added=voice | P-300: added is taxed as voice
category P-300 test --from 2026-03-01 | P-300: a test account: rated, never invoiced
hold P-300 --from 2026-03-01 --to 2026-03-31 --reason dispute | P-300: no bill is made (dispute), from 2026-03-01 to 2026-03-31
payer C-101 --nobody --from 2026-06-01 | C-101: no other account pays
sponsor C-102 C-100 --from 2026-06-01 --kind one_off | C-102: C-100 pays one off
pool C-102 C-101 --from 2026-06-01 | C-102: shares allowances with C-101
bill-day F-201 1 --from 2026-06-20 | F-200 is billed on day 1 of the month
close P-300 --on 2026-06-20 | P-300 is closed: 2026-06-20 is the first day without it
retract P-300 8 --reason mistyped | bill_day from 2026-03-05 never held
"""


@pytest.mark.parametrize("row", SAID.strip().splitlines())
def test_a_rehearsal_says_what_would_happen(run: Run, row: str) -> None:
    words, said = (part.strip() for part in row.split(" | "))
    printed = run(*words.split(), "--dry-run")
    assert printed.startswith("nothing is stored; this would happen:\n")
    assert said in printed
    told = json.loads(run(*words.split(), "--dry-run", "--json"))
    assert (told["existed"], told["dry_run"], told["commit_seq"]) == (False, True, None)
    assert any(said in text for text in told["said"])


# words of the command | status | message
REFUSED = """
change-plan P-300-2 --to china-mobile/star-39 | 2 | say when: one of --now, --on and --at-cycle-end
change-plan P-300-2 --to china-mobile/star-39 --now --on 2026-03-01 | 2 | say when: one of --now, --on and --at-cycle-end
pause P-300-2 --from tomorrow | 2 | --from: 'tomorrow' is not a date
number give 861 P-300-2 --from noon | 2 | --from: 'noon' is not a date
discount P-300 x --from 2026-03-01 | 2 | a discount is a percentage or an amount
discount P-300 x --from 2026-03-01 --percent 0.00001 | 2 | --percent: '0.00001' is not a percentage
discount P-300 x --from 2026-03-01 --percent 101 | 2 | --percent: 101 % is not above 0 and at most 100 %
discount P-300 x --from 2026-03-01 --percent 0 | 2 | --percent: 0 % is not above 0 and at most 100 %
discount P-300 x --from 2026-03-01 --amount 5,00 | 2 | --amount: '5,00' is not a decimal amount
payer P-300 --from 2026-03-01 | 2 | name an account, or say --nobody
tax P-300 --from 2026-03-01 --instead added | 2 | --instead: a pair is written CLASS=OTHER
hold C-101 --from 2026-03-01 | 1 | hold: C-101 is billed with C-100 on 2026-03-01
revive W-600-1 | 1 | W-600 is closed on 2026-05-20, and W-600-1 goes on
open P-700 --name Z --currency CNY --timezone Asia/Shanghai --bill-day 32 --opened-on 2026-03-12 | 1 | bill_day: '32' is not
open P-7 --name Z --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on 2026-03-12 --legal-entity x | 1 | legal_entity: no
entity add north --name North --invoice-prefix R --credit-prefix NC | 2 | R numbers documents of the legal entity without a name
show P-301 | 1 | account P-301 is unknown
hold P-300 --from 9999-12-31 | 2 | --from: 9999-12-31 is out of reach
payer C-101 C-100 --from 2026-06-01 --to 9999-12-31 | 2 | --to: 9999-12-31 is out of reach
number give 8613800010999 P-300-2 --from 9999-12-31T00:00:00+00:00 | 2 | --from: 9999-12-31 is out of reach
"""


@pytest.mark.parametrize("row", REFUSED.strip().splitlines())
def test_what_cannot_be_is_told_with_its_remedy(run: Run, row: str) -> None:
    words, status, message = (part.strip() for part in row.split(" | "))
    printed = run(*words.split(), status=int(status))
    assert printed.startswith(f"error: {message}")
    assert "\n  remedy: " in printed


def test_an_account_is_shown_with_its_unit_and_every_fact(run: Run) -> None:
    printed = run("show", "C-102", "--as-of", "2026-05-15")
    for told in (
        "billed together with  C-100 C-101",
        "on 2026-05-15         C-102: C-100 pays recurring, usage",
        "C-102-1       2026-02-10  china-mobile/star-99",
        "C-102-1  2026-04-02  2026-04-03  out of order (cable cut N-4711)",
    ):
        assert told in printed
    shown = json.loads(run("show", "W-600", "--json"))
    assert shown["closed_on"] == "2026-05-20"
    assert [item["amount_micros"] for item in shown["opening_items"]] == [-12_000_000, 128_400_000, 99_000_000]


def test_an_export_of_the_example_is_imported_as_known(run: Run, tmp_path: Path) -> None:
    rows = json.loads(run("export", str(tmp_path / "out"), "--json"))
    assert (rows["accounts.csv"], rows["account_facts.csv"], rows["baselines.csv"]) == (9, 11, 3)
    told = json.loads(run("import", str(tmp_path / "out"), "--json"))
    assert told["commit_seq"] is None
    assert told["account_facts"] == {"added": 0, "known": 11, "ended": 0}


def test_an_import_is_tried_before_it_is_done(run: Run, tmp_path: Path) -> None:
    rows = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"
    (tmp_path / "accounts.csv").write_text(rows + "N-1,New,CNY,Asia/Shanghai,1,en,2026-05-01,,standard,14\n", encoding="utf-8")
    (tmp_path / "subscriptions.csv").write_text("subscription_id,account_id,plan,from_date,to_date\n", encoding="utf-8")
    (tmp_path / "numbers.csv").write_text("served_id,subscription_id,from,to\n", encoding="utf-8")
    assert "nothing is stored" in run("import", str(tmp_path), "--dry-run")
    for dry_run in (["--dry-run"], ["--dry-run"], []):
        told = json.loads(run("import", str(tmp_path), "--json", *dry_run))
        assert (told["accounts_added"], told["accounts_known"], told["commit_seq"] is None) == (1, 0, bool(dry_run))
    assert json.loads(run("import", str(tmp_path), "--json"))["accounts_known"] == 1


def test_the_last_day_of_a_span_is_included(run: Run) -> None:
    """Commands take the last day, and facts are stored, exported and read with the day after it."""
    told = run("hold", "F-200", "--from", "2026-07-01", "--to", "2026-07-31", "--dry-run")
    assert "from 2026-07-01 to 2026-07-31" in told
    told = run("outage", "F-201-1", "--from", "2026-05-01", "--to", "2026-05-01", "--dry-run")
    assert "from 2026-05-01 to 2026-05-01: 1 days are not charged" in told
    told = run("outage", "F-201-1", "--from", "2026-05-02", "--to", "2026-05-01", "--dry-run", status=2)
    assert "--to 2026-05-01 lies before --from 2026-05-02" in told
    told = run("pool", "P-300", "S-400", "--from", "2026-07-01", "--to", "2026-07-15", "--dry-run", status=1)
    assert "2026-07-16, the day after its last one, is not a bill date of" in told
    assert "; as --to, " in told
