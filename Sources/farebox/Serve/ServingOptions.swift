import ArgumentParser
import Foundation
import Transport

/// What the serving commands have in common.
struct ServingOptions: ParsableArguments {
    @OptionGroup
    var file: RouteFileOptions

    @Option(help: ArgumentHelp("Event loops to run; one per core by default.", visibility: .hidden))
    var loops: Int?

    @Flag(help: ArgumentHelp("No line per request, whatever the file says.", visibility: .hidden))
    var quietAccessLog = false

    func loopCount() throws -> Int {
        let environment = ProcessInfo.processInfo.environment
        guard let count = LoopCount.choose(option: loops, environment: environment) else {
            throw ValidationError("--loops and \(LoopCount.variable) are numbers from 1 to \(LoopCount.most)")
        }
        return count
    }

    func engine() throws -> LoopEngine {
        guard let engine = LoopEngine.choose(environment: ProcessInfo.processInfo.environment) else {
            let words = LoopEngine.available.map(\.rawValue).joined(separator: " or ")
            throw ValidationError("\(LoopEngine.variable) is \(words) here")
        }
        return engine
    }
}
