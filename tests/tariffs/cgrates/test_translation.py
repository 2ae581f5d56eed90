"""What becomes of each file: the costs of a small folder, and of the same folder with one row put another way."""

# ruff: noqa: E501 - a change a line
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from rating.errors import UserError
from rating.model import Service
from rating.status import Status
from tariffs.cgrates.profiles import Key
from tariffs.cgrates.reading import read
from tariffs.cgrates.translation import SERVICE_OF_CATEGORY, Settings, slug, translate
from tariffs.cgrates.writing import write
from tests.tariffs.cgrates.small import MONDAY, SETTINGS, costs, folder, imported

if TYPE_CHECKING:
    from pathlib import Path

    from tariffs.cgrates.carried import Listed
    from tests.tariffs.cgrates.small import Made

EVENING, CHRISTMAS, JULY = "2026-03-02T20:00:00Z", "2026-12-25T12:00:00Z", "2026-07-06T12:00:00Z"

# subject, number, seconds, start -> micro-units, or why not
COSTS = [
    ("1001", "4930", 60, MONDAY, 400_000),  # peak: later than ALWAYS, of the same weight
    ("1001", "4930", 61, MONDAY, 800_000),
    ("1001", "4930", 60, EVENING, 300_000),  # 0.10 + 0.20
    ("1001", "4930", 90, EVENING, 350_000),  # the second minute by the second at half the rate
    ("1001", "4930", 60, "2026-03-02T19:59:59Z", 400_000),  # an end is the last second
    ("1001", "4930", 60, "2026-03-07T12:00:00Z", 300_000),  # a Saturday
    ("1001", "4930", 120, "2026-03-02T19:59:00Z", 500_000),  # the second minute at the slot of the other rate, by the second
    ("1001", "491701", 59, MONDAY, 290_000),  # the longer prefix; 0.295 down to two places
    ("1001", "33123", 61, MONDAY, 310_000),  # of the first fallback: 0.305, half up
    ("1001", "33123", 600, MONDAY, 500_000),  # its maximum
    ("1001", "1212", 90, MONDAY, 1_000_100),  # of the second fallback: 1.00000005 up to four places
    ("europe", "491701", 60, MONDAY, 300_000),  # 1001's plan, which it falls back to, has the longer prefix, and is asked after its own 49
    ("europe", "1212", 90, MONDAY, 1_000_100),  # over 1001 to *any: three subjects deep
    ("*any", "4930", 90, MONDAY, 1_000_100),
    ("1001", "4930", 60, CHRISTMAS.replace("-12-25", "-03-03"), 400_000),
    ("1001", "4930", 60, JULY, 300_000),  # another plan from June on
    ("1001", "1212", 60, JULY, Status.NO_ZONE),  # without fallbacks
    ("1001", "4930", 60, "2025-12-31T23:59:59Z", Status.NO_VERSION),
    ("*any", "4930", 90, JULY, 1_000_100),
    ("1002", "4930", 60, MONDAY, Status.UNKNOWN_SUBSCRIPTION),  # whoever has no profile is given the plan of *any
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return imported(folder(tmp_path_factory.mktemp("small") / "plan"))


@pytest.mark.parametrize(("subject", "to", "seconds", "at", "cost"), COSTS)
def test_costs(  # noqa: PLR0913, PLR0917 - a row's columns
    made: Made, subject: str, to: str, seconds: int, at: str, cost: int | Status
) -> None:
    assert costs(made, subject, to, seconds, at) == cost


def test_messages(made: Made) -> None:
    assert costs(made, "*any", "4930", 3, service=Service.SMS) == 270_000


def test_a_holiday_outweighs_the_peak(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan", "RatingProfiles", "2026-06-01", "2027-06-01")
    assert costs(imported(place), "1001", "4930", 61, CHRISTMAS) == 305_000  # by the second, no connect fee


def test_everything_of_the_small_folder_is_carried_over(made: Made) -> None:
    translated, catalogues = made
    assert translated.not_carried == []
    assert [each.version for each in catalogues] == [1, 2]
    assert translated.plans[Key("cgrates.org", "call", "1001")] == "call-1001"
    assert translated.assumed == [
        "amounts are in EUR, and times of day those of UTC",
        "tax class `untaxed` of 0 percent, revenue code 1, and the number of the service as charge code",
        "category call: voice",
        "category sms: sms",
    ]


def test_a_zone_is_what_stands_under_the_same_tags(made: Made) -> None:
    _, catalogues = made
    zones = [(zone.zone_id, zone.name, zone.prefixes) for zone in catalogues[0].zones]
    assert zones == [(1, "DST_DE+DST_EUROPE", ("49",)), (2, "DST_MOBILE", ("4915", "4917")), (3, "DST_EUROPE", ("33",))]
    assert {zone.zone_id for zone in catalogues[1].zones} <= {1, 2, 3}


def test_ids_and_names_are_the_same_in_all_versions(made: Made) -> None:
    _, catalogues = made
    named = [{price.name: price.price_id for price in each.prices} for each in catalogues]
    shared = named[0].keys() & named[1].keys()
    assert shared
    assert all(named[0][name] == named[1][name] for name in shared)


class Change(NamedTuple):
    """One piece put another way: what is listed (part of each), and what a minute to 4930 on Monday at noon then costs 1001."""

    file: str
    old: str
    new: str
    listed: tuple[tuple[str, str, str], ...]  # tag, what, why
    cost: int | Status = 400_000


REFUSED = Status.NOT_SOLD
CHANGES = [
    Change("Timings", "19:59:59", "19:58:59", (("PEAK", "refused", "leaves out the rest of the hour"), ("RP_RETAIL", "refused", "PEAK")), REFUSED),
    Change("Timings", "08:00:00;19:59:59", "08:00:00;07:59:59", (("RP_RETAIL", "DR_PEAK at PEAK is left out", "ends before it begins"),), 300_000),
    Change("Timings", ",12,25;26,", ",2,30,", (("RP_RETAIL", "DR_CHRISTMAS at CHRISTMAS is left out", "on no day"),)),
    Change("Timings", ",12,25;26,", ",13,25;26,", (("CHRISTMAS", "refused", '"13" is not a month'), ("RP_RETAIL", "refused", "CHRISTMAS")), REFUSED),
    Change("Timings", "1;2;3;4;5", "0;1;6", ()),  # Sunday may be 0
    Change("Timings", "1;2;3;4;5", "0;6;7", (), 300_000),
    Change("Timings", "1;2;3;4;5", "1;8", (("PEAK", "refused", '"8" is not a day of the week'), ("RP_RETAIL", "", "PEAK")), REFUSED),
    Change("Timings", "*any,*any,*any,1;2", "2025,*any,*any,1;2", (), 300_000),
    Change("Timings", "*any,*any,*any,1;2", "1999,*any,*any,1;2", (("PEAK", "refused", '"1999" is not a year'), ("RP_RETAIL", "", "PEAK")), REFUSED),
    Change("Timings", "08:00:00;", "8am;", (("PEAK", "refused", '"8am" is not a time of day'), ("RP_RETAIL", "", "PEAK")), REFUSED),
    Change("Timings", "PEAK,", "ALWAYS,", (("ALWAYS", "left out", "is used above"), ("RP_RETAIL", "refused", "no timing PEAK")), REFUSED),
    Change("Timings", "PEAK,", "NIGHT,*any,*any,*any,*any,*any\nPEAK,", (("NIGHT", "the timing is left out", "no plan"),)),
    Change("Destinations", "DST_DE,49", "DST_DE,49\nDST_DE,voicemail", (("DST_DE", 'prefix "voicemail"', "digits here"),)),
    Change("Destinations", "DST_DE,49", "DST_DE,49\nDST_DE,+4930", (("DST_DE", 'prefix "+4930"', "without +"),)),
    Change("Destinations", "DST_DE,49", "DST_DE,49\nDST_DE,1234567890123456", (("DST_DE", "left out", "at most 15"),)),
    Change("Destinations", "DST_DE,49", "DST_DE,49\nDST_X,7", (("DST_X", "the destination is left out", "no destination rate"),)),
    Change("Destinations", "DST_DE,49\n", "", (*((tag, "the row is left out", "no destination DST_DE") for tag in ("DR_CHRISTMAS", "DR_DE", "DR_PEAK")),), 300_000),
    Change("Destinations", "DST_DE,49\n", "DST_DE,49\n\n# a comment, with a comma\n", ()),
    Change("Destinations", "#Tag,Prefix", "Tag,Prefix", ()),
    Change("Destinations", "DST_DE,49\n", "DST_DE\nDST_DE,49\n", (("DST_DE", "the row is left out", "1 cell instead of Tag, Prefix"),)),
    Change("Destinations", "DST_DE,49\n", "DST_DE,49,,\n", ()),
    Change("Rates", "0.40,1m,1m,0", "0.00000040,1m,1m,0", (), 100),  # finer than our amounts: for a longer time
    Change("Rates", "0.40,1m,1m,0", "4e-1,60000000000,60s,0", ()),
    Change("Rates", "0.40,1m,1m,0", "0.40,1m,0,0", (), 400_000),
    Change("Rates", "0.40,1m,1m,0", "0.40,0,1m,0", (), 24_000_000),  # a second
    Change("Rates", "0.40,1m,1m,0", "0.40,1m,1us,0", (("DR_CHRISTMAS", "DST_DE is refused", "1000 nanoseconds"), *(
        (tag, "refused", "1000 nanoseconds") for tag in ("DR_DE", "DR_PEAK"))), REFUSED),
    Change("Rates", "0.40,1m,1m,0", "0.40,1 minute,1m,0", (("RT_PEAK", "refused", "is not a length"), ("DR_PEAK", "refused", "RT_PEAK")), REFUSED),
    Change("Rates", "0.40,1m,1m,0", "free,1m,1m,0", (("RT_PEAK", "refused", '"free" is not a number'), ("DR_PEAK", "refused", "RT_PEAK")), REFUSED),
    Change("Rates", "0.40,1m,1m,0", "1e400,1m,1m,0", (("RT_PEAK", "refused", "out of range"), ("DR_PEAK", "refused", "RT_PEAK")), REFUSED),
    Change("Rates", "0.40,1m,1m,0", "-0.40,1m,1m,0", (("RT_PEAK", "refused", "below zero"), ("DR_PEAK", "refused", "RT_PEAK")), REFUSED),
    Change("Rates", "0.40,1m,1m,0", "0.40,1m,1m,10s", (("RT_PEAK", "refused", "before the first slot"), ("DR_PEAK", "refused", "RT_PEAK")), REFUSED),
    Change("Rates", "0.40,1m,1m,0", "1000000000,1ms,1m,0", tuple(
        (tag, "refused", "amounts here do not hold it") for tag in ("DR_CHRISTMAS", "DR_DE", "DR_PEAK")), REFUSED),
    Change("Rates", "RT_PEAK,0,", "RT_PEAK,0.0000001,", tuple(
        (tag, "refused", "the connect fee of RT_PEAK has more than 6 places") for tag in ("DR_CHRISTMAS", "DR_DE", "DR_PEAK")), REFUSED),
    Change("Rates", "RT_DE,0,0.10", "RT_DE,0.05,0.10", (("RT_DE", "connect fee 0.05 is left out", "first row"),)),
    Change("Rates", "1m,1m,0\n", "1m,1m,0\nRT_PEAK,0,0.70,1m,1m,0s\n", (("RT_PEAK", "a row above it is left out", "the last one counts"),), 700_000),
    Change("Rates", "RT_PEAK,", "RT_OTHER,", (("DR_PEAK", "refused", "there is no rate RT_PEAK"), ("RT_OTHER", "left out", "names it")), REFUSED),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*none,,0,", (
        ("DR_PEAK", "rounded to six places, half up", "whole micro-units"),
        ("DR_CHRISTMAS", "rounded as those of DR_PEAK", "one rounding"), ("DR_DE", "rounded as those of DR_PEAK", "one rounding"))),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,0,0,", (  # 0.40 is no 1.00
        ("DR_PEAK", "0 decimals mean no rounding there", "whole micro-units"),
        ("DR_CHRISTMAS", "rounded as those of DR_PEAK", "one rounding"), ("DR_DE", "rounded as those of DR_PEAK", "one rounding"))),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,5,0,", tuple(
        (tag, "rounded as those of DR_PEAK", "one rounding") for tag in ("DR_CHRISTMAS", "DR_DE"))),
    Change("DestinationRates", "DR_MOBILE,DST_MOBILE,RT_MOBILE,*down,2", "DR_MOBILE,DST_MOBILE,RT_MOBILE,*down,8",
           (("DR_MOBILE", "six places instead of 8", "have six"),)),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*near,4,0,", (("DR_PEAK", "refused", "a rounding called *near"),), REFUSED),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,four,0,", (("DR_PEAK", "refused", '"four" decimals'),), REFUSED),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,4,0.30,*disconnect", (("DR_PEAK", "maximum 0.30 is left out", "ends the call"),)),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,4,0.30,", (("DR_PEAK", "maximum 0.30 is left out", "strategy is"),)),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,4,0.30,*free", tuple(
        (tag, "refused", "differ in their maximum") for tag in ("DR_CHRISTMAS", "DR_DE", "DR_PEAK")), REFUSED),
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up,4", ()),  # what may be missing
    Change("DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*up", (
        ("DR_PEAK", "the row is left out", "4 cells"), ("RP_RETAIL", "the row is left out", "no destination rate DR_PEAK"),
        ("RT_PEAK", "the rate is left out", "names it")), 300_000),
    Change("RatingPlans", "DR_PEAK,PEAK,10", "DR_PEAK,PEAK,5", (), 300_000),  # lighter
    Change("RatingPlans", "DR_PEAK,PEAK,10", "DR_PEAK,PEAK,9.5", (), 300_000),
    Change("RatingPlans", "DR_PEAK,PEAK,10", "DR_PEAK,ALWAYS,10", (
        ("PEAK", "the timing is left out", "names it"), ("DR_PEAK", "rate RT_PEAK to DST_DE is left out", "the first one counts")), 300_000),
    Change("RatingPlans", "DR_PEAK,PEAK,10", "DR_PEAK,PEAK,10\nRP_RETAIL,DR_PEAK,PEAK,10", ()),  # the same again
    Change("RatingPlans", "DR_PEAK,PEAK,10", "DR_PEAK,PEAK,heavy", (("RP_RETAIL", "refused", '"heavy" is not a number'),), REFUSED),
    Change("RatingPlans", "DR_PEAK,PEAK,10", "DR_NONE,PEAK,10", (
        ("RP_RETAIL", "the row is left out", "no destination rate DR_NONE"), ("DR_PEAK", "left out", "names it"), ("RT_PEAK", "left out", "names it")),
        300_000),
    Change("RatingPlans", "RP_SMS,DR_SMS", "RP_SMS,DR_ANY", (
        ("DR_SMS", "left out", "names it"), ("RT_SMS", "left out", "names it"), ("DR_ANY", "usage to *any is refused", "a length of time"))),
    Change("RatingProfiles", "00Z,RP_SMS", "00Z,RP_NONE", (
        ("RP_NONE", "*any has no rates of its own from then on", "no rating plan RP_NONE"), ("RP_SMS", "left out", "no profile"),
        ("DR_SMS", "left out", "names it"), ("RT_SMS", "left out", "names it"))),
    Change("RatingProfiles", "cgrates.org,call,1001,2026-01", "cgrates.org,call,1001,2026-01-01T00:00:00Z,RP_EUROPE,\ncgrates.org,call,1001,2026-01",
           (("RP_EUROPE", "profile of 1001 with this plan is left out", "the last one counts"),)),
    Change("RatingProfiles", "cgrates.org,call,1001,2026-06", "cgrates.org,call,1001,2026-01-01T00:00:00Z,RP_RETAIL,europe;*any\ncgrates.org,call,1001,2026-06", ()),
    Change("RatingProfiles", "europe;*any", "europe;friends", (("RP_RETAIL", "the fallback to friends is left out", "no profile"),)),
    Change("RatingProfiles", "2026-01-01T00:00:00Z,RP_RETAIL", "soon,RP_RETAIL", (
        ("RP_RETAIL", "the profile of 1001 is left out", '"soon" is not an activation time'), ("RP_RETAIL", "the rating plan is left out", "no profile"),
        *((tag, "left out", "names it") for tag in ("DR_CHRISTMAS", "DR_DE", "DR_MOBILE", "DR_PEAK", "CHRISTMAS", "PEAK", "RT_DE", "RT_PEAK")),
        *((tag, "left out", "names it") for tag in ("DST_DE", "DST_MOBILE"))), Status.NO_VERSION),
    Change("RatingProfiles", "2026-06-01T00:00:00Z", "2071-06-01T00:00:00Z", (("RP_EUROPE", "profile of 1001 is left out", "after 2069"),)),
    Change("RatingProfiles", "2026-01-01T00:00:00Z,RP_RETAIL", "*asap,RP_RETAIL", ()),
    Change("RatingProfiles", "2026-01-01T00:00:00Z,RP_RETAIL", "0001-01-01T00:00:00Z,RP_RETAIL", ()),
    Change("RatingProfiles", "2026-01-01T00:00:00Z,RP_RETAIL", "2026-01-01T01:00:00+01:00,RP_RETAIL", ()),
    Change("RatingProfiles", "cgrates.org,call,1001,2026-01-01T00:00:00Z", "cgrates.org,*any,1001,2026-01-01T00:00:00Z", tuple(
        (tag, "is refused", "a length of time for what is counted") for tag in ("DR_CHRISTMAS", "DR_DE", "DR_MOBILE", "DR_PEAK"))),  # it counts for messages too
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_one_row_put_another_way(tmp_path: Path, change: Change) -> None:
    made = imported(folder(tmp_path / "plan", change.file, change.old, change.new))
    too = [each for each in made[0].not_carried if each.what.endswith("refused too")]
    assert not too or change.cost is REFUSED, too
    listed = [each for each in made[0].not_carried if each not in too]
    untold = [wanted for wanted in change.listed if not any(_tells(each, *wanted) for each in listed)]
    assert untold == [], listed
    assert [each for each in listed if not any(_tells(each, *wanted) for wanted in change.listed)] == []
    assert costs(made, "1001", "4930", 60) == change.cost


def _tells(each: Listed, tag: str, what: str, why: str) -> bool:
    return each.tag == tag and what in each.what and why in each.why


def test_what_is_refused_along_with_a_rate_is_told(tmp_path: Path) -> None:
    made = imported(folder(tmp_path / "plan", "DestinationRates", "RT_PEAK,*up,4,0,", "RT_PEAK,*near,4,0,"))
    told = [(each.file, each.line, each.tag, each.what) for each in made[0].not_carried]
    assert told == [
        ("DestinationRates.csv", 3, "DR_PEAK", "usage to DST_DE at RT_PEAK is refused"),
        ("RatingPlans.csv", 2, "DR_DE", "usage to DST_DE is refused too"),
        ("RatingPlans.csv", 4, "DR_CHRISTMAS", "usage to DST_DE is refused too"),
    ]
    assert costs(made, "1001", "4930", 60, EVENING) == REFUSED


def test_where_all_prefixes_have_a_plus_it_falls_away(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    path = place / "Destinations.csv"
    path.write_text(path.read_text().replace(",", ",+").replace("+Prefix", "Prefix"))
    made = imported(place)
    assert made[0].not_carried == []
    assert costs(made, "1001", "4930", 60) == 400_000


def test_prefixes_that_no_number_meets_are_told(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan", "Destinations", "DST_DE,49", "DST_DE,0049")
    assert translate(read(place), SETTINGS).assumed[0] == "1 prefix begins with 0, as written: no number in E.164 does"


def test_a_category_is_what_the_caller_says(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan", "RatingProfiles", "cgrates.org,sms", "cgrates.org,text")
    assert translate(read(place), SETTINGS).assumed[-1] == (
        "category text: rates with lengths of time are for voice, those of bare numbers for data"
    )
    settings = Settings("EUR", "UTC", services={**SERVICE_OF_CATEGORY, "text": Service.SMS})
    translated, catalogues = imported(place, settings)
    assert translated.assumed[-1] == "category text: sms"
    assert {rule.service for plan in catalogues[0].plans if plan.name == "rates-rp-sms-sms" for rule in plan.rules} == {Service.SMS}


def test_fallbacks_go_as_deep_as_told(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    for depth, cost in ((1, Status.NO_ZONE), (2, Status.NO_ZONE), (3, 1_000_100)):
        translated = translate(read(place), Settings("EUR", "UTC", f"deep-{depth}", fallback_depth=depth))
        made = translated, write(translated, tmp_path / f"deep-{depth}")
        assert costs(made, "europe", "1212", 90) == cost
        assert any("1 subjects deep" in text or "2 subjects deep" in text for text in translated.assumed) == (depth < 3)


def test_several_tenants_are_told_apart(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan", "RatingProfiles", "cgrates.org,sms,*any", "other.org,call,1001")
    translated, _ = imported(place)
    assert translated.plans[Key("other.org", "call", "1001")] == "other-org-call-1001"
    assert translated.plans[Key("cgrates.org", "call", "1001")] == "cgrates-org-call-1001"


def test_very_many_destinations_with_the_same_rates_are_one_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path / "plan", "Destinations", "DST_MOBILE,4915\n", "DST_MOBILE,4915\nDST_PAGER,4916\nDST_RADIO,4918\n")
    with (place / "DestinationRates.csv").open("a", encoding="utf-8") as file:
        file.write("DR_MOBILE,DST_PAGER,RT_MOBILE,*down,2,0,\nDR_MOBILE,DST_RADIO,RT_SMS,*down,2,0,\n")
    before = translate(read(place), SETTINGS).documents[0]
    monkeypatch.setattr("tariffs.cgrates.translation.MERGED_FROM", 2)
    made = imported(place)
    names = [[zone["name"] for zone in zones] for zones in (before["zones"], made[0].documents[0]["zones"])]
    assert names == [
        ["DST_DE+DST_EUROPE", "DST_MOBILE", "DST_PAGER", "DST_RADIO", "DST_EUROPE"],
        ["DST_DE+DST_EUROPE", "DST_MOBILE", "DST_RADIO", "DST_EUROPE"],
    ]
    assert made[0].assumed[0] == "destinations with the same rates are one zone, named after the first of them"
    assert [costs(made, "1001", to, 59) for to in ("491501", "491601", "491801")] == [290_000, 290_000, REFUSED]


@pytest.mark.parametrize(
    ("text", "name"), [("call-*any", "call-any"), ("a_B.c", "a-b-c"), ("***", "plan"), ("é", "plan"), ("x" * 90, "x" * 60)]
)
def test_names(text: str, name: str) -> None:
    assert slug(text) == name


def test_nobody_has_a_plan(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    (place / "RatingProfiles.csv").write_text("# none\n")
    with pytest.raises(UserError, match="gives no subject a plan"):
        translate(read(place), SETTINGS)


def test_more_times_than_a_calendar_holds(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    with (place / "Timings.csv").open("a") as times, (place / "RatingPlans.csv").open("a") as plans:
        for number in range(1_001):
            times.write(f"T{number},*any,*any,*any,*any,00:{number // 60:02d}:{number % 60:02d}\n")
            plans.write(f"RP_EUROPE,DR_MOBILE,T{number},1\n")
    made = imported(place)
    assert {each.why for each in made[0].not_carried} == {"1,001 times and rates, and a calendar holds 1,000"}
    assert costs(made, "europe", "4915", 60) is REFUSED
    assert costs(made, "europe", "4930", 60) == 300_000


def test_too_many_activation_times(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    rows = [f"t,call,{day},2026-01-01T00:00:{day % 60:02d}.{day:03d}Z,RP_ANY," for day in range(201)]
    (place / "RatingProfiles.csv").write_text("\n".join(rows))
    with pytest.raises(UserError, match="201 different activation times"):
        translate(read(place), SETTINGS)


def test_too_many_subjects(tmp_path: Path) -> None:
    place = folder(tmp_path / "plan")
    (place / "RatingProfiles.csv").write_text("\n".join(f"t,call,{number},*asap,RP_ANY," for number in range(2_000)))
    with pytest.raises(UserError, match="2,001 plans, and a catalogue holds 2,000"):
        translate(read(place), SETTINGS)


def test_an_identity_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be an identity"):
        translate(read(folder(tmp_path / "plan")), Settings("EUR", "UTC", "../x"))
