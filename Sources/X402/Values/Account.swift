package import Primitives

/// An asset or a party: an EVM address, or a name that only its rail understands.
package enum Account: Hashable, Sendable, CustomStringConvertible {
    case address(Address)
    case named(String)

    /// `0x` and 40 hex digits of any case read as an address; all else is a name.
    package init(_ text: String) {
        self = Address(text).map(Account.address) ?? .named(text)
    }

    package var address: Address? {
        switch self {
        case .address(let address): address
        case .named: nil
        }
    }

    /// The spelling on the wire: EIP-55 for an address, the name otherwise.
    package var description: String {
        switch self {
        case .address(let address): address.checksummed
        case .named(let name): name
        }
    }
}
