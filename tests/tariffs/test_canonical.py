"""Equal tariffs have equal bytes and equal hashes, whatever the layout; another word gives another hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rating import fees, model
from tariffs import canonical
from tariffs.reading.load import load
from tests.tariffs import rich
from tests.tariffs.sample import SAMPLE, changed, loaded

CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"


@pytest.mark.parametrize("folder", ["mobile", "mobile-2026-10-15", "sip-trunk"])
def test_there_and_back(folder: str) -> None:
    catalogue = load(CATALOGS / folder)
    document = canonical.encode(catalogue)
    assert canonical.decode(document) == catalogue
    assert canonical.encode(canonical.decode(document)) == document
    assert canonical.digest(document) == catalogue.content_hash


def test_there_and_back_with_every_field_of_the_model(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, rich.RICH)
    assert canonical.decode(canonical.encode(catalogue)) == catalogue


@pytest.mark.parametrize("text", [SAMPLE, rich.RICH, SAMPLE.replace("{en: Basic, zh: 基本}", '{content_hash: "", en: Basic}')])
def test_the_form_is_sorted_json_of_every_field_but_the_hash(tmp_path: Path, text: str) -> None:
    catalogue = loaded(tmp_path, text)
    fields = msgspec.to_builtins(catalogue)
    del fields["content_hash"]
    assert canonical.encode(catalogue) == msgspec.json.encode(fields, order="sorted")


def test_a_field_that_has_its_default_is_left_out(tmp_path: Path) -> None:
    """So that a word which is new in the language changes no hash of a tariff that does not use it."""
    document = canonical.encode(loaded(tmp_path, SAMPLE))
    assert b"add_ons" not in document
    assert b"minimum_qty" not in document
    assert b"identity" in document
    assert all(
        kind.__struct_config__.omit_defaults
        for kind in vars(model).values()
        if isinstance(kind, type(msgspec.Struct)) and kind.__module__ in {model.__name__, fees.__name__}
    )


def test_a_pool_is_the_same_bytes_under_its_old_and_its_new_word(tmp_path: Path) -> None:
    """So that published versions and their hashes stand. What is granted once is another tariff."""
    pooled = loaded(tmp_path, rich.RICH)
    assert b'"shared":true' in canonical.encode(pooled)
    old = loaded(tmp_path, rich.RICH.replace("shared: pooled", "shared: true"))
    assert (canonical.encode(old), old.content_hash) == (canonical.encode(pooled), pooled.content_hash)
    once = loaded(tmp_path, rich.RICH.replace("shared: pooled", "shared: one"))
    assert once.content_hash != pooled.content_hash
    assert sum(each.granted_once for each in pooled.plans[0].allowances) == 1
    assert canonical.encode(once).count(b'"granted_once":true') == canonical.encode(pooled).count(b'"granted_once":true') + 1


def test_what_an_earlier_edition_wrote_is_read(tmp_path: Path) -> None:
    """It wrote fields that have their default too. The hash stays that of the bytes that are kept."""
    catalogue = loaded(tmp_path, rich.RICH)
    document = msgspec.json.encode(_spelt_out(catalogue), order="sorted")
    read = canonical.decode(document)
    assert b'"minimum_qty":0' in document
    assert msgspec.structs.replace(read, content_hash=catalogue.content_hash) == catalogue
    assert read.content_hash == canonical.digest(document) != catalogue.content_hash


def test_what_the_first_edition_wrote_is_read(tmp_path: Path) -> None:
    """An allowance had one `service`, which gave its unit. The hash stays that of the bytes that are kept."""
    catalogue = loaded(tmp_path, SAMPLE)
    fields = _spelt_out(catalogue)
    del fields["content_hash"], fields["roaming_zones"], fields["home_timezones"]
    for allowance in fields["plans"][0]["allowances"]:
        allowance["service"] = allowance.pop("services")[0]
        del allowance["unit"], allowance["draw"]
    document = msgspec.json.encode(fields, order="sorted")
    read = canonical.decode(document)
    assert msgspec.structs.replace(read, content_hash=catalogue.content_hash) == catalogue
    assert read.content_hash == canonical.digest(document) != catalogue.content_hash


def _spelt_out(value: Any) -> Any:  # noqa: ANN401 - a struct of the model, or what stands in one
    """As plain objects, with every field: what `omit_defaults` leaves out too."""
    if isinstance(value, msgspec.Struct):
        return {name: _spelt_out(getattr(value, name)) for name in value.__struct_fields__}
    return [_spelt_out(item) for item in value] if isinstance(value, tuple) else msgspec.to_builtins(value)


@pytest.mark.parametrize("document", [b"{}", b"[]", b'{"plans": 3}', b'{"plans": [{"allowances": [{"service": 9}]}]}', b'{"plans": []}'])
def test_other_json_is_no_catalogue(document: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        canonical.decode(document)


SAME = [
    ("{en: Basic, zh: 基本}", "{zh: 基本, en: Basic}"),
    ("{id: 1, name: land,", "{name: land, id: 1,"),
    ('["1", "86"]', '["86", "1"]'),
    ("per: 60s\n    rates", "per: 1min\n    rates"),
    ("2026-01-01T00:00:00+01:00", '"2025-12-31T23:00:00Z"'),
    ("identity: sample", "# a comment\nidentity:   'sample'"),
    ('amount: "9.99"', 'amount: "9.990000"'),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_the_layout_says_nothing(tmp_path: Path, old: str, new: str) -> None:
    one, other = loaded(tmp_path, SAMPLE), loaded(tmp_path, changed(old, new))
    assert (one, one.content_hash) == (other, other.content_hash)


OTHER = [
    ("version: 1", "version: 2"),
    ('rate: "0.09"', 'rate: "0.090001"'),
    ("zh: 示例价格。", "zh: 示例价格"),
    ("timing: advance", "timing: arrears"),
    ('["1", "86"]', '["1", "87"]'),
    ("price: null", "price: sms"),
]


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_every_word_counts(tmp_path: Path, old: str, new: str) -> None:
    assert loaded(tmp_path, SAMPLE).content_hash != loaded(tmp_path, changed(old, new)).content_hash


def test_a_changed_byte_changes_the_hash_or_cannot_be_read() -> None:
    document = canonical.encode(load(CATALOGS / "mobile"))
    true_hash = canonical.digest(document)
    for position in range(0, len(document), 97):
        tampered = document[:position] + bytes([document[position] ^ 1]) + document[position + 1 :]
        try:
            assert canonical.decode(tampered).content_hash != true_hash
        except msgspec.DecodeError:
            continue


def test_the_hash_is_no_part_of_what_is_hashed(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, SAMPLE)
    assert canonical.encode(catalogue) == canonical.encode(msgspec.structs.replace(catalogue, content_hash=b""))
    assert canonical.sealed(msgspec.structs.replace(catalogue, content_hash=b"")) == catalogue
