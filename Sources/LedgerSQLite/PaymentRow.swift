import Ledger
import Primitives
import X402

/// How an entry lies in the columns of `payment`.
enum PaymentRow {
    /// The columns, in the order in which they are bound (from 1) and read (from 0).
    enum Column: Int32, CaseIterable {
        case id, identity, value, service, updatedAt, createdAt, terms, amount, payer, target, validBefore
        case leaseUntil, waitingSince, redeliveries, railTransaction, reason, clientHash, grantHash
        case bodyLength, bodyDigest, bodyComplete, settlement, charge

        var parameter: Int32 { rawValue + 1 }

        /// The name in the schema: `updated_at`.
        var name: String {
            "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
        }
    }

    /// Reads payments with their terms; a condition follows.
    static let select = {
        let payment = Column.allCases.map { "p.\($0.name)" }
        let terms = Terms.columns.map { "t.\($0)" }
        let names = (payment + terms).joined(separator: ", ")
        return "SELECT \(names) FROM payment AS p JOIN terms AS t ON t.id = p.terms"
    }()

    /// Writes a new row; nothing happens where the identity is known.
    static let insert = {
        let names = Column.allCases.map(\.name).joined(separator: ", ")
        let values = Column.allCases.map { "?\($0.parameter)" }.joined(separator: ", ")
        return "INSERT INTO payment (\(names), is_rewritten) VALUES (\(values), 0) ON CONFLICT (identity) DO NOTHING"
    }()

    /// Writes everything but the key anew.
    static let update = {
        let changes = Column.allCases.filter { $0 != .id && $0 != .identity }
            .map { "\($0.name) = ?\($0.parameter)" }.joined(separator: ", ")
        return "UPDATE payment SET \(changes), is_rewritten = 1 WHERE id = ?\(Column.id.parameter)"
    }()
}

// MARK: - Binding

extension PaymentRow {
    /// Binds an entry to `insert` or `update`; a row key of zero leaves the key to the store.
    static func bind(_ entry: PaymentEntry, terms: Int64, to statement: Statement) {
        let record = entry.record
        if record.reference.row != 0 { statement.bind(record.reference.row, .id) }
        statement.bind(record.reference.identity.key, .identity)
        statement.bind(Int64(record.state.value.rawValue), .value)
        statement.bind(Int64(record.state.service.rawValue), .service)
        statement.bind(record.updatedAt, .updatedAt)
        statement.bind(record.createdAt, .createdAt)
        statement.bind(terms, .terms)
        statement.bind(record.claim.amount, .amount)
        statement.bind(record.claim.payer, .payer)
        switch record.claim.owner {
        case .paywall(let binding): statement.bind(binding.target, .target)
        case .seller(let binding): statement.bind(binding.call, .target)
        }
        statement.bind(record.claim.validBefore, .validBefore)
        statement.bind(record.leaseUntil, .leaseUntil)
        statement.bind(entry.waitingSince, .waitingSince)
        statement.bind(Int64(record.redeliveries), .redeliveries)
        statement.bind(record.transaction, .railTransaction)
        statement.bind(record.reason, .reason)
        statement.bind(entry.client, .clientHash)
        statement.bind(entry.grant, .grantHash)
        if let body = record.body {
            statement.bind(Int64(clamping: body.length), .bodyLength)
            statement.bind(body.digest, .bodyDigest)
            statement.bind(body.isComplete ? 1 : 0, .bodyComplete)
        }
        if let charge = record.charge { statement.bind(charge, .charge) }
        record.claim.settlement?.withUnsafeBytes { statement.bind($0, at: Column.settlement.parameter) }
    }
}

extension Statement {
    fileprivate func bind(_ value: Int64, _ column: PaymentRow.Column) { bind(value, at: column.parameter) }
    fileprivate func bind(_ time: UnixTime?, _ column: PaymentRow.Column) { bind(time, at: column.parameter) }
    fileprivate func bind(_ bytes: Bytes32?, _ column: PaymentRow.Column) { bind(bytes, at: column.parameter) }
    fileprivate func bind(_ text: String?, _ column: PaymentRow.Column) { bind(text, at: column.parameter) }
    fileprivate func bind(_ amount: UInt256, _ column: PaymentRow.Column) { bind(amount, at: column.parameter) }
}

// MARK: - Reading

extension PaymentRow {
    /// The entry under the cursor of a `select`.
    static func entry(from row: Statement) throws(LedgerError) -> PaymentEntry {
        guard let claim = claim(from: row),
            let value = UInt8(exactly: row.integer(.value)).flatMap(ValueState.init(rawValue:)),
            let service = UInt8(exactly: row.integer(.service)).flatMap(ServiceState.init(rawValue:))
        else { throw .damagedRow }
        let record = PaymentRecord(
            reference: PaymentReference(identity: claim.identity, row: row.integer(.id)), claim: claim,
            state: PaymentState(value: value, service: service),
            createdAt: UnixTime(row.integer(.createdAt)), updatedAt: UnixTime(row.integer(.updatedAt)),
            transaction: row.text(.railTransaction), reason: row.text(.reason),
            redeliveries: Int(row.integer(.redeliveries)),
            // The short way of `delivered` leaves the lease in its column.
            leaseUntil: service == .forwarding ? row.time(.leaseUntil) : nil,
            body: body(from: row), charge: row.amount(.charge))
        return PaymentEntry(
            record: record, grant: row.bytes32(.grantHash), client: row.bytes32(.clientHash),
            waitingSince: row.time(.waitingSince))
    }

    private static func claim(from row: Statement) -> Claim? {
        guard let terms = Terms(from: row, first: Int32(Column.allCases.count)),
            let key = row.bytes32(.identity), let amount = row.amount(.amount), let payer = row.text(.payer),
            let target = row.bytes32(.target)
        else { return nil }
        let owner: ClaimOwner =
            switch terms.owner {
            case .paywall: .paywall(RequestBinding(route: terms.route, method: terms.method, target: target))
            case .seller: .seller(SellerBinding(seller: terms.route, call: target))
            }
        return Claim(
            identity: PaymentIdentity(key: key), owner: owner, adapter: terms.adapter, form: terms.form,
            timing: terms.timing, scheme: terms.scheme, network: terms.network, asset: terms.asset, amount: amount,
            payTo: terms.payTo, payer: payer, validBefore: row.time(.validBefore),
            settlement: row.bytes(Column.settlement.rawValue))
    }

    private static func body(from row: Statement) -> BodyPrint? {
        guard let digest = row.bytes32(.bodyDigest) else { return nil }
        return BodyPrint(
            length: UInt64(clamping: row.integer(.bodyLength)), digest: digest,
            isComplete: row.integer(.bodyComplete) != 0)
    }
}

extension Statement {
    fileprivate func integer(_ column: PaymentRow.Column) -> Int64 { integer(column.rawValue) }
    fileprivate func time(_ column: PaymentRow.Column) -> UnixTime? { time(column.rawValue) }
    fileprivate func text(_ column: PaymentRow.Column) -> String? { text(column.rawValue) }
    fileprivate func bytes32(_ column: PaymentRow.Column) -> Bytes32? { bytes32(column.rawValue) }
    fileprivate func amount(_ column: PaymentRow.Column) -> UInt256? { amount(column.rawValue) }
}
