/// Where the calls of JSON-RPC go.
package protocol ChainNode: Sendable {
    /// Asks all calls at once, and gives the answers in the order of the calls.
    ///
    /// As many results as calls, or an error. Only a refusal that is about the call itself is passed on; what a node cannot
    /// do just now, or at all, is an error.
    func ask(_ calls: [RPCRequest]) async throws(ChainError) -> [RPCResult]

    /// The same for a caller who waits no longer than that.
    func ask(_ calls: [RPCRequest], patience: Duration) async throws(ChainError) -> [RPCResult]
}

extension ChainNode {
    package func ask(_ calls: [RPCRequest], patience: Duration) async throws(ChainError) -> [RPCResult] {
        try await ask(calls)
    }
}
