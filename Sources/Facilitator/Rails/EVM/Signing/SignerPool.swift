import EVM
package import Primitives

/// The signers of a rail; a call goes to the one with the least under way.
package struct SignerPool: Sendable {
    package let desks: [SignerDesk]

    package init(_ desks: [SignerDesk]) {
        precondition(!desks.isEmpty, "a pool has a signer")
        self.desks = desks
    }

    package var addresses: [Address] { desks.map(\.address) }

    /// The signer to send with; nil when none has funds.
    package func choose() async -> SignerDesk? {
        var best: (desk: SignerDesk, load: Int)?
        for desk in desks {
            guard let load = await desk.load, load < best?.load ?? .max else { continue }
            best = (desk, load)
        }
        return best?.desk
    }

    /// The signer of that address, nil where there is none.
    package func desk(of address: Address) -> SignerDesk? { desks.first { $0.address == address } }

    /// The newest transaction in the place of this one, while it is watched.
    package func pending(_ hash: Bytes32) async -> Bytes32? {
        for desk in desks {
            if let newest = await desk.pending(nonceOf: hash) { return newest }
        }
        return nil
    }
}
