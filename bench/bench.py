#!/usr/bin/env python3
"""Measures Farebox against nginx and HAProxy on this machine, one core each, and prints ratios as a Markdown table.

The server under test runs on the first core, load and upstream on the second. Rounds are interleaved, their order reversed
every other time; a round during which anything else used the machine is repeated. The figure is CPU-seconds (user and
system, of all threads) per 100,000 requests: it says what the server costs, whatever the load generator can drive.

    bench/bench.py [--rounds 5] [--seconds 3] [--connections 64] [--held 10000] [--only free,402,tls,micro]
"""

import argparse
import subprocess
from datetime import date

from contenders import ROOT, Contenders
from measures import MEASURES, Measures
from table import HEADING


def micro():
    """The pure cost of a payment against the recovery alone, measured inside one Swift process."""
    subprocess.run(["swift", "build", "-c", "release", "--product", "farebox-micro"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    said = subprocess.run(["taskset", "-c", "0", ROOT / ".build" / "release" / "farebox-micro"], capture_output=True,
                          text=True, check=True)
    return said.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--held", type=int, default=10_000)
    parser.add_argument("--only", default=",".join([*MEASURES, "micro"]), help="words, from: %(default)s")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - {*MEASURES, "micro"}:
        parser.error(f"--only knows {', '.join([*MEASURES, 'micro'])}, not {', '.join(sorted(unknown))}")
    rows, contenders = [], Contenders()
    try:
        measures = Measures(contenders, options)
        for word, measure in MEASURES.items():
            if word in wanted:
                rows += measure(measures)
    finally:
        contenders.close()
    print(f"\nMeasured on {date.today()}; {options.rounds} rounds of {options.seconds} s, {options.connections} connections, "
          "medians, CPU-seconds per 100,000 requests where no other unit is named.\n")
    print("\n".join([HEADING, *rows]))
    if "micro" in wanted:
        print(f"\n```\n{micro()}\n```")


if __name__ == "__main__":
    main()
