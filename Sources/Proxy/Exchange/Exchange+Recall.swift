import Facilitator
import Ledger
import Primitives
import Transport
import X402

/// A payment for what is asked of nobody any more, but was paid for.
///
/// Prices that are told, and those of payers, change sooner than a payer whose request was not delivered comes back. To refuse it
/// would be to have it pay twice.
extension Exchange {
    /// Looks whether the payment is one of ours that still has an answer to come; `otherwise` goes on with what is asked now.
    func recall(_ payment: Payment, like sheet: OfferSheet, otherwise: @escaping @Sendable (Exchange) -> Void) {
        guard let (index, amount) = payment.offerAsPaid(of: sheet),
            let rail = sheet.rail(of: index, form: payment.form),
            let identity = rail.identity(of: payment, for: sheet.offers[index])
        else { return otherwise(self) }
        let home = loop.home(of: self)
        let ledger = loop.shared.ledger
        let isTaken = loop.shared.desk.submit {
            do throws(LedgerError) {
                let record = try await ledger.payment(identity)
                home.post { exchange in
                    if exchange.isAbandoned { return }
                    guard exchange.isOwed(record) else { return otherwise(exchange) }
                    exchange.isRecalling = true
                    exchange.verify(payment, offer: index, of: sheet.changed { $0.amount = amount })
                }
            } catch {
                home.post { $0.answer(.ledgerUnavailable(error)) }
            }
        }
        if !isTaken { otherwise(self) }
    }

    /// Whether an answer to this request was paid for and not delivered; who presents the payment, the claim looks after.
    private func isOwed(_ record: PaymentRecord?) -> Bool {
        guard let record, let route, case .paywall(let binding) = record.claim.owner else { return false }
        return record.state == PaymentState(value: .settled, service: .undelivered)
            && binding == RequestBinding(route: route.name, method: methodName, target: targetDigest)
    }
}

extension Payment {
    /// The offer of a sheet that the payment is for but for its amount, and the amount that was signed; nil where it is for none.
    fileprivate func offerAsPaid(of sheet: OfferSheet) -> (index: Int, amount: UInt256)? {
        let amount: UInt256
        let payee: Address
        switch payload {
        case .transfer(let transfer): (amount, payee) = (transfer.value, transfer.to)
        case .permit(let permit): (amount, payee) = (permit.amount, permit.to)
        case .other: return nil
        }
        let asset = accepted?.asset ?? self.asset
        let index = sheet.offers.firstIndex { offer in
            offer.scheme == scheme && offer.network == network && offer.payTo == .address(payee)
                && (asset == nil || offer.asset == asset)
        }
        return index.map { ($0, amount) }
    }
}
