/// When payments of unknown fate are asked about again: soon after one has become so, then ever more seldom.
///
/// Their payers wait for the answer, and most fates are known with the next block.
struct WorkerPace: Sendable {
    /// Before the first look.
    static let shortest: Duration = .seconds(1)

    let longest: Duration
    private var pause: Duration = .zero
    private var waited: Duration = .zero
    private var newest: Int64?

    init(longest: Duration) {
        self.longest = longest
    }

    /// Whether it is time for a look, a while after the last question; `newest` is the ledger's newest open row.
    mutating func isDue(after tick: Duration, newest: Int64?) -> Bool {
        defer { self.newest = newest }
        guard let newest else {
            waited = .zero
            return false
        }
        if newest != self.newest {
            pause = min(Self.shortest, longest)
            waited = .zero
        }
        waited += tick
        guard waited >= pause else { return false }
        waited = .zero
        pause = min(pause * 2, longest)
        return true
    }
}
