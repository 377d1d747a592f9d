package import Primitives

/// The contract that makes many calls in one, at the same address on every chain that has it (mds1/multicall).
package enum Multicall3 {
    /// Where it stands.
    package static let address: Address = {
        guard let address = Address("0xcA11bde05977b3631167028862bE2a173976CA11") else {
            preconditionFailure("a constant address")
        }
        return address
    }()

    /// One of the calls.
    package struct Call: Hashable, Sendable {
        package var target: Address
        /// Whether the others stand when this one fails; looked at by `aggregate3` only.
        package var mayFail: Bool
        package var callData: [UInt8]

        package init(_ target: Address, _ callData: [UInt8], mayFail: Bool = true) {
            self.target = target
            self.mayFail = mayFail
            self.callData = callData
        }
    }

    /// What became of one of the calls.
    package struct Result: Hashable, Sendable {
        package var succeeded: Bool
        /// What it returned, or the bytes of its revert.
        package var returned: [UInt8]

        package init(succeeded: Bool, returned: [UInt8]) {
            self.succeeded = succeeded
            self.returned = returned
        }
    }

    /// The call in which every call says whether it may fail.
    package static func aggregate3(_ calls: [Call]) -> [UInt8] {
        var writer = ABIWriter(function: "aggregate3((address,bool,bytes)[])")
        writer.append(32)
        append(calls, to: &writer, headWords: 3) { call, writer in
            writer.append(call.target)
            writer.append(call.mayFail)
        }
        return writer.bytes
    }

    /// The call in which all calls must succeed, or none need.
    package static func tryAggregate(requireSuccess: Bool, _ calls: [Call]) -> [UInt8] {
        var writer = ABIWriter(function: "tryAggregate(bool,(address,bytes)[])")
        writer.append(requireSuccess)
        writer.append(2 * 32)
        append(calls, to: &writer, headWords: 2) { call, writer in writer.append(call.target) }
        return writer.bytes
    }

    /// The results of either call; nil when the bytes hold no such list of that many.
    package static func results(from returned: [UInt8], count: Int) -> [Result]? {
        guard let (found, elements) = ABIReader(returned).array(0), found == count else { return nil }
        var results: [Result] = []
        results.reserveCapacity(count)
        for index in 0..<count {
            guard let element = elements.tuple(index), let succeeded = element.bool(0),
                let returned = element.dynamicBytes(1)
            else { return nil }
            results.append(Result(succeeded: succeeded, returned: returned))
        }
        return results
    }

    /// An array of tuples whose last member is the call's data, and the others one word each.
    private static func append(
        _ calls: [Call], to writer: inout ABIWriter, headWords: Int, _ writeHead: (Call, inout ABIWriter) -> Void
    ) {
        writer.append(calls.count)
        var offset = 32 * calls.count
        for call in calls {
            writer.append(offset)
            offset += 32 * headWords + ABIWriter.size(counted: call.callData.count)
        }
        for call in calls {
            writeHead(call, &writer)
            writer.append(32 * headWords)
            writer.append(counted: call.callData)
        }
    }
}
