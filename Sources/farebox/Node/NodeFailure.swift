import Facilitator
import Ledger
import Transport

/// Why a process cannot start, or take a new file.
struct NodeFailure: Error, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    static func ledger(_ error: LedgerError) -> NodeFailure { NodeFailure("the ledger: \(error.message)") }

    static func transport(_ error: TransportError) -> NodeFailure { NodeFailure(error.description) }
}
