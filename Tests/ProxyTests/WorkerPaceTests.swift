import Testing

@testable import Proxy

@Suite("The worker's pace")
struct WorkerPaceTests {
    /// The seconds at which it looks within the first minute, of rows that are the newest from a second on; 0 is none.
    private func looks(_ newest: [Int: Int64], longest: Duration = .seconds(30)) -> [Int] {
        var pace = WorkerPace(longest: longest)
        var row: Int64 = 0
        return (1...60).filter { second in
            if let next = newest[second] { row = next }
            return pace.isDue(after: .seconds(1), newest: row == 0 ? nil : row)
        }
    }

    @Test("looks soon, then ever more seldom")
    func backsOff() {
        #expect(looks([1: 7]) == [1, 3, 7, 15, 31])
        #expect(looks([1: 7], longest: .seconds(3)).prefix(5) == [1, 3, 6, 9, 12])
    }

    @Test("begins anew with every payment that becomes open")
    func beginsAnew() {
        #expect(looks([1: 7, 20: 8]) == [1, 3, 7, 15, 20, 22, 26, 34, 50])
        #expect(looks([1: 7, 5: 0, 40: 7]) == [1, 3, 40, 42, 46, 54])
    }

    @Test("has nothing to look at where nothing is open")
    func nothingOpen() {
        #expect(looks([:]).isEmpty)
    }
}
