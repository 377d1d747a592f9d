/// A parser under fuzzing: what must hold for any input at all.
package struct FuzzTarget: Sendable {
    /// The name on the command line, and of the folders with its inputs.
    package let name: String
    /// Says what did not hold, nil when everything did.
    package let fault: @Sendable (UnsafeRawBufferPointer) -> String?

    /// Every target, in the order they run.
    package static let all = [
        FuzzTarget(name: "framing", fault: FramingFuzz.fault),
        FuzzTarget(name: "http2", fault: HTTP2Fuzz.fault),
        FuzzTarget(name: "http2head", fault: HTTP2HeadFuzz.fault),
        FuzzTarget(name: "target", fault: TargetFuzz.fault),
        FuzzTarget(name: "payment", fault: PaymentFuzz.fault),
        FuzzTarget(name: "routefile", fault: RouteFileFuzz.fault),
        FuzzTarget(name: "chain", fault: ChainFuzz.fault),
        FuzzTarget(name: "proxyheader", fault: ProxyHeaderFuzz.fault),
        FuzzTarget(name: "usage", fault: UsageFuzz.fault),
        FuzzTarget(name: "bodyfields", fault: BodyFieldFuzz.fault),
    ]
}
