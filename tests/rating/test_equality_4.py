"""The kernel equals the twin, bit for bit: the fourth quarter of a million generated events."""

from __future__ import annotations

import pytest

from tests.rating import equality

pytestmark = pytest.mark.slow  # the first quarter is enough for a fast run


@pytest.mark.parametrize("seed", range(30, 40))
def test_kernel_equals_twin(seed: int) -> None:
    equality.check(seed)
