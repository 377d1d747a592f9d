import Primitives
import Testing

@testable import EVM

@Suite("A contract's signature")
struct ContractSignatureTests {
    @Test(
        "of an undeployed wallet is unwrapped, and wrapped to the same bytes",
        arguments: ChainVectors.shared?.undeployed ?? [])
    func unwrap(vector: ChainVectors.Undeployed) throws {
        let expected = UndeployedSignature(
            factory: try #require(Address(vector.factory)), factoryCallData: try bytes(vector.callData),
            signature: try bytes(vector.signature))
        #expect(ContractSignature(try bytes(vector.bytes)) == .undeployed(expected))
        #expect(Hex.encode(expected.bytes) == vector.bytes)
    }

    @Test("has its vectors at hand")
    func vectors() { #expect(ChainVectors.shared?.undeployed.count == 4) }

    @Test("without the marker is for a wallet that is there", arguments: [0, 1, 31, 32, 64, 66, 320])
    func deployed(count: Int) {
        let bytes = [UInt8](repeating: 0x64, count: count)
        #expect(ContractSignature(bytes) == .deployed(bytes))
    }

    @Test("with the marker and any other byte than the canonical ones is malformed")
    func strict() throws {
        let vector = try #require(ChainVectors.shared?.undeployed.first)
        let good = try bytes(vector.bytes)
        let inner = UndeployedSignature(factory: .zero, factoryCallData: [1], signature: [2])
        let nested = UndeployedSignature(factory: .zero, factoryCallData: [1], signature: inner.bytes)
        var broken: [[UInt8]] = [
            Array(good.suffix(32)), Array(good.suffix(64)), nested.bytes,
            // A word too many, a word too few, a byte too many.
            Array(good.dropLast(32)) + [UInt8](repeating: 0, count: 32) + good.suffix(32),
            Array(good.dropLast(64)) + good.suffix(32), [0] + good,
        ]
        // The factory's padding, both offsets, both lengths, and the zeros behind both values.
        for index in [0, 11, 32, 63, 95, 96, 127, 128 + 4, 160, 191, 192 + 65, good.count - 33] {
            var other = good
            other[index] ^= 0x20
            broken.append(other)
        }
        for bytes in broken { #expect(ContractSignature(bytes) == .malformed) }
        // The values themselves may be anything.
        for index in [12, 31, 128, 192] {
            var other = good
            other[index] ^= 0x20
            guard case .undeployed = ContractSignature(other) else {
                Issue.record("byte \(index)")
                continue
            }
        }
    }

    @Test("is not looked at past its limit")
    func limit() {
        let bytes = [UInt8](repeating: 1, count: ContractSignature.maxBytes)
        #expect(ContractSignature(bytes) == .deployed(bytes))
        #expect(ContractSignature(bytes + [1]) == .malformed)
    }
}

@Suite("Multicall3")
struct Multicall3Tests {
    @Test("calls and results are those of the reference encoder", arguments: ChainVectors.shared?.multicall ?? [])
    func encoding(vector: ChainVectors.Multicall) throws {
        let calls = try #require(ChainVectors.shared).multicallCalls.prefix(vector.count).map {
            Multicall3.Call(try #require(Address($0.target)), try bytes($0.data), mayFail: $0.mayFail)
        }
        #expect(Hex.encode(Multicall3.aggregate3(calls)) == vector.aggregate3)
        #expect(Hex.encode(Multicall3.tryAggregate(requireSuccess: false, calls)) == vector.tryAggregate)
        let results = calls.enumerated().map { index, call in
            Multicall3.Result(succeeded: index.isMultiple(of: 2), returned: call.callData)
        }
        #expect(Multicall3.results(from: try bytes(vector.results), count: vector.count) == results)
    }

    @Test("has its vectors at hand, and the contract's selectors")
    func vectors() throws {
        let vectors = try #require(ChainVectors.shared?.multicall)
        #expect(vectors.count == 4)
        #expect(vectors[0].aggregate3.hasPrefix("0x82ad56cb"))
        #expect(vectors[0].tryAggregate.hasPrefix("0xbce38bd7"))
        #expect(Multicall3.address.checksummed == "0xcA11bde05977b3631167028862bE2a173976CA11")
    }

    @Test("results of another number, or cut off, are none")
    func wrong() throws {
        let vector = try #require(ChainVectors.shared?.multicall.last)
        let returned = try bytes(vector.results)
        #expect(Multicall3.results(from: returned, count: vector.count + 1) == nil)
        #expect(Multicall3.results(from: returned, count: vector.count - 1) == nil)
        #expect(Multicall3.results(from: Array(returned.dropLast(32)), count: vector.count) == nil)
        #expect(Multicall3.results(from: [], count: 0) == nil)
    }
}
