"""Hashes of many texts are those of the standard library."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from billing import ledger
from billing.blake2b import DIGEST_BYTES, hashes


def expected(texts: list[str]) -> list[bytes]:
    return [hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest() for text in texts]


def test_every_length_up_to_three_blocks() -> None:
    texts = [chr(97 + size % 26) * size for size in range(385)]
    assert hashes(pa.array(texts)).to_pylist() == expected(texts)


@pytest.mark.parametrize(
    "texts", [[""], ["R-0000000001\0" + "12\0line"], ["电信" * 70, "\U0001f4de", ""], []], ids=["empty", "posting", "wide", "none"]
)
def test_any_text(texts: list[str]) -> None:
    assert hashes(pa.array(texts, pa.string())).to_pylist() == expected(texts)


def test_a_slice_is_hashed_by_its_own_rows() -> None:
    texts = [f"document {number}" for number in range(50)]
    assert hashes(pa.array(texts)[7:9]).to_pylist() == expected(texts[7:9])


@pytest.mark.parametrize("rows", [3, ledger.FEW_IDS, ledger.FEW_IDS + 1])
def test_ids_of_postings_are_the_same_for_few_and_for_many(rows: int) -> None:
    names = [f"R-{number:010d}" for number in range(rows)]
    postings = pa.table({"document": names, "line_no": list(range(rows)), "leg": ["tax"] * rows})
    ids = ledger.ids_of(postings)
    assert ids.type == pa.binary(ledger.ID_BYTES)
    assert ids.to_pylist() == [ledger.posting_id(name, line_no, "tax") for line_no, name in enumerate(names)]
