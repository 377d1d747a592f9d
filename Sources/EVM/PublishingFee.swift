package import Primitives

/// What rollups of the OP stack take for publishing a transaction, beside its gas.
///
/// Told by the contract `GasPriceOracle`, which stands at the same address on each of them and on no other chain (OP stack
/// specification, "Predeploys").
package enum PublishingFee {
    /// Where the contract stands.
    package static let oracle: Address = {
        guard let address = Address("0x420000000000000000000000000000000000000F") else {
            preconditionFailure("a constant address")
        }
        return address
    }()

    /// The call that asks for a transaction's fee.
    package static func call(for raw: [UInt8]) -> [UInt8] {
        var call = ABIWriter(function: "getL1Fee(bytes)")
        call.append(32)
        call.append(counted: raw)
        return call.bytes
    }

    /// The fee in wei; nil when the contract returned no number.
    package static func wei(_ returned: [UInt8]) -> UInt256? {
        ABIReader(returned).integer(0)
    }
}
