/// Which upstream statuses deliver what was paid for (`charge_on`).
package struct StatusSet: Hashable, Sendable {
    private var classes: UInt8 = 0
    private var codes: Set<Int> = []

    /// Successes and redirections, as the official servers settle them.
    package static let standard = StatusSet(classes: [2, 3])

    package init(classes: [Int] = [], codes: Set<Int> = []) {
        for digit in classes where (1...5).contains(digit) { self.classes |= 1 << UInt8(digit) }
        self.codes = codes
    }

    package func contains(_ status: Int) -> Bool {
        guard (100...599).contains(status) else { return false }
        return classes & (1 << UInt8(status / 100)) != 0 || codes.contains(status)
    }
}
