"""What is agreed with accounts, who pays for whom, and everything that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing.accounts import agreements, details, kinds, lookup
from billing.store import tables
from rating.errors import UserError
from tests.billing.accounts.operator_home import ACCOUNTS, ASKED, DRY, SUBSCRIPTIONS, day, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import msgspec

    from billing.accounts.recording import Asked, Done
    from billing.store.home import Home

FACTS = (tables.account_facts, tables.subscription_facts, tables.commits)
NAMES = ("M1", "M2", "M3", "M4", "M5", "C1", "C2", "C3", "K1", "K2", "K3", "K4", "H1", "H2", "H3", "H4", "P1", "P2", "X1", "X2", "X3")
MORE = "".join(f"{name},Eve,CNY,Asia/Shanghai,1,zh,2025-10-01,,standard,20,,\n" for name in NAMES)
MORE += "L1,Late,CNY,Asia/Shanghai,1,zh,2026-05-11,,standard,20,,\n"
MORE_SUBSCRIPTIONS = "M1-1,M1,mobile/plus,2025-10-01,\nC1-1,C1,mobile/basic,2025-10-01,\nC2-1,C2,mobile/basic,2025-10-01,\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    files = {"accounts": ACCOUNTS + MORE, "subscriptions": SUBSCRIPTIONS + MORE_SUBSCRIPTIONS}
    with make(tmp_path_factory.mktemp("agreements"), **files) as opened:
        yield opened


def counts(home: Home) -> list[int]:
    with home.connect() as connection:
        return [connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in FACTS]


def agree(  # noqa: PLR0913, PLR0917 -- columns of the table
    home: Home, name: str, kind: str, from_date: str, detail: msgspec.Struct, to_date: str | None = None, asked: Asked = ASKED
) -> Done:
    return agreements.agree_with(home, asked, name, kind, day(from_date), to_date and day(to_date), detail)


def says(home: Home, account: str, about: str | None = None) -> list[str]:
    facts = lookup.show_account(home, account).facts
    return [f"{each.from_date} {each.to_date or '...'} {each.says}" for each in facts if each.about == (about or account)]


# account or subscription | kind | from | to | detail | what is said of it
AGREED = [
    ("A1", "terms", "2026-04-01", None, kinds.TermsFact(payment_days=30, language="en"), "agreed: language en, payment days 30"),
    ("A1-1", "terms", "2025-10-01", None, kinds.TermsFact(minimum_months=24), "agreed: minimum months 24"),
    ("A1", "discount", "2026-04-01", None, kinds.DiscountFact("loyal", percent_ppm=125_000), "discount loyal: 12.5 % off everything"),
    ("A1", "discount", "2026-04-01", None, kinds.DiscountFact("least", 1, kinds=("commitment",)), "discount least: 0.0001 % off comm"),
    ("A1", "discount", "2026-04-01", None, kinds.DiscountFact("most", 0, 10**4, ("usage", "commitment")), "discount most: 0.01 CNY"),
    ("A1", "discount", "2026-04-01", "2027-04-01", kinds.DiscountFact("year", 0, 5_000_000, ("usage",)), "discount year: 5.00 CNY off"),
    ("A1", "tax", "2026-04-01", None, kinds.TaxFact(("*",), certificate="D-9"), "exempt from all classes (certificate D-9)"),
    ("A2", "tax", "2026-04-01", None, kinds.TaxFact(classes={"standard": "reduced"}), "standard is taxed as reduced"),
    ("A2", "tax", "2026-05-01", None, kinds.TaxFact(place="other_eu"), "place of supply in another country of the EU"),
    ("A2", "tax", "2026-06-01", None, kinds.TaxFact(("*",), place="outside"), "exempt from all classes; place of supply outside the EU"),
    ("A2", "category", "2026-04-01", None, kinds.CategoryFact("test"), "a test account: rated, never invoiced"),
    ("A1", "hold", "2026-04-01", "2026-06-15", kinds.HoldFact("dispute"), "no bill is made (dispute)"),
    ("M1", "payer", "2026-04-01", None, kinds.PayerFact("M2"), "M2 pays everything"),
    ("M1-1", "payer", "2026-05-01", None, kinds.PayerFact("M3", ("usage", "one_off"), (12,)), "M3 pays usage, one off, charge code 12"),
    ("M4", "sponsor", "2026-04-01", "2026-09-01", kinds.SponsorFact("M2", ("usage",)), "M2 pays usage"),
    ("M5", "pool", "2025-10-01", None, kinds.PoolFact("M2"), "shares allowances with M2"),
    ("M1", "payer", "2026-07-01", None, kinds.PayerFact(""), "no other account pays"),
]  # fmt: skip


def test_what_is_agreed_is_told_in_words_and_once(home: Home) -> None:
    for name, kind, from_date, to_date, detail, words in AGREED:
        account = name.partition("-")[0]
        rehearsed = agree(home, name, kind, from_date, detail, to_date, DRY)
        assert words in rehearsed.said[0], rehearsed.said
        assert f"{from_date} {to_date or '...'} {words}" not in says(home, account, name)
        done = agree(home, name, kind, from_date, detail, to_date)
        assert done.said == rehearsed.said
        assert any(each.startswith(f"{from_date} {to_date or '...'} {words}") for each in says(home, account, name))
        before = counts(home)
        assert agree(home, name, kind, from_date, detail, to_date).existed
        assert counts(home) == before
    shown = lookup.show_account(home, "M2", day("2026-05-15"))
    assert shown.unit == ["M1", "M3", "M4", "M5"]
    assert shown.relations == [
        "M1-1: M3 pays usage, one off, charge code 12",
        "M1: M2 pays everything",
        "M4: M2 pays usage",
        "M5: shares allowances with M2",
    ]


# account or subscription | kind | from | to | detail | message
REFUSED = [
    ("A9", "hold", "2026-04-01", None, kinds.HoldFact(), "account A9 is unknown"),
    ("A3", "bill_day", "2026-04-01", None, kinds.BillDayFact(32), "bill_day: bill_day 32 is not from 1 to 31"),
    ("A3", "hold", "2026-04-01", "2026-04-01", kinds.HoldFact(), "hold: to_date 2026-04-01 is not after from_date 2026-04-01"),
    ("A3", "category", "2026-04-01", None, kinds.CategoryFact("vip"), "category: category 'vip' is not a category"),
    ("A3", "terms", "2026-04-01", None, kinds.TermsFact(), "terms: detail agrees nothing"),
    ("A3", "terms", "2026-04-01", None, kinds.TermsFact(payment_days=366), "terms: payment_days 366 is not from 0 to 365"),
    ("A3", "terms", "2026-04-01", None, kinds.TermsFact(language="Chinese"), "terms: language 'Chinese' cannot be used"),
    ("A3", "terms", "2026-04-01", None, kinds.TermsFact(dunning_policy="strict"), "terms: there is no dunning policy strict"),
    ("A1-1", "terms", "2026-04-01", None, kinds.TermsFact(minimum_months=-1), "terms: minimum_months -1 is not from 0 to 120"),
    ("A3", "terms", "2026-04-01", None, kinds.TermsFact(minimum_months=0), "terms: minimum_months is agreed for a subscription, not"),
    ("A3", "terms", "2026-04-01", None, kinds.TermsFact(early_end_waived=True), "terms: early_end_waived is agreed for a subscription"),
    ("A1-1", "terms", "2026-04-01", None, kinds.TermsFact(payment_days=3), "terms: payment_days is agreed with an account, not"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x"), "discount: a discount is a percentage or an amount, one of them"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 1, 10_000), "discount: a discount is a percentage or an amount"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 1_000_001), "discount: percent_ppm 1000001 is not from 0 to 1000000"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 0, -10_000), "discount: amount_micros -10000 is not an amount off"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 0, 5_000_001), "discount: 5.000001 is finer than CNY is counted"),
    ("A1-1", "discount", "2026-04-01", None, kinds.DiscountFact("x", 0, 5_001_000), "discount: 5.001 is finer than CNY is counted"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact(" ", 1), "discount: name is empty or holds control characters"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 0, 10**4, ("commitment",)), "discount: a fixed amount is never off com"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 0, 10**4, ("adjustment", "discount")), "discount: a fixed amount is"),
    ("A1-1", "discount", "2026-04-01", None, kinds.DiscountFact("x", 1, kinds=("discount",)), "discount: a percentage is never off disc"),
    ("A3", "discount", "2026-04-01", None, kinds.DiscountFact("x", 1, kinds=("tax",)), "discount: kinds 'tax' is not a kind of line"),
    ("A3", "tax", "2026-04-01", None, kinds.TaxFact(("standart",)), "tax: no published catalogue has the tax class standart"),
    ("A3", "tax", "2026-04-01", None, kinds.TaxFact(place="mars"), "tax: place 'mars' is not a place of supply"),
    ("A3", "tax", "2026-04-01", None, kinds.TaxFact(place="reverse_charge"), "tax: exempt does not name all classes: with the place"),
    ("A3", "tax", "2026-04-01", None, kinds.TaxFact(("standard",), place="outside"), "tax: exempt does not name all classes: with"),
    ("A3", "sponsor", "2026-04-01", None, kinds.SponsorFact("A1"), "sponsor: a sponsor pays for some charges, and none are named"),
    ("A3", "payer", "2026-04-01", None, kinds.PayerFact("A3"), "payer: A3 would take over from itself"),
    ("A3", "payer", "2026-04-01", None, kinds.PayerFact("A9"), "payer: account A9 is unknown"),
    ("A3", "payer", "2026-04-02", None, kinds.PayerFact("H2"), "payer: 2026-04-02 is not a bill date of A3"),
    ("A3", "payer", "2026-04-01", "2026-05-02", kinds.PayerFact("H2"), "payer: 2026-05-02, the day after its last one, is not a bill date"),
    ("A3", "pool", "2026-04-02", None, kinds.PoolFact(""), "pool: 2026-04-02 is not a bill date of A3"),
    ("A1-1", "payer", "2026-04-02", None, kinds.PayerFact("H2"), "payer: 2026-04-02 is not a bill date of A1"),
    ("E1", "payer", "2026-04-01", None, kinds.PayerFact("A3"), "payer: E1 has currency EUR, A3 CNY"),
    ("T1", "pool", "2026-04-01", None, kinds.PoolFact("A3"), "pool: T1 has timezone Europe/Berlin, A3 Asia/Shanghai"),
    ("B1", "sponsor", "2026-04-15", None, kinds.SponsorFact("A3", ("usage",)), "sponsor: B1 and A3 do not have the same bill days"),
    ("M1", "hold", "2026-04-10", None, kinds.HoldFact(), "hold: M1 is billed with M2 on 2026-04-10"),
    ("M1", "hold", "2025-12-10", None, kinds.HoldFact(), "hold: M1 is billed with M2 on 2026-04-01"),
    ("A3", "payer", "2026-05-01", None, kinds.PayerFact("L1"), "payer: L1 is opened on 2026-05-11, and would take over from A3 on 2026"),
    ("A3", "pool", "2026-05-01", None, kinds.PoolFact("L1"), "pool: L1 is opened on 2026-05-11, and would take over from A3 on 2026-05"),
    ("A3", "payer", "2026-05-01", None, kinds.PayerFact("W1"), "payer: W1 is a test account on 2026-05-01, and would pay for A3, which"),
    ("A1-1", "payer", "2026-05-01", None, kinds.PayerFact("W1"), "payer: W1 is a test account on 2026-05-01, and would pay for A1, which"),
    ("A3", "sponsor", "2026-05-01", None, kinds.SponsorFact("W1", ("usage",)), "sponsor: W1 is a test account on 2026-05-01, and would"),
]  # fmt: skip


# classes of a fact about tax, what is told; one catalogue has standard and reduced, another one standard and special, a third foreign
@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"standard": "reduced"}, ""),
        ({"standard": "special"}, ""),  # nothing in catalogues that lack it
        ({"standard": "foreign"}, "no published catalogue has both tax classes, standard and foreign"),
        ({"reduced": "special"}, "no published catalogue has both tax classes, reduced and special"),
        ({"reduced": "none"}, "no published catalogue has the tax class none"),
    ],
)
def test_a_class_stands_for_another_of_its_catalogue(classes: dict[str, str], message: str) -> None:
    known = details.Known((), [{"standard", "reduced"}, {"standard", "special"}, {"foreign"}])
    found = details.wrongs(kinds.TaxFact(classes=classes), known, of_account=True)
    assert [each.message for each in found] == ([message] if message else [])


@pytest.mark.parametrize(("name", "kind", "from_date", "to_date", "detail", "message"), REFUSED, ids=[row[-1] for row in REFUSED])
def test_what_is_refused(  # noqa: PLR0913, PLR0917 -- columns of the table
    home: Home, name: str, kind: str, from_date: str, to_date: str | None, detail: msgspec.Struct, message: str
) -> None:
    agree(home, "M1", "payer", "2026-04-01", kinds.PayerFact("M2"))
    before = counts(home)
    with pytest.raises(UserError) as caught:
        agree(home, name, kind, from_date, detail, to_date)
    assert caught.value.message.startswith(message)
    assert caught.value.remedy
    assert counts(home) == before


def test_a_hold_of_a_member_is_refused_once_however_many_relations_it_has(home: Home) -> None:
    agree(home, "H1", "payer", "2026-04-01", kinds.PayerFact("H2"))
    agree(home, "H1", "pool", "2026-04-01", kinds.PoolFact("H2"))
    with pytest.raises(UserError, match="hold: H1 is billed with H2 on 2026-04-10"):
        agree(home, "H1", "hold", "2026-04-10", kinds.HoldFact())


def test_a_hold_that_was_there_first_keeps_others_from_taking_over(home: Home) -> None:
    agree(home, "H3", "hold", "2026-04-10", kinds.HoldFact(), "2026-06-01")
    with pytest.raises(UserError, match="hold: H3 is billed with H4 on 2026-05-01") as caught:
        agree(home, "H3", "payer", "2026-05-01", kinds.PayerFact("H4"))
    assert caught.value.remedy == "hold H4: its unit is billed as one; retract the hold of H3, or let it end by 2026-05-01"
    agree(home, "H3", "payer", "2026-06-01", kinds.PayerFact("H4"))
    agree(home, "H3", "payer", "2026-08-01", kinds.PayerFact(""))
    assert not agree(home, "H3", "hold", "2026-08-01", kinds.HoldFact()).existed, "it is billed alone again"


def test_a_test_account_pays_for_test_accounts_alone(home: Home) -> None:
    agree(home, "X1", "category", "2026-04-01", kinds.CategoryFact("test"), "2026-08-01")
    agree(home, "X1", "payer", "2026-04-01", kinds.PayerFact("W1"), "2026-08-01")
    with pytest.raises(UserError, match="payer: W1 is a test account on 2026-08-01, and would pay for X1, which is none"):
        agree(home, "X1", "payer", "2026-05-01", kinds.PayerFact("W1", ("usage",)), "2026-09-01")
    agree(home, "X1", "pool", "2026-04-01", kinds.PoolFact("X2"))
    agree(home, "X2", "category", "2026-04-01", kinds.CategoryFact("test"))
    assert says(home, "X2") == ["2026-04-01 ... a test account: rated, never invoiced"], "it pays for nobody"


def test_who_pays_for_others_does_not_become_a_test_account(home: Home) -> None:
    agree(home, "X3", "payer", "2026-04-01", kinds.PayerFact("P1"), "2026-06-01")
    with pytest.raises(UserError, match="payer: P1 is a test account on 2026-05-10, and would pay for X3, which is none"):
        agree(home, "P1", "category", "2026-05-10", kinds.CategoryFact("test"))
    assert not agree(home, "P1", "category", "2026-06-01", kinds.CategoryFact("test"), asked=DRY).existed


def test_who_is_opened_later_takes_over_later(home: Home) -> None:
    agree(home, "P1", "payer", "2026-06-01", kinds.PayerFact("L1"))
    assert says(home, "P1") == ["2026-06-01 ... L1 pays everything"]


# what is agreed for P2, of whom K3 pays everything from April on; from which day on K3 has nothing to do with it, if ever
GOING_ON = [
    ((), None),
    ((("2026-06-01", kinds.PayerFact("K4", ("usage",)), None),), None),
    ((("2026-06-01", kinds.PayerFact("K4"), "2026-07-01"),), None),
    ((("2026-06-01", kinds.PayerFact(""), "2026-07-01"),), None),
    ((("2026-06-01", kinds.PayerFact("K4"), None),), "2026-06-01"),
    ((("2026-06-01", kinds.PayerFact(""), None),), "2026-06-01"),
    ((("2026-06-01", kinds.PayerFact("K4"), "2026-07-01"), ("2026-07-01", kinds.PayerFact(""), None)), "2026-06-01"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("later", "parted"), GOING_ON)
def test_a_relation_is_over_where_nothing_is_left_to_it(
    tmp_path: Path, later: tuple[tuple[str, kinds.PayerFact, str | None], ...], parted: str | None
) -> None:
    """Until then K3 is not closed, and P2 does not pay for it; from then on both may be, and have bill days of their own."""
    with make(tmp_path, accounts=ACCOUNTS + MORE) as home:
        agree(home, "P2", "payer", "2026-04-01", kinds.PayerFact("K3"))
        for from_date, detail, to_date in later:
            agree(home, "P2", "payer", from_date, detail, to_date)
        back = ("K3", "payer", "2026-06-01", kinds.PayerFact("P2"))
        if parted is None:
            with pytest.raises(UserError, match="K3 is closed on 2026-06-01, and takes over from P2"):
                agreements.close(home, ASKED, "K3", day("2026-06-01"), "")
            with pytest.raises(UserError, match=r"leads back to where it began on 2026-0[67]-01"):
                agree(home, *back)
            assert any(text.startswith("P2 is billed") for text in agreements.change_bill_day(home, DRY, "K3", 15, day("2026-07-10")).said)
            return
        with pytest.raises(UserError, match="K3 is closed on 2026-05-31, and takes over from P2"):
            agreements.close(home, ASKED, "K3", day("2026-05-31"), "")
        assert not agree(home, *back, asked=DRY).existed
        assert not agreements.close(home, DRY, "K3", day("2026-06-01"), "").existed
        done = agreements.change_bill_day(home, ASKED, "K3", 15, day(parted))
        assert [text.split(" ")[0] for text in done.said] == ["K3", "the"]


def test_relations_do_not_lead_in_a_circle_at_any_time(home: Home) -> None:
    agree(home, "C1", "payer", "2026-04-01", kinds.PayerFact("C2"), "2026-08-01")
    agree(home, "C2", "pool", "2026-04-01", kinds.PoolFact("C3"))
    with pytest.raises(UserError, match=r"sponsor: C\d -> C\d -> C\d -> C\d leads back to where it began on 2026-05-01"):
        agree(home, "C3", "sponsor", "2026-05-01", kinds.SponsorFact("C1", ("usage",)))
    agree(home, "C3", "sponsor", "2026-08-01", kinds.SponsorFact("C1", ("usage",)))
    assert "2026-08-01 ... C1 pays usage" in says(home, "C3"), "when C2 no longer pays for C1"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Home]:
    """Nothing is agreed."""
    with make(tmp_path) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("since", ["2026-03-01", "2026-05-01"])
def test_the_root_of_a_pool_is_in_no_other_pool(fresh: Home, first: int, since: str) -> None:
    """Whatever is told first, and whichever begins first."""
    told = [("A1", "2026-04-01", kinds.PoolFact("A2")), ("A2", since, kinds.PoolFact("A3"))]
    agree(fresh, *_of_pool(told[first]))
    with pytest.raises(UserError) as caught:
        agree(fresh, *_of_pool(told[1 - first]))
    both = max(since, "2026-04-01")
    assert caught.value.message == f"pool: A1 shares with A2, and A2 with A3 on {both}"
    assert caught.value.remedy == f"let both share with A3, or end one of the two by {both}"


def _of_pool(told: tuple[str, str, kinds.PoolFact]) -> tuple[str, str, str, kinds.PoolFact]:
    account, from_date, detail = told
    return account, "pool", from_date, detail


@pytest.mark.slow
def test_pools_follow_each_other(fresh: Home) -> None:
    agree(fresh, "A1", "pool", "2026-04-01", kinds.PoolFact("A2"), "2026-05-01")
    agree(fresh, "A2", "pool", "2026-05-01", kinds.PoolFact("A3"))
    agree(fresh, "A1", "pool", "2026-05-01", kinds.PoolFact("A3"))
    agree(fresh, "A2", "pool", "2026-07-01", kinds.PoolFact(""))
    agree(fresh, "A1", "pool", "2026-07-01", kinds.PoolFact("A2"))
    assert says(fresh, "A1")[-1] == "2026-07-01 ... shares allowances with A2"


@pytest.mark.slow
def test_a_pool_that_holds_again_is_in_no_other_pool(fresh: Home) -> None:
    """A1 shares with A2 but for May, and A2 with A3 from June on."""
    agree(fresh, "A1", "pool", "2026-04-01", kinds.PoolFact("A2"))
    agree(fresh, "A1", "pool", "2026-05-01", kinds.PoolFact("W1"), "2026-06-01")
    with pytest.raises(UserError, match="pool: A1 shares with A2, and A2 with A3 on 2026-06-01"):
        agree(fresh, "A2", "pool", "2026-06-01", kinds.PoolFact("A3"))


def test_a_fact_of_the_same_date_that_says_something_else_is_an_error_until_it_is_retracted(home: Home) -> None:
    agree(home, "A3", "terms", "2026-04-01", kinds.TermsFact(payment_days=30))
    with pytest.raises(UserError, match="A3 has a fact terms from 2026-04-01 with payment_days 30, not 45"):
        agree(home, "A3", "terms", "2026-04-01", kinds.TermsFact(payment_days=45))
    fact = next(each for each in lookup.show_account(home, "A3").facts if each.kind == "terms")
    agreements.retract(home, ASKED, "A3", fact.fact_id, "typed wrongly", of_subscription=False)
    assert says(home, "A3") == []
    with pytest.raises(UserError, match=f"no fact {fact.fact_id} about A3 holds"):
        agreements.retract(home, ASKED, "A3", fact.fact_id, "again", of_subscription=False)
    agree(home, "A3", "terms", "2026-04-01", kinds.TermsFact(payment_days=45))
    assert says(home, "A3") == ["2026-04-01 ... agreed: payment days 45"]


# kind | what is stored | what is given | the two in words
OTHERWISE: list[tuple[str, msgspec.Struct, msgspec.Struct, str]] = [
    ("tax", kinds.TaxFact(("*",)), kinds.TaxFact(("standard", "reduced")), "exempt *, not standard, reduced"),
    ("tax", kinds.TaxFact(("*",)), kinds.TaxFact(("*",), certificate="D-9"), "certificate none, not D-9"),
    ("tax", kinds.TaxFact(classes={"standard": "reduced"}), kinds.TaxFact(("*",)), "exempt none, not *"),
    ("tax", kinds.TaxFact(("*",)), kinds.TaxFact(("*",), {"standard": "reduced"}), "instead none, not standard=reduced"),
    ("discount", kinds.DiscountFact("x", 125_000), kinds.DiscountFact("x", 100_000), "percent 12.5, not 10"),
    ("discount", kinds.DiscountFact("x", amount_micros=5_000_000), kinds.DiscountFact("x", 5), "percent none, not 0.0005"),
    ("discount", kinds.DiscountFact("x", 0, 5_000_000), kinds.DiscountFact("x", 0, 10_000), "amount 5.00, not 0.01"),
    ("terms", kinds.TermsFact(language="zh"), kinds.TermsFact(language="zh", payment_days=9), "payment_days none, not 9"),
]


def test_a_fact_that_says_something_else_is_told_in_plain_words(home: Home) -> None:
    for place, (kind, stored, given, words) in enumerate(OTHERWISE, 1):
        on = f"2027-0{place}-01"
        agree(home, "A3", kind, on, stored)
        with pytest.raises(UserError) as refused:
            agree(home, "A3", kind, on, given)
        assert str(refused.value) == f"A3 has a fact {kind} from {on} with {words}"


# from | new day | how the cycle changes
BILL_DAYS = """
2026-03-10 | 20 | B2 is billed on day 20 of the month: the running cycle ends on 2026-03-14, then 2026-03-15 to 2026-03-19 is 5 of 28 days
2026-03-15 | 31 | B2 is billed on day 31 of the month: the running cycle ends on 2026-03-14, then 2026-03-15 to 2026-03-30 is 16 of 31 days
2026-02-20 | 1  | B2 is billed on day 1 of the month: the running cycle ends on 2026-03-14, then 2026-03-15 to 2026-03-31 is 17 of 31 days
"""


def test_the_code_of_a_discount_is_told(home: Home) -> None:
    told = "its line is posted to revenue code {}"
    with_code, without = (kinds.DiscountFact(name, 100_000, revenue_code=code) for name, code in (("ten", 4902), ("more", 0)))
    assert told.format(4902) in agree(home, "A3", "discount", "2026-04-01", with_code).said
    assert told.format("0: none was given (--own-revenue-code)") in agree(home, "A3", "discount", "2026-05-01", without).said


@pytest.mark.parametrize("row", BILL_DAYS.strip().splitlines())
def test_a_change_of_bill_day_is_told_with_its_stub(home: Home, row: str) -> None:
    from_date, bill_day, told = (part.strip() for part in row.split("|"))
    done = agreements.change_bill_day(home, DRY, "B2", int(bill_day), day(from_date))
    assert done.said[0] == told


def test_a_unit_changes_its_bill_day_together(home: Home) -> None:
    agree(home, "B1", "payer", "2026-04-15", kinds.PayerFact("B2"))
    with pytest.raises(UserError, match="do not have the same bill days"):
        agree(home, "B1", "bill_day", "2026-05-01", kinds.BillDayFact(1))
    done = agreements.change_bill_day(home, ASKED, "B1", 1, day("2026-05-01"))
    assert [text.split(" is ")[0] for text in done.said[:2]] == ["B1", "B2"]
    assert [lookup.show_account(home, name, day("2026-05-01")).bill_day_now for name in ("B1", "B2")] == [1, 1]
    assert agreements.change_bill_day(home, ASKED, "B2", 1, day("2026-05-01")).existed


def test_closing_ends_what_goes_on(home: Home) -> None:
    act: Callable[[Asked], Done] = lambda asked: agreements.close(home, asked, "A1", day("2026-09-10"), "moves away")  # noqa: E731 -- an act, as in the tables
    rehearsed = act(DRY)
    assert "A1-1 ends: 2026-09-10 is the first day without it" in rehearsed.said
    closed = "A1 is closed: 2026-09-10 is the first day without it; its final bill is that of the period 2026-09-01 to 2026-09-09"
    made = "the first bill run of 2026-09-10 or later makes it: `ratewright bill due` lists it on 2026-10-01, when its cycle ends"
    assert rehearsed.said[-2:] == (f"{closed}, which divides by 30 days", made)
    assert act(ASKED).said == rehearsed.said
    assert act(ASKED).existed
    shown = lookup.show_account(home, "A1")
    assert shown.closed_on == "2026-09-10"
    assert {each.to_date for each in shown.subscriptions} == {"2026-09-10"}
    with pytest.raises(UserError, match="A1 is closed on 2026-09-10 already"):
        agreements.close(home, ASKED, "A1", day("2026-10-01"), "")


def test_who_takes_over_from_others_is_not_closed_before_them(home: Home) -> None:
    agree(home, "K1", "payer", "2026-04-01", kinds.PayerFact("K2"))
    with pytest.raises(UserError, match="K2 is closed on 2026-05-01, and takes over from K1"):
        agreements.close(home, ASKED, "K2", day("2026-05-01"), "")
    agree(home, "K1", "payer", "2026-05-01", kinds.PayerFact(""))
    assert not agreements.close(home, ASKED, "K2", day("2026-05-01"), "").existed
