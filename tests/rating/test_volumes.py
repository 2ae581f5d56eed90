"""Volumes in the unit of their price: each figure can be worked out on the back of an envelope."""

from __future__ import annotations

import pytest

from rating.explain.volumes import unit_of, volume_text


@pytest.mark.parametrize(
    ("volume_bytes", "per_bytes", "text"),
    [
        (1_087_800_000, 10**6, "1,087.8 MB"),
        (1_087_800_000, 10**9, "1.0878 GB"),
        (1_087_800_000, 10 * 10**6, "1,087.8 MB"),  # 0.50 per 10 MB is a price of megabytes
        (1_087_373_312, 2**20, "1,037 MiB"),
        (1_087_374_336, 2**20, "1,037.000976… MiB"),
        (1_500, 10**9, "0.000001… GB"),
        (-5 * 10**9, 10**9, "-5 GB"),
        (0, 2**30, "0 GiB"),
        (1_234, 1_000, "1.234 KB"),
        (1_234, 1, "1,234 B"),
    ],
)
def test_a_volume_is_told_in_the_unit_of_its_price(volume_bytes: int, per_bytes: int, text: str) -> None:
    unit = unit_of(per_bytes)
    assert f"{volume_text(volume_bytes, unit)} {unit}" == text
