import Ledger
import Primitives
import X402

/// Claims and requests for tests; every field that a test does not name is the same everywhere.
enum Sample {
    static let start = UnixTime(1_800_000_000)
    static let validBefore = start.adding(seconds: 600)
    static let lease = start.adding(seconds: 120)
    static let binding = RequestBinding(route: "GET /v1/weather/:city", method: "GET", target: bytes(7))
    static let otherTarget = RequestBinding(route: "GET /v1/weather/:city", method: "GET", target: bytes(8))
    static let grant = bytes(21)
    static let client = bytes(22)
    static let print = BodyPrint(length: 12, digest: bytes(23), isComplete: true)

    static func bytes(_ number: UInt64) -> Bytes32 {
        Bytes32(UInt256(number).bigEndianBytes) ?? .zero
    }

    /// Identities differ in their first bytes, as hashes do: the public id shows no others.
    static func identity(_ number: UInt64) -> PaymentIdentity {
        PaymentIdentity(key: SHA256.hash(bytes(number).bytes))
    }

    static func seller(_ id: String) -> ClaimOwner {
        .seller(SellerBinding(seller: id, call: bytes(9)))
    }

    static func claim(
        _ number: UInt64 = 1, owner: ClaimOwner = .paywall(binding), timing: SettlementTiming = .before,
        settlement: [UInt8]? = nil
    ) -> Claim {
        Claim(
            identity: identity(number), owner: owner, adapter: "base", form: .v2, timing: timing, scheme: "exact",
            network: Network(chainID: 8453), asset: Account("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
            amount: UInt256(10_000), payTo: Account("0x209693Bc6afc0C5328bA36FaF03C514EF312287C"),
            payer: "0x857b06519E91e3A54538791bDbb0E22373e36b66", validBefore: validBefore, settlement: settlement)
    }

    static func request(
        _ number: UInt64 = 1, owner: ClaimOwner = .paywall(binding), timing: SettlementTiming = .before,
        opening: ClaimOpening = .reserved, proof: PresenterProof = PresenterProof(), now: UnixTime = start,
        limit: Int = 3, settlement: [UInt8]? = nil, exposure: ExposureTerms? = nil
    ) -> ReserveRequest {
        ReserveRequest(
            claim: claim(number, owner: owner, timing: timing, settlement: settlement), opening: opening,
            proof: proof, now: now, redelivery: RedeliveryPolicy(limit: limit, leaseSeconds: 120),
            exposure: exposure)
    }

    static let events: [PaymentEvent] = [
        .settle, .charged(amount: UInt256(400)), .sent(transaction: "0xabc"),
        .settled(transaction: "0xabc", forwardingUntil: nil),
        .settled(transaction: "0xabc", forwardingUntil: lease), .released(reason: "refused"),
        .uncertain(transaction: nil), .delivered, .undelivered(grant: grant, client: client, body: print), .owed,
        .deferred,
        .writtenOff(reason: "expired"), .expired, .renewed(until: lease),
    ]

    static let states = ValueState.allCases.flatMap { value in
        ServiceState.allCases.map { PaymentState(value: value, service: $0) }
    }
}

extension PaymentState {
    init(_ value: ValueState, _ service: ServiceState) {
        self.init(value: value, service: service)
    }
}
