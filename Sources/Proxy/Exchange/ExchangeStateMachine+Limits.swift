/// What limits do to a request before anything is claimed for it.
extension ExchangeStateMachine {
    /// Waits for its turn instead of being claimed; false in any other state.
    ///
    /// Asked before the claim is sent.
    package mutating func waits() -> Bool {
        switch consume self.state {
        case .reserving(let timing, let local, abandoned: false):
            self = Self(.waiting(timing, settlesLocally: local))
            return true
        case let other:
            self = Self(other)
            return false
        }
    }

    package enum OnAdmitted: Hashable {
        /// Its turn, without a payment: say what is asked of it.
        case quote
        case reserve(Opening)
        case drop
        case unreachable
    }

    /// The turn of a request that waited has come.
    package mutating func admitted() -> OnAdmitted {
        switch consume self.state {
        case .opened:
            self = Self(.opened)
            return .quote
        case .waiting(let timing, let local):
            self = Self(.reserving(timing, settlesLocally: local, abandoned: false))
            return .reserve(Self.opening(timing, local))
        case .finished:
            self = Self(.finished)
            return .drop
        case let other:
            self = Self(other)
            return .unreachable
        }
    }

    package enum OnTurnedAway: Hashable { case answer, drop, unreachable }

    /// A limit is reached; asked before the claim is sent.
    package mutating func turnedAway() -> OnTurnedAway {
        switch consume self.state {
        case .opened:
            self = Self(.finished)
            return .answer
        case .waiting:
            self = Self(.finished)
            return .answer
        case .reserving(_, _, abandoned: false):
            self = Self(.finished)
            return .answer
        case .finished:
            self = Self(.finished)
            return .drop
        case let other:
            self = Self(other)
            return .unreachable
        }
    }
}
