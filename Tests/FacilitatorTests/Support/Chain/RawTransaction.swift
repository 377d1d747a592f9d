import EVM
import Primitives

/// A signed type-2 transaction, read back from its bytes, with its sender recovered.
struct RawTransaction: Hashable, Sendable {
    var fields: FeeMarketTransaction
    var from: Address
    var hash: Bytes32

    init?(_ raw: [UInt8]) {
        guard raw.first == 2, case .list(let items)? = RLPItem(Array(raw.dropFirst())), items.count == 12,
            let chainID = items[0].integer?.uint64, let nonce = items[1].integer?.uint64, let tip = items[2].integer,
            let maxFee = items[3].integer, let gas = items[4].integer?.uint64, let to = items[5].bytes,
            let value = items[6].integer, let data = items[7].bytes, items[8] == .list([]),
            let parity = items[9].integer?.uint64, let r = items[10].integer, let s = items[11].integer
        else { return nil }
        fields = FeeMarketTransaction(
            chainID: chainID, nonce: nonce, maxPriorityFee: tip, maxFee: maxFee, gasLimit: gas,
            to: to.isEmpty ? nil : to.withUnsafeBytes { Address($0) }, value: value, data: data)
        let signature = r.bigEndianBytes + s.bigEndianBytes + [UInt8(parity)]
        guard case .signature(let parsed) = signature.withUnsafeBytes({ RecoverableSignature.parse($0) }),
            let sender = Secp256k1.shared.recoverAddress(digest: fields.signingDigest, signature: parsed)
        else { return nil }
        from = sender
        hash = Keccak256.hash(raw)
    }
}

/// What recursive length prefix holds.
enum RLPItem: Hashable {
    case bytes([UInt8])
    case list([RLPItem])

    init?(_ encoded: [UInt8]) {
        var rest = encoded[...]
        guard let item = Self.read(&rest), rest.isEmpty else { return nil }
        self = item
    }

    var bytes: [UInt8]? {
        guard case .bytes(let bytes) = self else { return nil }
        return bytes
    }

    var integer: UInt256? {
        guard let bytes, bytes.count <= 32, bytes.first != 0 else { return nil }
        return ([UInt8](repeating: 0, count: 32 - bytes.count) + bytes).withUnsafeBytes { UInt256(bigEndian: $0) }
    }

    private static func read(_ rest: inout ArraySlice<UInt8>) -> RLPItem? {
        guard let prefix = rest.popFirst() else { return nil }
        guard prefix >= 0x80 else { return .bytes([prefix]) }
        let base: UInt8 = prefix >= 0xC0 ? 0xC0 : 0x80
        var count = Int(prefix - base)
        if count > 55 {
            let digits = rest.prefix(count - 55)
            rest = rest.dropFirst(count - 55)
            count = digits.reduce(0) { $0 << 8 | Int($1) }
        }
        guard rest.count >= count else { return nil }
        var content = rest.prefix(count)
        rest = rest.dropFirst(count)
        guard base == 0xC0 else { return .bytes(Array(content)) }
        var items: [RLPItem] = []
        while !content.isEmpty {
            guard let item = read(&content) else { return nil }
            items.append(item)
        }
        return .list(items)
    }
}
