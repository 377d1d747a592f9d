import Primitives

/// The body of `/verify` and `/settle`.
package struct FacilitatorRequest: Hashable, Sendable {
    package var x402Version: Int
    package var payment: Payment
    package var requirements: PaymentRequirements
    /// What is sold, which version 1 requirements say.
    package var resource: Resource?

    package init(
        x402Version: Int, payment: Payment, requirements: PaymentRequirements, resource: Resource? = nil
    ) {
        self.x402Version = x402Version
        self.payment = payment
        self.requirements = requirements
        self.resource = resource
    }

    /// The JSON to send; the version decides the form, whatever form the payment came in.
    ///
    /// A network without a version 1 name is sent as version 2.
    package func encoded() -> [UInt8] {
        if x402Version == 1, let requirements = requirements.v1JSON(resource: resource ?? Resource(url: "")) {
            var payment = payment
            payment.form = .v1
            payment.network = self.requirements.network
            return Self.message(version: 1, payment.json, requirements)
        }
        let entry = requirements.v2JSON
        let echo = payment.accepted == nil ? entry : payment.acceptedJSON
        return Self.message(version: 2, payment.version2JSON(accepted: echo), entry)
    }

    private static func message(version: Int, _ payment: JSONValue, _ requirements: JSONValue) -> [UInt8] {
        JSONValue.object([
            JSONMember("x402Version", .number(String(version))), JSONMember("paymentPayload", payment),
            JSONMember("paymentRequirements", requirements),
        ]).encoded()
    }
}

/// What the body of `/verify` or `/settle` says.
package enum FacilitatorRequestReading: Hashable, Sendable {
    case request(FacilitatorRequest)
    /// Not JSON, or a parameter is missing: answered with 400.
    case malformed(ReasonCode)
    /// Another `x402Version` than 1 or 2, or two that differ: answered with 200, invalid, `invalid_x402_version`.
    case wrongVersion
    /// Both parameters are there and one of them cannot be read: answered with 200, invalid, this reason.
    case invalid(ReasonCode)
}

extension FacilitatorRequest {
    /// Reads a body; the payload's own `x402Version` decides the form.
    package static func parse(_ body: UnsafeRawBufferPointer) -> FacilitatorRequestReading {
        guard let json = try? JSONValue.parse(body) else { return .malformed(.invalidJSON) }
        guard let payload = json["paymentPayload"], let requirements = json["paymentRequirements"] else {
            return .malformed(.missingParameters)
        }
        guard case .object = payload, case .object = requirements else { return .malformed(.missingParameters) }
        // Said before the payload is read, for one that claims another version has another shape as well.
        if let inner = payload["x402Version"], let outer = json["x402Version"], outer != .null, outer != inner {
            return .wrongVersion
        }
        switch payload.encoded().withUnsafeBytes({ Payment.parse(json: $0) }) {
        case .payment(let payment) where payment.form != .plain:
            guard agrees(json["x402Version"], payment.form.x402Version) else { return .wrongVersion }
            return request(payment, requirements)
        case .undecodable(.invalidVersion), .payment: return .wrongVersion
        case .undecodable(let reason): return .invalid(reason)
        case .none, .conflicting: return .invalid(.invalidPayload)
        }
    }

    /// The outer version is redundant and may be missing.
    private static func agrees(_ outer: JSONValue?, _ version: Int) -> Bool {
        outer == nil || outer == .null || outer == .number(String(version))
    }

    private static func request(_ payment: Payment, _ requirements: JSONValue) -> FacilitatorRequestReading {
        let version = payment.form.x402Version
        if let name = requirements["network"]?.string {
            let network = version == 1 ? Network.named(v1: name) : Network(name)
            guard network != nil else { return .invalid(.invalidNetwork) }
        }
        do throws(WireError) {
            guard version == 1 else {
                let requirements = try PaymentRequirements.parse(v2: requirements)
                return .request(FacilitatorRequest(x402Version: 2, payment: payment, requirements: requirements))
            }
            let entry = try PaymentRequirements.parse(v1: requirements)
            return .request(
                FacilitatorRequest(
                    x402Version: 1, payment: payment, requirements: entry.requirements, resource: entry.resource))
        } catch {
            return .invalid(.invalidPaymentRequirements)
        }
    }
}
