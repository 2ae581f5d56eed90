"""Lives by the hundred: python -m tests.lives --seed 1 --lives 100. A life that fails is told again with the fewest acts."""

from __future__ import annotations

import argparse
import collections
import sys

from tests.lives.living import Lived, live, shrunk


def main() -> int:
    """Exit status 1 where any life failed."""
    words = argparse.ArgumentParser(prog="tests.lives")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--lives", type=int, default=100)
    words.add_argument("--kills", type=int, default=0, help="real SIGKILLs a life")
    words.add_argument("--days", type=int, default=430)
    words.add_argument("--keep", action="store_true", help="do not shrink")
    asked = words.parse_args()
    failed = 0
    taken: collections.Counter[str] = collections.Counter()
    for seed in range(asked.seed, asked.seed + asked.lives):
        lived = live(seed, kills=asked.kills, days=asked.days)
        refused = sum(": refused" in each for each in lived.said)
        taken.update(each.split("(")[0].split()[-1] for each in lived.said if ": " not in each)
        say(f"life {seed}: {len(lived.acts)} acts, {refused} refused, {len(lived.wrong)} wrong")
        if lived.wrong:
            failed += 1
            show(lived if asked.keep else shrunk(lived, fresh=lived.wrong[0].startswith("a fresh home")))
    say("acts that were taken: " + ", ".join(f"{name} {count}" for name, count in taken.most_common()))
    return int(failed > 0)


def show(lived: Lived) -> None:
    """What was told, what came of it."""
    say("\n".join([f"  {lived.start}", *(f"    {each}" for each in lived.said), *(f"  WRONG {each}" for each in lived.wrong[:12])]))


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
