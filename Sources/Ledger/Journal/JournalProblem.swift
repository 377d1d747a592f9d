package import Primitives
import X402

/// Something in the books that no version of this program writes.
package enum JournalProblem: Hashable, Sendable {
    /// The entry's hash is not that of its content and of the entry before: one of them was changed.
    case brokenChain(Int64)
    /// Entries from the first number up to the second are not there.
    case missing(Int64, before: Int64)
    /// The entry is not the one that was the last at an earlier audit.
    case otherHead(Int64)
    /// The journal ends before the entry that was the last at an earlier audit.
    case cutOff(after: Int64, before: Int64)
    /// The entry does not follow from the ones before it on the same payment.
    case outOfTurn(Int64, subject: Bytes32)
    /// The entries say that the payment stands elsewhere than its states say, or with another amount or currency.
    case disagrees(subject: Bytes32, states: JournalPosition, journal: JournalPosition)
    /// Entries on something that the ledger does not know.
    case unknown(subject: Bytes32)
    /// The entries on a network fee do not add up to it.
    case wrongFee(subject: Bytes32)
    /// The entries on a credit do not add up to what is left of it.
    case wrongCredit(subject: Bytes32)
    /// Debits and credits of a currency differ.
    case unbalanced(Currency)

    /// The problem for people.
    package var text: String {
        switch self {
        case .brokenChain(let number): "entry \(number): the chain of hashes is broken here"
        case .missing(let first, let next): "entries \(first) to \(next - 1) are missing"
        case .otherHead(let number): "entry \(number): is not the head that was given"
        case .cutOff(let last, let known):
            "the journal ends with entry \(last), before the head \(known) that was given"
        case .outOfTurn(let number, let subject):
            "entry \(number): does not follow from the earlier ones on \(Self.id(subject))"
        case .disagrees(let subject, let states, let journal):
            "payment \(Self.id(subject)): \(states) by its states, \(journal) by the journal"
        case .unknown(let subject): "the journal has entries on \(Self.id(subject)), which is not there"
        case .wrongFee(let subject): "the entries on the network fee \(Self.id(subject)) do not add up to it"
        case .wrongCredit(let subject):
            "the entries on the credit \(Self.id(subject)) do not add up to what is left of it"
        case .unbalanced(let currency):
            "debits and credits of \(currency.asset?.description ?? "the coin") on \(currency.network.name) differ"
        }
    }

    private static func id(_ subject: Bytes32) -> String { PaymentIdentity(key: subject).publicID }
}
