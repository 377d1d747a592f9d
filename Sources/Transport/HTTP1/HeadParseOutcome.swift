/// What a head parser found in the bytes so far.
package enum HeadParseOutcome: Sendable, Equatable {
    /// The head is complete and has been taken off the input.
    case complete
    /// More bytes are needed; what came stays in the input.
    case incomplete
    case refused(HeadRefusal)
}
