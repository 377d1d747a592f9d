if CommandLine.arguments.contains("ledger") {
    try await LedgerCost(count: 100_000).run(rounds: 9)
} else {
    var cost = try PaymentCost(count: 2048)
    try cost.run(rounds: 12)
}
