import EVM

/// What a refusal says of the node that gave it.
package enum RefusalStanding: Hashable, Sendable {
    /// It is about the call: another node would say the same.
    case verdict
    /// The node wants to be asked less.
    case rateLimited
    /// The node does not offer the method, or not to us.
    case notOffered
    /// The node failed.
    case fault
}

extension RPCRefusal {
    /// Whether the refusal answers the call or only tells of the node.
    ///
    /// Only what is known to be an answer is one: from anything else no verdict on a payment may come.
    package func standing(for request: RPCRequest) -> RefusalStanding {
        let words = NodeText.letters(of: message)
        switch request.method {
        case "eth_call" where revertReason != nil: return .verdict
        case "eth_estimateGas" where revertReason != nil || NodeText.isImpossible(words): return .verdict
        case "eth_getLogs" where !NodeText.isRateLimit(words) && NodeText.isTooWide(words): return .verdict
        case "eth_sendRawTransaction" where SendOutcome(words: words) != nil || code == NodeText.badParameters:
            return .verdict
        default: break
        }
        if NodeText.rateLimitCodes.contains(code) || NodeText.isRateLimit(words) { return .rateLimited }
        if request.passesRefusals { return .verdict }
        return NodeText.notOfferedCodes.contains(code) ? .notOffered : .fault
    }

    /// Why the call reverted; nil when the node had another reason to refuse.
    var revertReason: RevertReason? {
        if let data, !data.isEmpty { return RevertReason(data: data) }
        for mark in ["reverted: ", "revert: ", "reverted with reason string "] {
            if let range = message.firstRange(of: mark) {
                return RevertReason(message: String(message[range.upperBound...]))
            }
        }
        let words = NodeText.letters(of: message)
        // Code 3 is geth's; others say it in words only.
        if code == 3 || words.contains("revert") { return .empty }
        return NodeText.isFailedExecution(words) ? RevertReason(message: message) : nil
    }
}

extension SendOutcome {
    /// Reads what a node had against a transaction.
    init(refusal: RPCRefusal) {
        let text = RevertReason(message: refusal.message).text
        self = SendOutcome(words: NodeText.letters(of: refusal.message), text: text) ?? .refused(text)
    }

    /// Reads the texts of geth, erigon, reth, nethermind, besu and their kin; nil for any other, from which nothing follows.
    init?(words: String, text: String = "") {
        if let outcome = NodeText.sendOutcomes.first(where: { $0.words.contains { words.contains($0) } }) {
            self = outcome.outcome
        } else if NodeText.isNoTransaction(words) {
            self = .refused(text)
        } else {
            return nil
        }
    }
}
