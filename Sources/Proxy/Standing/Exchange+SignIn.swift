import EVM
import Ledger
import Pricing
import Primitives
import Transport
import X402

/// A payer who signs in instead of showing a token.
extension Exchange {
    /// Nonces are kept for this long: longer than a sign-in stands, from the moment it was asked for.
    private static let nonceWindow = AllowanceWindow(seconds: 2 * SignInRequest.validSeconds)

    /// The extension that a 402 declares; nil where nothing is opened by a sign-in.
    func signInExtension(of sheet: OfferSheet) -> JSONMember? {
        guard route?.credit != nil || quote?.facts.paid != nil else { return nil }
        let chains = Self.chains(of: sheet)
        if chains.isEmpty { return nil }
        let origin = advertisedOrigin(of: sheet)
        let request = SignInRequest(
            domain: Self.authority(of: origin), uri: url(under: origin), now: loop.now(), salt: loop.salt(),
            key: loop.shared.addressKey.bytes)
        return JSONMember("sign-in-with-x", request.extensionJSON(chains: chains))
    }

    /// The chains on which payers of a sheet have accounts.
    private static func chains(of sheet: OfferSheet) -> [String] {
        var chains: [String] = []
        for offer in sheet.offers where offer.network.chainID != nil && !chains.contains(offer.network.name) {
            chains.append(offer.network.name)
        }
        return chains
    }

    /// Host, and the port where the origin has one.
    private static func authority(of origin: String) -> String {
        origin.firstRange(of: "://").map { String(origin[$0.upperBound...]) } ?? origin
    }

    /// The resource that was asked for, as it is priced.
    private func url(under origin: String) -> String {
        withForwardedTarget { origin + String(decoding: $0, as: UTF8.self) }
    }

    /// Checks a sign-in; the payer then draws on what was paid before.
    func signIn(on route: PaywallRoute) {
        switch readSignIn() {
        case .failure(let refusal): refuseSignIn(refusal, on: route)
        case .success(let signedIn): useNonce(of: signedIn, on: route)
        }
    }

    private func refuseSignIn(_ refusal: SignInRefusal, on route: PaywallRoute) {
        creditRefusal = refusal.reason
        guard let quote, case .signingIn = quote.payer, let base = quote.base else { return admitFreeOrPriced(route) }
        quote.payer = .settled
        admit(route, base)
    }

    private struct SignedIn {
        var payer: String
        var nonce: String
        /// When the sign-in ends; the same whenever it is used.
        var until: UnixTime
    }

    private func readSignIn() -> Result<SignedIn, SignInRefusal> {
        let head = stream.head
        guard let sheet, head.count(of: .signInWithX) == 1, let field = head.first(.signInWithX),
            let signIn = head.withBytes({ bytes in
                try? SignIn.read(UnsafeRawBufferPointer(rebasing: bytes[field.value]))
            })
        else { return .failure(.unreadable) }
        let origin = advertisedOrigin(of: sheet)
        let verdict = SignInRequest.judge(
            signIn, domain: Self.authority(of: origin), uri: url(under: origin), chains: Self.chains(of: sheet),
            now: loop.now(), key: loop.shared.addressKey.bytes)
        guard case .accepted(let until) = verdict else {
            guard case .refused(let refusal) = verdict else { return .failure(.unreadable) }
            return .failure(refusal)
        }
        guard let digest = signIn.digest, let bytes = signIn.signatureBytes,
            let signer = Self.signer(of: digest, bytes),
            Address(signIn.address) == signer
        else { return .failure(.signature) }
        return .success(SignedIn(payer: signer.checksummed, nonce: signIn.nonce, until: until))
    }

    /// The payer draws on what it has paid before, or gets its own price first where there is one.
    private func signedIn(_ payer: String, on route: PaywallRoute) {
        if case .signingIn? = quote?.payer { return price(for: payer, on: route) }
        draw(.payer(payer), on: route)
    }

    private static func signer(of digest: Bytes32, _ signature: [UInt8]) -> Address? {
        guard case .signature(let signature) = signature.withUnsafeBytes({ RecoverableSignature.parse($0) }) else {
            return nil
        }
        return Secp256k1.shared.recoverAddress(digest: digest, signature: signature)
    }

    /// A sign-in is good once: its nonce is counted, in the ledger, where every node sees it.
    private func useNonce(of signIn: SignedIn, on route: PaywallRoute) {
        let claim = AllowanceClaim(
            key: SHA256.hash("sign-in\u{0}\(signIn.nonce)"), window: Self.nonceWindow, limit: 1)
        let home = loop.home(of: self)
        // In the window of its end, which is one and the same whenever it is used, and outlives it.
        loop.shared.ledger.claimAllowance(claim, now: signIn.until) { result in
            home.post { exchange in
                if exchange.isAbandoned { return }
                switch result {
                case .failure(let error): exchange.answer(.ledgerUnavailable(error))
                case .success(let outcome) where !outcome.isGranted: exchange.refuseSignIn(.used, on: route)
                case .success: exchange.signedIn(signIn.payer, on: route)
                }
            }
        }
    }
}
