/// Why a 402 is sent.
package enum ChallengeError: Hashable, Sendable {
    /// No payment came: `Payment required`.
    case unpaid
    /// A payment came and was not taken; `payer` is told where it is known.
    case refused(ReasonCode, payer: String? = nil)

    /// What the bounds of `ChallengeTemplate` take as `errorBytes`.
    package var byteCount: Int {
        switch self {
        case .unpaid: Self.unpaidText.utf8.count
        case .refused(let reason, let payer): reason.rawValue.utf8.count + (payer?.utf8.count ?? 0)
        }
    }

    /// The text of `error`.
    package var text: String {
        switch self {
        case .unpaid: Self.unpaidText
        case .refused(let reason, _): reason.rawValue
        }
    }

    var payer: String? {
        switch self {
        case .unpaid: nil
        case .refused(_, let payer): payer
        }
    }

    private static let unpaidText = "Payment required"
}
