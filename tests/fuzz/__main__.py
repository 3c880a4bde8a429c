"""Coverage-guided fuzzing with atheris: ``python -m tests.fuzz TARGET --runs N``; without a target, it lists them.

What is found on the way is kept in ``.fuzz/`` for the next run; an input that breaks a target is written there too.
Put it into ``tests/fuzz/corpus/TARGET/``, where it is a failing test, and then mend the parser.
"""

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway"]):
    from tests.fuzz.kit import kit_inputs
    from tests.fuzz.seeding import write
    from tests.fuzz.table import CORPUS, TARGETS

FOUND = Path(__file__).parents[2] / ".fuzz"
MAX_INPUT_BYTES = 64 * 1024
LIMITS = ("-timeout=20", "-rss_limit_mb=3072", "-print_final_stats=1", "-reload=0")  # seconds an input; MiB in all


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzes one parser.")
    parser.add_argument("target", nargs="?", choices=sorted(TARGETS))
    parser.add_argument("--runs", type=int, default=-1, help="inputs to try; without it, as long as --seconds")
    parser.add_argument(
        "--seconds", type=int, default=0, help="time to go on for; 0: until --runs are done, or for ever"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; 0: another one each time")
    asked = parser.parse_args()
    if not asked.target:
        sys.stdout.write("\n".join([*sorted(TARGETS), ""]))
        return
    found, broken = FOUND / asked.target, FOUND / "broken"
    for folder in (found, broken):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in kit_inputs():
        if name == asked.target:
            write(name, data, FOUND)
    bounds = (f"-runs={asked.runs}", f"-max_total_time={asked.seconds}", f"-seed={asked.seed}")
    files = (f"-artifact_prefix={broken}/{asked.target}-", str(found), str(CORPUS / asked.target))
    atheris.Setup([sys.argv[0], *LIMITS, f"-max_len={MAX_INPUT_BYTES}", *bounds, *files], TARGETS[asked.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
