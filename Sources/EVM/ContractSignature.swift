package import Primitives

/// A signature that a contract wallet has to judge.
package enum ContractSignature: Hashable, Sendable {
    /// For a wallet that stands on the chain (ERC-1271).
    case deployed([UInt8])
    /// For a wallet that a factory has yet to create (ERC-6492).
    case undeployed(UndeployedSignature)
    /// Marked as ERC-6492, but not of its form.
    case malformed

    /// The most bytes of a signature that are looked at.
    package static let maxBytes = 16 << 10

    /// What ends a signature of an undeployed wallet: 0x6492, sixteen times.
    private static let marker = (0..<32).map { $0.isMultiple(of: 2) ? UInt8(0x64) : UInt8(0x92) }

    /// Tells the forms apart.
    ///
    /// Behind the marker only the canonical encoding of (address, bytes, bytes) is taken, and none inside another, so that
    /// what is judged here is what a contract reads.
    package init(_ bytes: [UInt8]) {
        guard bytes.count <= Self.maxBytes else {
            self = .malformed
            return
        }
        guard Self.isMarked(bytes) else {
            self = .deployed(bytes)
            return
        }
        let body = Array(bytes.dropLast(32))
        let reader = ABIReader(body)
        guard let factory = reader.address(0), let call = reader.dynamicBytes(1), let inner = reader.dynamicBytes(2),
            !Self.isMarked(inner)
        else {
            self = .malformed
            return
        }
        let read = UndeployedSignature(factory: factory, factoryCallData: call, signature: inner)
        self = read.body == body ? .undeployed(read) : .malformed
    }

    fileprivate static func isMarked(_ bytes: [UInt8]) -> Bool {
        bytes.suffix(32).elementsEqual(marker)
    }

    fileprivate static func marked(_ body: [UInt8]) -> [UInt8] {
        body + marker
    }
}

/// The signature of a wallet that is not on the chain yet, with the call that puts it there (ERC-6492).
package struct UndeployedSignature: Hashable, Sendable {
    /// The contract that creates the wallet.
    package var factory: Address
    /// The call of the factory.
    package var factoryCallData: [UInt8]
    /// What the wallet judges once it is there.
    package var signature: [UInt8]

    package init(factory: Address, factoryCallData: [UInt8], signature: [UInt8]) {
        self.factory = factory
        self.factoryCallData = factoryCallData
        self.signature = signature
    }

    /// The signature as a payer sends it.
    package var bytes: [UInt8] {
        ContractSignature.marked(body)
    }

    fileprivate var body: [UInt8] {
        var writer = ABIWriter()
        writer.append(factory)
        writer.append(3 * 32)
        writer.append(3 * 32 + ABIWriter.size(counted: factoryCallData.count))
        writer.append(counted: factoryCallData)
        writer.append(counted: signature)
        return writer.bytes
    }
}
