import Primitives
import Testing

@testable import EVM

@Suite("A token's event")
struct TransferLogTests {
    static let payer = Address("0x1111111111111111111111111111111111111111") ?? .zero
    static let payee = Address("0x2222222222222222222222222222222222222222") ?? .zero
    static let nonce = Bytes32([UInt8](repeating: 0x77, count: 32)) ?? .zero

    static func log(_ topics: [Bytes32], _ data: [UInt8] = []) -> ChainLog {
        ChainLog(
            address: .zero, topics: topics, data: data, blockNumber: 1, blockHash: .zero, transaction: .zero, index: 0)
    }

    @Test("has the topics that every explorer shows")
    func topics() {
        #expect(
            TransferLog.transferTopic.description
                == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
        #expect(
            TransferLog.usedTopic.description == "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5")
        #expect(
            TransferLog.canceledTopic.description
                == "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81")
    }

    @Test("is read where all is in its place")
    func read() {
        let parties = [Bytes32(Self.payer), Bytes32(Self.payee)]
        #expect(
            TransferLog(Self.log([TransferLog.transferTopic] + parties, UInt256(5).bigEndianBytes))
                == .transfer(from: Self.payer, to: Self.payee, value: UInt256(5)))
        #expect(
            TransferLog(Self.log([TransferLog.usedTopic, Bytes32(Self.payer), Self.nonce]))
                == .authorizationUsed(authorizer: Self.payer, nonce: Self.nonce))
        #expect(
            TransferLog(Self.log([TransferLog.canceledTopic, Bytes32(Self.payer), Self.nonce]))
                == .authorizationCanceled(authorizer: Self.payer, nonce: Self.nonce))
    }

    @Test("is none where anything is elsewhere")
    func others() {
        let parties = [Bytes32(Self.payer), Bytes32(Self.payee)]
        let value = UInt256(5).bigEndianBytes
        let transfer = TransferLog.transferTopic
        let others = [
            Self.log([], value), Self.log([transfer], value), Self.log([transfer, parties[0]], value),
            // ERC-721 has the same event with the third value indexed.
            Self.log([transfer] + parties + [Self.nonce]), Self.log([transfer] + parties),
            Self.log([transfer] + parties, value + [0]), Self.log([transfer] + parties, Array(value.dropLast())),
            Self.log([transfer, Self.nonce, parties[1]], value), Self.log([transfer, parties[0], Self.nonce], value),
            Self.log([Self.nonce] + parties, value), Self.log([TransferLog.usedTopic, Self.nonce, Self.nonce]),
            Self.log([TransferLog.usedTopic, parties[0], Self.nonce], [1]),
        ]
        for log in others { #expect(TransferLog(log) == nil) }
    }
}
