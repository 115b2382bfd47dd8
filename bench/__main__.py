"""`python -m bench [FIGURE …]`: measure, print the table, and exit 1 if a figure is over its limit."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from bench import (
    attacked,
    audit_verify,
    beside_import,
    cluster,
    growth,
    importing,
    keys,
    kill,
    one_key,
    served,
    start,
    verify,
)
from bench.figure import Bench, Figure, Result
from bench.stores import Stores

FIGURES: dict[str, Figure] = {
    "start": start.first_frame,
    "memory": start.memory,
    "keys": keys.table_keys,
    "one-key": one_key.counts,
    "search": keys.search,
    "bytes": keys.wire,
    "verify": verify.beside_bare,
    "at-once": verify.many_at_once,
    "big": verify.big_beside_small,
    "pages": growth.pages,
    "served": served.beside_floor,
    "cluster": cluster.many_servers,
    "attacked": attacked.sign_in_under_attack,
    "kill": kill.lost_writes,
    "audit-verify": audit_verify.million_entries,
    "import": importing.import_time,
    "beside-import": beside_import.sign_in_beside,
}
_WIDTHS = (62, 10, 10, 13)
_HOW = 70


def main() -> int:
    options = _options()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="secconsole-bench-"))
    bench = Bench(Stores(folder, lambda text: bench.say(text)), options.users, options.quick, options.entries)
    started = time.monotonic()
    results: list[Result] = []
    try:
        for name in options.figures or FIGURES:
            for result in FIGURES[name](bench):
                bench.say("")
                if not results:
                    _print_row("figure", "measured", "limit", "", "how it was measured")
                results.append(result)
                _print_row(*_cells(result))
    finally:
        bench.say("")
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    over = sum(result.verdict == "OVER" for result in results)
    print(f"\n{over or 'No'} figure{'s' * (over > 1)} over the limit; {time.monotonic() - started:.0f} s in all.")
    return 1 if over else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the figures of the design and compare them with their limits."
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"only these: {' '.join(FIGURES)}")
    parser.add_argument("--users", type=int, metavar="N", help="the number of users in a big organisation (1,000,000)")
    parser.add_argument("--entries", type=int, default=0, metavar="N", help="entries of the long audit (1,000,000)")
    parser.add_argument("--quick", action="store_true", help="20,000 users and fewer rounds, for a rough result")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the filled stores here for the next run")
    options = parser.parse_args()
    if unknown := set(options.figures) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    options.users = options.users or (20_000 if options.quick else 1_000_000)
    return options


def _cells(result: Result) -> tuple[str, str, str, str, str]:
    measured = "–" if result.measured is None else _number(result.measured) + result.unit
    sign = "≥" if result.at_least else "≤"
    limit = "" if result.limit is None else f"{sign} {_number(result.limit)}{result.unit}"
    return result.what, measured, limit, result.verdict, result.how


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def _print_row(*cells: str) -> None:
    *short, how = cells
    lines = textwrap.wrap(how, _HOW) or [""]
    what = textwrap.wrap(short[0], _WIDTHS[0]) or [""]
    for number in range(max(len(lines), len(what))):
        first = number == 0
        parts = [what[number] if number < len(what) else "", *(cell if first else "" for cell in short[1:])]
        row = "".join(part.ljust(width + 1) for part, width in zip(parts, _WIDTHS, strict=True))
        print((row + (lines[number] if number < len(lines) else "")).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
