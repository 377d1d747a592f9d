import Primitives
import Testing
import X402

@testable import farebox

@Suite("Whether to ask again with the same payment")
struct PayPatienceTests {
    private let receipt = Receipt(success: true, transaction: "0x1", network: Network(chainID: 84532))

    @Test("a pending settlement is asked about until patience ends, at the server's pace")
    func pending() {
        var patience = PayPatience(patience: .seconds(10), retries: 9, grant: nil)
        #expect(patience.judge(.pending(transaction: nil), retryAfterSeconds: 5) == .ask(after: .seconds(5)))
        #expect(patience.judge(.pending(transaction: nil), retryAfterSeconds: nil) == .ask(after: .seconds(2)))
        #expect(patience.judge(.pending(transaction: nil), retryAfterSeconds: 4) == .end(.fateUnknown))
        #expect(patience.judge(.pending(transaction: nil), retryAfterSeconds: 3) == .ask(after: .seconds(3)))
    }

    @Test("no server makes us ask in a rush, or wait for ever", arguments: [(0, 1), (-5, 1), (31, 30), (Int.max, 30)])
    func pace(named: Int, pause: Int) {
        var patience = PayPatience(patience: .seconds(60), retries: 0, grant: nil)
        #expect(patience.judge(.pending(transaction: nil), retryAfterSeconds: named) == .ask(after: .seconds(pause)))
    }

    @Test("what was not delivered is asked for as often as wished, with the newest token")
    func undelivered() {
        var patience = PayPatience(patience: .zero, retries: 1, grant: "first")
        #expect(
            patience.judge(.undelivered(receipt, grant: "second"), retryAfterSeconds: nil) == .ask(after: .seconds(2)))
        #expect(patience.grant == "second")
        #expect(patience.judge(.undelivered(receipt, grant: nil), retryAfterSeconds: nil) == .end(.undelivered))
        #expect(patience.grant == "second")
    }

    @Test("everything else is an end")
    func ends() {
        var patience = PayPatience(patience: .seconds(60), retries: 9, grant: nil)
        #expect(patience.judge(.delivered(nil), retryAfterSeconds: nil) == .end(.success))
        #expect(patience.judge(.refused(reason: "x"), retryAfterSeconds: nil) == .end(.paymentNotAccepted))
        #expect(patience.judge(.failed, retryAfterSeconds: nil) == .end(.failure))
    }
}
