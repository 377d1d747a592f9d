import ArgumentParser
import Ledger
import LedgerSQLite
import Primitives
import Proxy
import X402

extension LedgerCommand {
    /// Lists who must pay first.
    struct Debts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List payments that were served and whose settlement failed.",
            discussion: """
                Oldest first. Their payers, and the addresses they came from, are served only after they paid, until the \
                payment is settled after all or forgiven.

                  farebox ledger debts --json
                """)

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            let debts = try await place.read { reader throws(LedgerError) in try await reader.debts() }
            DebtList.show(debts, isJSON: output.isJSON, none: "no debts")
        }
    }

    /// Ends the debts of a payer.
    struct Forgive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forgive a payer its debts, so that it may be served first again.",
            discussion: """
                Prints what was forgiven. The payments themselves stay as they are. Stop the server first: one process \
                writes the ledger. Exit code 1 when the payer owes nothing.

                  farebox ledger forgive 0x857b06519E91e3A54538791bDbb0E22373e36b66
                """)

        @Argument(help: ArgumentHelp("The payer, as in the list.", valueName: "payer"))
        var payer: String

        @OptionGroup(title: "Ledger")
        var place: LedgerPlaceOptions

        @OptionGroup
        var output: OutputOptions

        func run() async throws {
            // Rails spell addresses with EIP-55; a bridge may not.
            let names = Set([Account(payer).description, payer])
            let debts = try await place.write { ledger throws(LedgerError) in
                var debts: [Debt] = []
                for name in names { debts += try await ledger.forgive(payer: name) }
                return debts
            }
            DebtList.show(debts, isJSON: output.isJSON, none: "`\(payer.shown())` owes nothing")
            if debts.isEmpty { throw ExitStatus.failure }
        }
    }
}

/// A list of debts for people or programs.
private enum DebtList {
    static func show(_ debts: [Debt], isJSON: Bool, none: String) {
        if isJSON {
            OutputStream.standard.line(JSONValue.array(debts.map(json)).line)
        } else if debts.isEmpty {
            OutputStream.notes.line(none)
        } else {
            var table = TextTable([
                TextTable.Column(title: "PAYMENT"), TextTable.Column(title: "SINCE"),
                TextTable.Column(title: "AMOUNT", isRightAligned: true), TextTable.Column(title: "PAYER"),
            ])
            table.rows = debts.map { debt in
                [
                    debt.identity.publicID, CalendarTime(debt.since).iso8601,
                    AmountText.offer(debt.amount, asset: debt.key.asset, network: debt.key.network).shown(),
                    debt.key.payer.shown(),
                ]
            }
            OutputStream.standard.lines(table.lines)
        }
    }

    private static func json(_ debt: Debt) -> JSONValue {
        .members([
            "payment": .string(debt.identity.publicID), "payer": .string(debt.key.payer),
            "amount": .string(debt.amount.description), "asset": .string(debt.key.asset.description),
            "network": .string(debt.key.network.name), "since": .string(CalendarTime(debt.since).iso8601),
        ])
    }
}
