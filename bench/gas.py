"""Gas per payment: singles against batches, in receipts of the tests' own chain.

Circle's FiatTokenV2_1 behind Circle's proxy, as the real networks run USDC; every account had a balance before, so that
no row carries the price of a first balance.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))

from chain.batch import Batcher, multicall, plain_call, token_call  # noqa: E402
from chain.contracts import multicall3  # noqa: E402
from chain.kit import ChainNode  # noqa: E402
from chain.tokens import MULTICALL3, circle_behind_proxy  # noqa: E402
from kit.payments import Payer, now  # noqa: E402

SIZES = (1, 10, 50, 100, 200)
AMOUNT = 10_000
MIXES = {
    "many payers, one payee": lambda count: (range(count), [0] * count),
    "one payer, one payee": lambda count: ([0] * count, [0] * count),
    "many payers, many payees": lambda count: (range(count), range(count)),
}
FORMS = {"`batchExecute`": plain_call, "`batchExecuteToken`": token_call, "Multicall3": multicall}


class Market:
    """Payers and payees who all have a balance, and their token."""

    def __init__(self, node, size):
        self.node = node
        self.token = circle_behind_proxy(node)
        self.payers, self.payees = ([Payer() for _ in range(size)] for _ in range(2))
        self.token.fund(*self.payers, *self.payees)
        self.batcher = Batcher(node)

    def payments(self, mix, count):
        payers, payees = MIXES[mix](count)
        return [
            self.payers[payer].sign(self.token.asset, self.payees[payee].address, AMOUNT, valid_before=now() + 7200)
            for payer, payee in zip(payers, payees)
        ]

    def single(self, mix):
        """The gas of one payment settled alone."""
        receipt = self.token.settle(*self.payments(mix, 1))
        assert receipt["status"] == "0x1"
        return int(receipt["gasUsed"], 16)

    def batch(self, form, mix, count):
        """The gas of each of `count` payments settled together."""
        to = MULTICALL3 if form == "Multicall3" else self.batcher.address
        data = FORMS[form](self.payments(mix, count))
        receipt = self.token.owner.try_transact(to, data, gas=16_000_000)
        assert receipt["status"] == "0x1" and len(receipt["logs"]) == 2 * count, "every payment is settled"
        return int(receipt["gasUsed"], 16) / count


def measure(sizes):
    node = ChainNode(alloc={MULTICALL3: {"code": multicall3()}})
    try:
        market = Market(node, max(sizes))
        for mix in MIXES:
            single = market.single(mix)
            for form in FORMS:
                yield mix, form, single, [market.batch(form, mix, count) for count in sizes]
    finally:
        node.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--json", action="store_true", help="one object per row")
    given = parser.parse_args()
    if not given.json:
        print("| payers and payees | form | alone | " + " | ".join(f"{size}" for size in given.sizes) + " |")
        print("|---|---|" + "---|" * (1 + len(given.sizes)))
    for mix, form, single, costs in measure(given.sizes):
        if given.json:
            print(json.dumps({"mix": mix, "form": form, "single": single, "per_payment": costs}))
        else:
            shown = " | ".join(f"{cost:,.0f} ({cost / single:.0%})" for cost in costs)
            print(f"| {mix} | {form} | {single:,} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
