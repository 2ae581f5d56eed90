"""Files of each format's shape with any contents, made by hypothesis: rows, rejects and every byte accounted for, in one window or in many.

The slow tests run the same in a process whose kernels check the bounds of their arrays, with more examples.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mediation import accounting, fuzz, fuzz_shapes
from tests.mediation.fuzz_corpus import seeds
from tests.mediation.trickling import check_trickling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hypothesis.strategies import DataObject

    from mediation.sources.model import Source

EXAMPLES = int(os.environ.get("RATEWRIGHT_FUZZ_EXAMPLES", "15"))
FEW, MANY = 20, 300  # with bounds checked
SOURCES = {f"{seed.source.format}-{seed.source.name}": seed.source for seed in seeds() if seed.source.format != "canonical"}


@pytest.fixture(autouse=True)
def _small_windows() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in fuzz.SMALL:
            patch.setattr(module, name, value)
        yield


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_every_byte_of_any_shape_is_accounted_for(source: Source, tmp_path: Path, data: DataObject) -> None:
    content = data.draw(fuzz_shapes.files(source))
    path = tmp_path / "file"
    path.write_bytes(content)
    decoded = accounting.decode_and_account(path, content, source)
    if decoded is not None:
        check_trickling(decoded, content, source, data.draw(st.integers(1, 300)), b'"')


@pytest.mark.slow
@pytest.mark.parametrize("examples", [FEW, MANY])
def test_the_same_with_bounds_checked(examples: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", __file__],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "RATEWRIGHT_FUZZ_EXAMPLES": str(examples)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
