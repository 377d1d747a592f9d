import NIOCore

/// How many event loops a process runs.
enum LoopCount {
    static let variable = "FAREBOX_LOOPS"
    static let most = 256

    /// One per core, unless the option or the environment says otherwise; nil for a number that cannot be.
    static func choose(option: Int?, environment: [String: String], cores: Int = System.coreCount) -> Int? {
        let asked: Int?
        if let option {
            asked = option
        } else if let text = environment[variable] {
            asked = Int(text) ?? 0
        } else {
            asked = nil
        }
        guard let asked else { return max(1, cores) }
        return (1...most).contains(asked) ? asked : nil
    }
}
