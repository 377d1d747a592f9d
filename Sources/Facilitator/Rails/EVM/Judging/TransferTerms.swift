package import EVM
package import Ledger
package import Primitives
package import X402

/// A payment whose terms are those of our offer.
package struct TransferTerms: Sendable {
    /// What the payer signed.
    package enum Message: Sendable {
        /// ERC-3009, in the domain of the token.
        case authorization(TransferAuthorization, TypedDataDomain)
        /// Permit2, for the proxy of scheme exact or of upto.
        case permit(PermitTransfer)
    }

    package let message: Message
    package let chainID: UInt64
    /// As it came.
    package let signature: PaymentSignature
    /// What moves: all that was signed for, but under scheme upto, which may move less.
    package private(set) var value: UInt256

    /// The terms of an ERC-3009 transfer.
    package init(_ transfer: SignedTransfer, chainID: UInt64, domain: TypedDataDomain) {
        message = .authorization(transfer.authorization, domain)
        self.chainID = chainID
        signature = transfer.signature
        value = transfer.value
    }

    /// The terms of a Permit2 transfer; nil where the witness is not the scheme's.
    package init?(_ permit: SignedPermit, chainID: UInt64, scheme: String) {
        guard (permit.facilitator != nil) == (scheme == "upto") else { return nil }
        message = .permit(
            PermitTransfer(
                owner: permit.from, token: permit.token, amount: permit.amount, nonce: permit.nonce,
                deadline: permit.deadline,
                witness: PermitTransfer.Witness(
                    to: permit.to, validAfter: permit.validAfter, facilitator: permit.facilitator)))
        self.chainID = chainID
        signature = permit.signature
        value = permit.amount
    }

    /// The same terms with another amount to move; nil where the payer did not agree to it.
    package func moving(_ amount: UInt256) -> TransferTerms? {
        if amount == value { return self }
        guard let permit, permit.witness.facilitator != nil, amount != .zero, amount <= permit.amount else {
            return nil
        }
        var terms = self
        terms.value = amount
        return terms
    }
}

extension TransferTerms {
    /// Who pays.
    package var payer: Address {
        switch message {
        case .authorization(let authorization, _): authorization.from
        case .permit(let permit): permit.owner
        }
    }

    /// The token's contract.
    package var asset: Address {
        switch message {
        case .authorization(_, let domain): domain.verifyingContract
        case .permit(let permit): permit.token
        }
    }

    /// The Permit2 message, nil for an ERC-3009 transfer.
    package var permit: PermitTransfer? {
        guard case .permit(let permit) = message else { return nil }
        return permit
    }

    /// Who alone may settle; nil where anybody may.
    package var facilitator: Address? { permit?.witness.facilitator }

    /// What is paid, once the signature is good too.
    package var verified: VerifiedPayment {
        VerifiedPayment(identity: identity, payer: payer.checksummed, validBefore: validBefore)
    }

    package var identity: PaymentIdentity {
        switch message {
        case .authorization(let authorization, let domain):
            PaymentIdentity(
                transferOn: chainID, asset: domain.verifyingContract, payer: authorization.from,
                nonce: authorization.nonce)
        case .permit(let permit): PaymentIdentity(permitOn: chainID, payer: permit.owner, nonce: permit.nonce)
        }
    }

    /// The second from which the value can no longer move; Permit2 still takes its deadline's.
    package var validBefore: UnixTime? {
        let end: UInt256? =
            switch message {
            case .authorization(let authorization, _): authorization.validBefore
            case .permit(let permit): permit.deadline.adding(UInt256(1))
            }
        return end?.uint64.flatMap(Int64.init(exactly:)).map(UnixTime.init)
    }

    /// The hash that the payer signed.
    package var digest: Bytes32 {
        switch message {
        case .authorization(let authorization, let domain): authorization.digest(in: domain)
        case .permit(let permit): permit.digest(separator: Permit2.separator(chainID: chainID))
        }
    }

    /// The words of a refusal.
    package var reasons: TransferReasons { TransferReasons(permit: permit) }

    /// What the chain is asked about it.
    var key: TransferKey {
        switch message {
        case .authorization(let authorization, let domain):
            TransferKey(
                asset: domain.verifyingContract, payer: authorization.from, nonce: authorization.nonce,
                payTo: authorization.to, value: value)
        case .permit(let permit):
            TransferKey(
                asset: permit.token, payer: permit.owner, nonce: Bytes32(permit.nonce), payTo: permit.witness.to,
                value: value, permit: permit)
        }
    }

    /// The signature as it came.
    var signatureBytes: [UInt8] { signature.bytes }
}

extension SignedTransfer {
    /// What the payer signed.
    package var authorization: TransferAuthorization {
        TransferAuthorization(
            from: from, to: to, value: value, validAfter: validAfter, validBefore: validBefore, nonce: nonce)
    }
}
