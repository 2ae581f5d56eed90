"""Changes of accounts, in a home and by a service: both say the same, and record the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.server.cli.remote.persons import Persons

pytestmark = pytest.mark.slow


# Each goes on from the state that the one before it left.
LIFE = """
entity add north --name North --invoice-prefix N --credit-prefix NC
open P-7 --name Zoe --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on 2026-03-12 --legal-entity north --category staff
open P-8 --name Sun --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on 2026-03-12 --legal-entity north --payment-days 0
activate P-7-1 --account P-7 --plan china-mobile/star-39 --from 2026-03-12 --number 8613800010309 --quarantine-days 0
change-plan P-7-1 --to china-mobile/star-99 --on 2026-04-01
add-on add P-7-1 data-10g --on 2026-05-01
add-on remove P-7-1 data-10g --on 2026-06-01
pause P-7-1 --from 2026-05-01 --reason travel
resume P-7-1 --on 2026-05-11
outage P-7-1 --from 2026-06-03 --to 2026-06-04 --ticket N-1
number take 8613800010309 P-7-1 --on 2026-06-20T12:00:00+08:00
number give 8613800010309 P-7-1 --from 2026-06-21
terms P-7 --from 2026-03-12 --language zh --dunning-policy standard
terms P-7-1 --from 2026-03-12 --minimum-months 12
discount P-7 loyal --from 2026-04-01 --percent 12.5 --kind usage --own-revenue-code 70
discount P-7-1 gift --from 2026-04-01 --to 2026-04-30 --amount 5.00 --charge-code 10 --own-charge-code 9
tax P-7 --from 2026-04-01 --instead voice=added --instead added=voice --certificate 9
tax P-8 --from 2026-04-01 --exempt * --place reverse_charge
category P-7 normal --from 2026-04-01
payer P-7-1 P-8 --from 2026-08-01 --kind one_off
sponsor P-7 P-8 --from 2026-08-01 --kind usage --charge-code 10 --charge-code 11
pool P-7 P-8 --from 2026-09-01
hold P-8 --from 2026-08-01 --to 2026-08-31 --reason dispute
pool P-7 --nobody --from 2026-10-01
bill-day P-7 15 --from 2026-11-01
end P-7-1 --on 2026-12-01 --reason moved
revive P-7-1 --reason mistyped
transfer P-7-1 --to P-8 --on 2026-11-01 --as P-8-0
untransfer P-8-0 --reason mistyped
transfer P-7-1 --to P-8 --on 2026-12-01 --as P-8-1
close P-7 --on 2027-01-15 --reason moved
"""


def shown(both: Persons, account: str) -> dict[str, Any]:
    """An account, as both ways show it."""
    found: dict[str, Any] = json.loads(both("accounts", "show", account, "--json"))
    return found


def test_the_life_of_an_account(both: Persons) -> None:
    """Each change counts once, in order: afterwards both homes show the same accounts, by the same commits and facts."""
    for line in LIFE.strip().splitlines():
        words = ("accounts", *line.split())
        rehearsed = both(*words, "--dry-run").splitlines()
        assert rehearsed[0] == "nothing is stored; this would happen:", line
        done = json.loads(both(*words, "--json"))
        assert (done["existed"], done["commit_seq"] is None, done["said"]) == (False, False, [each.strip() for each in rehearsed[1:]]), line
        if words[1] not in {"revive", "add-on", "transfer"}:  # which are asked of what the first time has left
            assert both(*words).endswith(("nothing changed\n", "is there already\n")), line
    for start in ("--now", "--at-cycle-end"):
        assert "S-400-1 has china-mobile/star-99 from" in both(
            "accounts", "change-plan", "S-400-1", "--to", "china-mobile/star-99", start, "--dry-run"
        )
        assert "S-400-1 has china-mobile/star-39+data-10g from" in both(
            "accounts", "add-on", "add", "S-400-1", "data-10g", start, "--dry-run"
        )
    (hold,) = [each["fact_id"] for each in shown(both, "P-8")["facts"] if each["kind"] == "hold"]
    both("accounts", "retract", "P-8", hold, "--reason", "settled")
    (outage,) = [each["fact_id"] for each in shown(both, "P-7")["facts"] if each["kind"] == "outage"]
    both("accounts", "retract", "P-7", outage, "--reason", "another one", "--of-subscription")
    for account in ("P-7", "P-8"):
        assert {"hold", "outage"}.isdisjoint(each["kind"] for each in shown(both, account)["facts"])
    assert both("accounts", "entity", "list").splitlines()[1].split() == ["north", "North", "N", "NC"]


# What is refused, and the exit status.
REFUSED = """
1 | pause P-300-1X --from 2026-05-01
1 | terms P-30 --from 2026-05-01 --payment-days 7
2 | tax P-300-2 --from 2026-05-01 --exempt *
1 | tax P-300 --from 2026-05-01 --exempt voice --place outside
1 | hold P-30 --from 2026-05-01
1 | change-plan P-300-2 --to china-mobile/nothing --now
1 | add-on add nobody data-10g --now
1 | resume P-300-2 --on 2026-05-01
1 | transfer P-300-2 --to nobody --on 2026-08-01 --as S-400-9
1 | activate P-9-1 --account P-9 --plan china-mobile/star-39 --from 2026-08-01
2 | bill-day P-300 32 --from 2026-08-01
1 | retract P-300 -1 --reason mistyped
1 | retract P-300 9999 --reason mistyped --of-subscription
1 | payer P-300 nobody --from 2026-08-01
2 | discount P-300-2 none --from 2026-08-01 --percent 0
2 | discount P-300-2 none --from 2026-08-01 --percent 101
1 | add-on add P-300-2 nope --now
1 | number take 8613800010101 P-300-2 --on 2026-08-01
1 | open P-300 --name Zoe --currency CNY --timezone Asia/Shanghai --bill-day 31 --opened-on 2026-01-31 --language zh --payment-days 20
1 | open P-8 --name Zoe --currency CNY --timezone Asia/Shanghai --bill-day 32 --opened-on soon
1 | open P-8 --name Zoe --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on 2026-01-31 --dunning-policy none
2 | entity add north --name North --invoice-prefix n --credit-prefix NC
2 | entity add north --name North --invoice-prefix R --credit-prefix NC
"""


def test_refusals(both: Persons) -> None:
    """They have the same text, remedy and exit status by both ways."""
    for line in REFUSED.strip().splitlines():
        status, _, words = line.partition(" | ")
        assert "error: " in both("accounts", *words.split(), status=int(status)), line
    with both.acting("the-auditor"):
        assert "needs the role admin or finance or operator" in both.there("accounts", "hold", "P-300", "--from", "2026-08-01", status=1)
    other = ("open", "P-300", "--name", "Zoe", "--currency", "CNY", "--timezone", "Asia/Shanghai", "--bill-day", "31")
    several = both.there("accounts", *other, "--opened-on", "2026-01-31", status=1)
    assert "3 mistakes found: accounts open: name: account P-300 exists with name 'Single customer', not 'Zoe'; " in several
    out_of_range = ("accounts", "terms", "P-300", "--from", "2026-08-01", "--payment-days", 2**31)
    assert "--payment-days 2147483648 is out of range" in both.there(*out_of_range, status=2)
