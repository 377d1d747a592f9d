if CommandLine.arguments.contains("ledger") {
    try await LedgerCost(count: 100_000).run(rounds: 9)
} else if CommandLine.arguments.contains("metering") {
    try MeteringCost().run(rounds: 31)
} else {
    var cost = try PaymentCost(count: 2048)
    try cost.run(rounds: 12)
    try MeteringCost().run(rounds: 31)
}
