var cost = try PaymentCost(count: 2048)
try cost.run(rounds: 12)
