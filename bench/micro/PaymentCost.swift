import EVM
import Facilitator
import Primitives
import X402

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a payment costs on one core, against the recovery of its signer alone.
///
/// `signer` is decode, digest and recovery; `verified` is all that the event loop does before the claim.
struct PaymentCost {
    struct Failure: Error { var message: String }

    private struct Sample {
        var header: [UInt8]
        var digest: Bytes32
        var signature: RecoverableSignature
    }

    private static let now = UnixTime(1_790_000_000)
    private let payer: Address
    private let offer: PaymentRequirements
    private let samples: [Sample]
    private let rail: MockEVMRail
    private let domain: TypedDataDomain
    private var reader = PaymentReader()
    private var keys = PublicKeyCache()
    private var misses = 0

    init(count: Int) throws {
        guard let key = PrivateKey(hex: String(repeating: "11", count: 32)),
            let asset = AssetCatalogue.asset(id: "usdc@base-sepolia"), let network = Network(asset.network),
            let seller = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            let pattern = NetworkPattern(asset.network)
        else { throw Failure(message: "the constants of the benchmark are wrong") }
        let offer = PaymentRequirements(
            network: network, asset: .address(asset.address), amount: UInt256(1000), payTo: .address(seller),
            maxTimeoutSeconds: 300, extra: OfferExtra(name: asset.name, version: asset.version))
        var random = SystemRandomNumberGenerator()
        // A nonce of its own each: repeated input flatters the recovery.
        samples = (0..<count).map { _ in
            let message = TransferAuthorization(
                from: key.address, to: seller, value: offer.amount, validAfter: UInt256(0),
                validBefore: UInt256(UInt64(Self.now.seconds) + 300), nonce: Bytes32.random(using: &random))
            let digest = message.digest(in: asset.domain)
            let signature = key.sign(digest: digest)
            let payment = Payment(
                form: .v2, scheme: "exact", network: network,
                accepted: AcceptedOffer(
                    asset: offer.asset, amount: offer.amount, payTo: offer.payTo, maxTimeoutSeconds: 300,
                    extra: offer.extra),
                payload: .transfer(
                    SignedTransfer(
                        from: message.from, to: message.to, value: message.value, validAfter: message.validAfter,
                        validBefore: message.validBefore, nonce: message.nonce,
                        signature: .rsv(r: signature.r, s: signature.s, v: 27 + signature.recoveryID))))
            return Sample(header: Array(payment.headerValue().utf8), digest: digest, signature: signature)
        }
        self.offer = offer
        payer = key.address
        domain = asset.domain
        rail = MockEVMRail(AdapterScope(id: "bench", networks: [pattern]), settings: MockEVMSettings())
    }

    /// Prints the medians of interleaved rounds.
    mutating func run(rounds: Int) throws {
        var recover: [Double] = []
        var decode: [Double] = []
        var signer: [Double] = []
        var verify: [Double] = []
        for round in 0...rounds {
            let measured = (
                time { $0.recoverAll() }, time { $0.decodeAll() }, time { $0.signerOfAll() }, time { $0.verifyAll() }
            )
            // The first round warms caches and is not counted.
            if round == 0 { continue }
            recover.append(measured.0)
            decode.append(measured.1)
            signer.append(measured.2)
            verify.append(measured.3)
        }
        guard misses == 0 else { throw Failure(message: "\(misses) payments were not taken") }
        print("recover alone            \(Int(median(recover))) ns")
        print("decode and match         \(Int(median(decode))) ns (\(samples[0].header.count) bytes of header)")
        report("decode, digest, recover ", signer, against: recover)
        report("verified                ", verify, against: recover)
    }

    private func report(_ name: String, _ values: [Double], against base: [Double]) {
        let ratio = median(zip(values, base).map { $0 / $1 })
        print("\(name) \(Int(median(values))) ns, \((ratio * 1000).rounded() / 1000) x recover")
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private mutating func time(_ body: (inout PaymentCost) -> Void) -> Double {
        let start = Self.processorNanoseconds()
        body(&self)
        return (Self.processorNanoseconds() - start) / Double(samples.count)
    }

    private static func processorNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    private mutating func recoverAll() {
        for sample in samples {
            let signer = Secp256k1.shared.recoverAddress(digest: sample.digest, signature: sample.signature)
            if signer != payer { misses += 1 }
        }
    }

    private mutating func decodeAll() {
        for sample in samples {
            let reading = sample.header.withUnsafeBytes { reader.read(paymentSignature: $0, xPayment: nil) }
            guard case .payment(let payment) = reading, case .offer = payment.match([offer]) else {
                misses += 1
                continue
            }
        }
    }

    private mutating func signerOfAll() {
        for sample in samples {
            let reading = sample.header.withUnsafeBytes { reader.read(paymentSignature: $0, xPayment: nil) }
            guard case .payment(let payment) = reading, case .transfer(let transfer) = payment.payload,
                case .rsv(let r, let s, let v) = transfer.signature
            else {
                misses += 1
                continue
            }
            let message = TransferAuthorization(
                from: transfer.from, to: transfer.to, value: transfer.value, validAfter: transfer.validAfter,
                validBefore: transfer.validBefore, nonce: transfer.nonce)
            let signature = withUnsafeTemporaryAllocation(byteCount: 65, alignment: 1) { bytes in
                r.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[0..<32]).copyMemory(from: $0) }
                s.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[32..<64]).copyMemory(from: $0) }
                bytes[64] = v
                return RecoverableSignature.parse(UnsafeRawBufferPointer(bytes))
            }
            guard case .signature(let parsed) = signature,
                Secp256k1.shared.recoverAddress(digest: message.digest(in: domain), signature: parsed) == payer
            else {
                misses += 1
                continue
            }
        }
    }

    private mutating func verifyAll() {
        for sample in samples {
            let reading = sample.header.withUnsafeBytes { reader.read(paymentSignature: $0, xPayment: nil) }
            guard case .payment(let payment) = reading, case .offer = payment.match([offer]),
                case .decided(.valid) = rail.verifyLocally(payment, for: offer, now: Self.now, keys: &keys)
            else {
                misses += 1
                continue
            }
        }
    }
}
