"""Facts about parties in files: stored once, every mistake with its place, and exported as they were. On both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import accounts
from billing.accounts import exporting
from billing.accounts.importing.step import Count
from billing.accounts.parties import kinds, recording, stored
from billing.accounts.parties.recording import Named
from billing.accounts.parties.stored import NewFact
from billing.store import tables
from rating.errors import ProblemsError
from server.actions.parties import values_of
from tests.billing.accounts import operator_home
from tests.billing.accounts.operator_home import ANN, ASKED, NOW_US, day, make, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.store.home import Home

pytestmark = pytest.mark.slow
PARTY_FACTS = """
account_id,kind,name,from_date,to_date,detail
A1,identity,,2026-01-01,,"{""name"": ""Muster, GmbH"", ""category"": ""business""}"
A1,address,billing,2026-01-01,,"{""city"": ""Berlin"", ""country"": ""de""}"
A1,address,billing,2026-03-01,2026-04-01,"{""city"": ""Bonn"", ""country"": ""DE""}"
A1,tax_id,vat,2026-01-01,,"{""number"": ""DE 136 695 976""}"
A2,contact,billing,2026-01-01,,"{""email"": ""Eva@example.com""}"
A2,consent,marketing,2026-01-01,,"{""given"": false}"
A2,delivery,,2026-01-01,,"{""channel"": ""email"", ""itemised"": ""none""}"
"""
ISSUER_FACTS = """
entity,kind,name,from_date,to_date,detail
,identity,,2026-01-01,,"{""name"": ""Ratewright Mobile""}"
north,legal_text,footer,2026-01-01,,"{""texts"": {""en"": ""Bye"", ""de"": ""Ade""}}"
"""
FILES = {"party_facts": PARTY_FACTS, "issuer_facts": ISSUER_FACTS}


@pytest.fixture
def home(tmp_path: Path, both: str) -> Iterator[Home]:
    assert both
    with make(tmp_path, **FILES) as opened:
        yield opened


def header(name: str) -> str:
    return getattr(operator_home, name.upper()).lstrip().splitlines()[0] + "\n"


def rows(home: Home) -> int:
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.party_facts)).scalar_one())


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def test_the_same_rows_again_change_nothing(home: Home, tmp_path: Path) -> None:
    assert rows(home) == 9
    report = accounts.import_files(home, write(tmp_path / "again", **FILES), NOW_US + 1, by=ANN)
    assert (report.party_facts, report.issuer_facts, report.commit_seq) == (Count(0, 7), Count(0, 2), None)
    assert rows(home) == 9
    with home.connect() as connection:
        facts = stored.of_accounts(connection)
    assert [fact.detail for fact in facts if fact.kind == "address"] == [kinds.Address("Berlin", "DE"), kinds.Address("Bonn", "DE")]
    assert {fact.by_name for fact in facts} == {"ann"}


def test_what_a_command_recorded_is_known_to_an_import(home: Home, tmp_path: Path) -> None:
    fact = NewFact("note", "visit", day("2026-01-01"), None, kinds.Note("Calls first."))
    recording.record(home, ASKED, Named("A3"), fact)
    more = 'A3,note,visit,2026-01-01,,"{""text"": "" Calls first. ""}"\n'
    report = accounts.import_files(home, write(tmp_path / "in", party_facts=PARTY_FACTS + more), NOW_US + 1, by=ANN)
    assert (report.party_facts, report.commit_seq) == (Count(0, 8), None)


def test_an_end_that_was_open_may_be_learned_later(home: Home, tmp_path: Path) -> None:
    ended = PARTY_FACTS.replace("A2,contact,billing,2026-01-01,,", "A2,contact,billing,2026-01-01,2026-07-01,")
    report = accounts.import_files(home, write(tmp_path / "in", party_facts=ended), NOW_US + 1, by=ANN)
    assert report.party_facts == Count(0, 6, 1)
    with home.connect() as connection:
        assert [str(each.to_date) for each in stored.of_accounts(connection) if each.kind == "contact"] == ["2026-07-01"]


# a row that follows, its place and what is wrong
MISTAKES = [
    ('A1,identity,,2026-01-01,,"{""name"": ""X"", ""category"": ""business""}"', "kind: identity from 2026-01-01 is on line 2 already"),
    ('A9,note,x,2026-01-01,,"{""text"": ""y""}"', "account_id: account A9 is unknown"),
    ("A1,style,,2026-01-01,,{}", "kind: 'style' is not a kind of fact here"),
    ('A1,note,X,2026-01-01,,"{""text"": ""y""}"', "name: 'X' cannot be used as a name"),
    ("A1,note,x,2026-01-01,,{}", "detail: note: text: is missing"),
    ("A1,note,x,2026-13-01,,{}", "from_date: '2026-13-01' is not a date"),
    ('A1,note,x,2026-02-01,2026-02-01,"{""text"": ""y""}"', "to_date: to_date 2026-02-01 is not after from_date 2026-02-01"),
    ("A1,note,x,2026-01-01,,[]", "detail: '[]' is not a JSON object"),
    ('A1,note,x,2026-01-01,,"{""text"": ""\\ud800""}"', "detail: "),
    ('A1,note,x,2026-01-01,,"{""text"": ""a\\u0000b""}"', "detail: note: text: holds control characters"),
    ('A1,note,x,2026-01-01,,"{""text"": 7}"', "detail: note: text: '7' cannot be used"),
    ('A1,note,x,2026-01-01,,"{""text"": ""y"", ""city"": ""z""}"', "detail: note: city: there is no such field"),
    ('A1,note,x,2026-01-01,,"{""text"": ""y"", ""te\\u0078t"": ""z""}"', "detail: the key 'text' is there twice"),
    ('A1,note,x,2026-01-01,,"{""text"": {""en"": 1, ""en"": 2}}"', "detail: the key 'en' is there twice"),
    ('A1,tax_id,vat,2026-02-01,,"{""number"": ""DE136695977""}"', "detail: tax_id: number: the check digit of DE136695977 is wrong"),
    (f'A1,note,x,2026-01-01,,"{{""text"": ""{"y" * 2_001}""}}"', "detail: note: text: has 2,001 characters, 2,000 at most"),
    ('A1,tax_id,tax_number,2026-01-01,,"{""number"": ""' + "\ufb03" * 14 + '""}"', "detail: tax_id: number: has 42 characters, 40 at most"),
    (f'A1,note,x,2026-01-01,,"{{""text"": {"[" * 50_000}{"]" * 50_000}}}"', "detail: '{\"text\": [["),
    (f'A3,identity,,2026-01-01,,"{{""name"": ""{"y" * 2_000}"", ""category"": ""public""}}"', "detail: identity: name: has 2,000"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "told"), MISTAKES, ids=[told for _, told in MISTAKES])
def test_a_mistake_is_told_with_its_place(home: Home, tmp_path: Path, row: str, told: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", party_facts=PARTY_FACTS + row + "\n"), NOW_US)
    [problem] = caught.value.problems
    assert (problem.file, f"{problem.path}: {problem.message}"[: len(told) + 8]) == ("party_facts.csv", f"line 9, {told}")
    assert problem.remedy
    assert rows(home) == 9


AS_CITY = 'write it as {"city": "Berlin"}, quotes doubled in CSV'
PARTS = "exemption: texts.en: is a part of texts, and is given inside it"
TEXTS = 'north,exemption,x,2026-01-01,,"{{""texts"": {{""en"": ""a""{0}}}{1}}}"'
# file, a row that follows -> message, remedy
REMEDIES = [
    ("party_facts", "A1,note,x,2026-01-01,,[]", "is not a JSON object", AS_CITY),
    ("issuer_facts", "north,address,x,2026-01-01,,[]", "is not a JSON object", AS_CITY),
    ("issuer_facts", TEXTS.format("", ', ""texts.en"": ""b""'), PARTS, 'write it as "texts": {"en": ...}'),
    ("issuer_facts", TEXTS.format(', ""en"": ""b""', ""), "the key 'en' is there twice", "give each key once"),
]


@pytest.mark.parametrize(("name", "row", "message", "remedy"), REMEDIES)
def test_a_remedy_is_of_its_file(home: Home, tmp_path: Path, name: str, row: str, message: str, remedy: str) -> None:  # noqa: PLR0913, PLR0917 -- columns of the table
    known = {"party_facts": PARTY_FACTS, "issuer_facts": ISSUER_FACTS}[name]
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", **{name: known + row + "\n"}), NOW_US)
    [problem] = caught.value.problems
    assert (problem.file, problem.path) == (f"{name}.csv", f"line {len(known.strip().splitlines()) + 1}, detail")
    assert problem.message.endswith(message)
    assert problem.remedy == remedy


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("texts=a texts.en=b", "texts: is given as a whole and in parts"),
        ("texts.en=b texts=a", "texts: is given as a whole and in parts"),
        ("texts.en=b texts.en=a", "texts.en: is given twice"),
        ("code=b code=a", "code: is given twice"),
    ],
)
def test_words_of_a_command_are_given_whole_or_in_parts(words: str, told: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        values_of(words.split(), "exemption")
    assert [f"{each.path}: {each.message}" for each in caught.value.problems] == [told]
    assert values_of(["code=b", "texts.en=a"], "exemption") == {"code": "b", "texts": {"en": "a"}}


def test_other_data_of_a_known_fact_are_mistakes(home: Home, tmp_path: Path) -> None:
    changed = PARTY_FACTS.replace("Berlin", "Potsdam").replace("2026-04-01", "2026-05-01")
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", party_facts=changed), NOW_US)
    assert [(each.path, each.message) for each in caught.value.problems] == [
        ("line 3, detail", "address billing from 2026-01-01 exists with city 'Berlin', not 'Potsdam'"),
        ("line 4, to_date", "address billing from 2026-03-01 exists with to_date '2026-04-01', not '2026-05-01'"),
    ]


def test_an_issuer_that_was_not_added_is_a_mistake(home: Home, tmp_path: Path) -> None:
    more = 'south,note,x,2026-01-01,,"{""text"": ""y""}"\nno rth,note,x,2026-01-01,,{}\nnorth,delivery,,2026-01-01,,{}\n'
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", issuer_facts=ISSUER_FACTS + more), NOW_US)
    assert [(each.path, each.message) for each in caught.value.problems] == [
        ("line 4, entity", "no legal entity is called 'south'"),
        ("line 5, entity", "'no rth' cannot be used"),
        ("line 6, kind", "'delivery' is not a kind of fact here"),
    ]


@pytest.mark.parametrize("detail", [b'{"text": "' + b"y" * 1_000_000 + b'"}', b"[1]", b"7", b'"x"', b'{"text": {"a": 1}}'])
def test_a_document_with_another_detail_is_refused(home: Home, tmp_path: Path, detail: bytes) -> None:
    """One of a megabyte, and JSON of another kind."""
    row = b'{"account_id": "A1", "kind": "note", "name": "x", "from_date": "2026-01-01", "detail": ' + detail + b"}"
    (tmp_path / "facts.json").write_bytes(b'{"party_facts": [' + row + b"]}")
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, tmp_path / "facts.json", NOW_US)
    [problem] = caught.value.problems
    assert (problem.file, problem.path) == ("facts.json", "party_facts[0], detail")
    assert len(problem.message) < 2_100
    assert rows(home) == 9


@pytest.mark.parametrize("depth", [900, 1_000, 3_000, 10_000, 100_000])
def test_a_document_that_is_nested_too_deeply_is_refused(home: Home, tmp_path: Path, depth: int) -> None:
    deep = b'{"text": ' + b"[" * depth + b"]" * depth + b"}"
    row = b'{"account_id": "A1", "kind": "note", "name": "x", "from_date": "2026-01-01", "detail": ' + deep + b"}"
    (tmp_path / "facts.json").write_bytes(b'{"party_facts": [' + row + b"]}")
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, tmp_path / "facts.json", NOW_US)
    problems = [each for each in caught.value.problems if "is missing" not in each.message]
    assert [(each.file, bool(each.path), bool(each.remedy), len(each.message) < 500) for each in problems] == [
        ("facts.json", True, True, True)
    ]
    assert rows(home) == 9


def test_of_very_many_mistakes_some_are_told_and_the_others_counted(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes a row, five of them told: the third row is the last that is looked at, and no transaction begins."""
    monkeypatch.setattr("billing.accounts.importing.sheets.MISTAKES_MAX", 5)
    monkeypatch.setattr(type(home), "begin", None)
    lines = "".join(f'A1,note,N{number},2026-01-01,,"{{""text"": """"}}"\n' for number in range(100))
    with pytest.raises(ProblemsError) as caught:
        accounts.import_files(home, write(tmp_path / "in", party_facts=PARTY_FACTS + lines), NOW_US)
    told = caught.value.problems
    assert [each.path for each in told[:5]] == ["line 9, name", "line 9, detail", "line 10, name", "line 10, detail", "line 11, name"]
    assert [each.message for each in told[5:]] == ["5 mistakes are listed, and 1 more were found; the rows after them were not checked"]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_largest_fact_is_exported_and_imported(home: Home, tmp_path: Path, form: str) -> None:
    """Quotes are two bytes as JSON, and doubled in CSV; 16 texts of 2,000 have 64,000 bytes and their languages."""
    texts_of = {f"a{letter}": '"' * 2_000 for letter in "bcdefghijklmnopq"}
    fact = NewFact("legal_text", "dunning", day("2026-01-01"), None, kinds.LegalText(texts_of))
    recording.record(home, ASKED, Named(entity="north"), fact)
    exporting.export_files(home, tmp_path / "out", form)
    given = tmp_path / "out" if form == "csv" else tmp_path / "out" / "accounts.json"
    assert accounts.import_files(home, given, NOW_US).issuer_facts == Count(0, 3)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_imported_into_a_new_home_exports_equally(home: Home, tmp_path: Path, form: str) -> None:
    recording.retract(home, ASKED, Named("A2"), _fact_of(home, "consent"), "mistyped")
    recording.end(home, ASKED, Named("A1"), "tax_id", "vat", day("2026-06-30"))
    exporting.export_files(home, tmp_path / "out", form)
    given = tmp_path / "out" if form == "csv" else tmp_path / "out" / "accounts.json"
    before = rows(home)
    assert accounts.import_files(home, given, NOW_US).commit_seq is None, "into the same home it changes nothing"
    assert rows(home) == before
    empty = {name: header(name) for name in ("accounts", "subscriptions", "numbers")}
    with make(tmp_path / "second", **empty) as second:
        accounts.import_files(second, given, NOW_US)
        exporting.export_files(second, tmp_path / "again", form)
        assert rows(second) == 8
    assert texts(tmp_path / "again") == texts(tmp_path / "out")
    if form == "csv":
        lines = (tmp_path / "out" / "party_facts.csv").read_text().splitlines()
        assert lines[:2] == [
            "account_id,kind,name,from_date,to_date,detail",
            'A1,address,billing,2026-01-01,,"{""city"":""Berlin"",""country"":""DE""}"',
        ]
        assert 'A2,delivery,,2026-01-01,,"{""channel"":""email""}"' in lines
        assert 'A1,tax_id,vat,2026-01-01,2026-07-01,"{""number"":""DE136695976""}"' in lines
    else:
        document = msgspec.json.decode(given.read_bytes())
        assert document["issuer_facts"][0] == {
            "entity": "",
            "kind": "identity",
            "name": "",
            "from_date": "2026-01-01",
            "detail": {"name": "Ratewright Mobile"},
        }


def test_rows_do_not_take_a_query_each(home: Home, tmp_path: Path) -> None:
    """As many statements for a hundred facts as for three."""
    top = PARTY_FACTS.lstrip().splitlines(keepends=True)[0]
    lines = [f'A3,note,n{number},2026-01-01,,"{{""text"": ""y""}}"\n' for number in range(100)]
    few, many = (_statements(home, write(tmp_path / str(count), party_facts=top + "".join(lines[:count]))) for count in (3, 100))
    assert few == many > 5


def _statements(home: Home, folder: Path) -> int:
    """The number of statements of an import that is only tried."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(home.engine, "before_cursor_execute", note)
    try:
        accounts.import_files(home, folder, NOW_US, dry_run=True)
    finally:
        sa.event.remove(home.engine, "before_cursor_execute", note)
    return len(seen)


def _fact_of(home: Home, kind: str) -> int:
    with home.connect() as connection:
        return next(each.fact_id for each in stored.of_accounts(connection) if each.kind == kind)
