/// Why a 402 is sent.
package enum ChallengeError: Hashable, Sendable {
    /// No payment came: `Payment required`.
    case unpaid
    /// A payment came and was not taken; `payer` is told where it is known.
    case refused(ReasonCode, payer: String? = nil)
}
