import Ledger
import X402

/// How a debt lies in the columns of `debt`.
enum DebtRow {
    static let select = """
        SELECT identity, network, asset, payer, client_hash, amount, since FROM debt ORDER BY since, identity
        """

    /// Binds a debt in the order in which `select` reads it.
    static func bind(_ debt: Debt, to statement: Statement) {
        statement.bind(debt.identity.key, at: 1)
        statement.bind(debt.key.network.name, at: 2)
        statement.bind(debt.key.asset.description, at: 3)
        statement.bind(debt.key.payer, at: 4)
        statement.bind(debt.client, at: 5)
        statement.bind(debt.amount, at: 6)
        statement.bind(debt.since, at: 7)
    }

    static func debt(from row: Statement) throws(LedgerError) -> Debt {
        guard let key = row.bytes32(0), let network = row.text(1).flatMap({ Network($0) }), let asset = row.text(2),
            let payer = row.text(3), let amount = row.amount(5), let since = row.time(6)
        else { throw .damagedRow }
        return Debt(
            identity: PaymentIdentity(key: key),
            key: PayerKey(network: network, asset: Account(asset), payer: payer), client: row.bytes32(4),
            amount: amount, since: since)
    }
}
