import ArgumentParser
import Foundation
import Ledger
import LedgerSQLite
import Primitives
import Proxy
import X402

extension LedgerCommand {
    /// Lists what payments still open.
    struct Credits: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List grants and bundles: what payments still open, and what is left of it.",
            discussion: """
                Those that are used up or over are left out, unless asked for with --all.

                  farebox ledger credits --payer 0x857b06519E91e3A54538791bDbb0E22373e36b66
                """)

        @Option(help: ArgumentHelp("Only those of this payer.", valueName: "payer"))
        var payer: String?

        @Flag(help: "Also those that are used up or over.")
        var all = false

        @Option(help: ArgumentHelp("The most to list.", valueName: "count"))
        var limit = 100

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            guard limit > 0 else { throw ValidationError("--limit is at least 1") }
            let query = CreditQuery(
                payer: payer.map { Account($0).description }, openAt: all ? nil : PaywallShared.systemTime(),
                limit: limit)
            let credits = try await place.read { reader throws(LedgerError) in try await reader.credits(query) }
            if output.isJSON {
                OutputStream.standard.line(JSONValue.array(credits.map(\.json)).line)
            } else if credits.isEmpty {
                OutputStream.notes.line("no credits")
            } else {
                OutputStream.standard.lines(CreditTable.lines(credits))
            }
        }
    }

    /// Writes that a balance was paid back.
    struct Refund: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write that what was left of a bundle was paid back.",
            discussion: """
                Moves no money: pay the payer back first, from the account that was paid. Prints how much it was. Stop the \
                server first: one process writes the ledger. Exit code 1 when nothing is left of the bundle.

                  farebox ledger refund 5f0c1d7b2c9a4e8f8b6a3d2e1f0c9b8a
                """)

        @Argument(help: ArgumentHelp("The id of the payment that bought it, 32 hex digits.", valueName: "payment"))
        var id: String

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let publicID = id.lowercased()
            let refund = try await place.write { ledger throws(LedgerError) in
                _ = try await ledger.recover(now: PaywallShared.systemTime())
                return try await ledger.refundCredit(publicID: publicID, now: PaywallShared.systemTime())
            }
            guard let refund else {
                OutputStream.notes.line("nothing is left of a bundle of payment `\(id.shown())`")
                throw ExitStatus.failure
            }
            if output.isJSON {
                OutputStream.standard.line(refund.credit.json.line)
            } else {
                let currency = refund.credit.currency
                let amount = currency.asset.map {
                    AmountText.offer(refund.amount, asset: $0, network: currency.network).shown()
                }
                OutputStream.standard.line("\(amount ?? refund.amount.description) to \(refund.credit.payer.shown())")
            }
        }
    }
}

/// Credits for people.
private enum CreditTable {
    static func lines(_ credits: [Credit]) -> [String] {
        var table = TextTable([
            TextTable.Column(title: "PAYMENT"), TextTable.Column(title: "OPENS"),
            TextTable.Column(title: "LEFT", isRightAligned: true), TextTable.Column(title: "UNTIL"),
            TextTable.Column(title: "PAYER"),
        ])
        table.rows = credits.map { credit in
            [
                credit.identity.publicID, credit.terms.scopeName.shown(), left(credit),
                credit.expiresAt.map { CalendarTime($0).iso8601 } ?? "", credit.payer.shown(),
            ]
        }
        return table.lines
    }

    private static func left(_ credit: Credit) -> String {
        var parts: [String] = []
        if credit.terms.isBalance, let asset = credit.currency.asset {
            parts.append(AmountText.offer(credit.balance, asset: asset, network: credit.currency.network).shown())
        }
        if let uses = credit.usesLeft { parts.append("\(uses) uses") }
        if let bytes = credit.bytesLeft { parts.append("\(bytes) bytes") }
        return parts.joined(separator: ", ")
    }
}

extension Credit {
    fileprivate var json: JSONValue {
        func number(_ value: (some BinaryInteger)?) -> JSONValue { value.map { .number("\($0)") } ?? .null }
        return .members([
            "payment": .string(identity.publicID), "payer": .string(payer), "opens": .string(terms.scopeName),
            "network": .string(currency.network.name), "asset": .string(currency.asset?.description ?? ""),
            "paid": .string(total.description), "charged": .string(charged.description),
            "held": .string(held.description),
            "refunded": .string(refunded.description), "left": .string(balance.description), "uses": number(usesLeft),
            "bytes": number(bytesLeft), "opened": .string(CalendarTime(openedAt).iso8601),
            "expires": expiresAt.map { .string(CalendarTime($0).iso8601) } ?? .null,
        ])
    }
}
