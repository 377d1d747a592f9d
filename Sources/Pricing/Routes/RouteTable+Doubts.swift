/// A request whose target some servers read as another path.
struct DoubtfulRequest {
    var method: MethodCode
    var host: UnsafeRawBufferPointer
    var path: UnsafeRawBufferPointer
    var doubts: TargetDoubts
    var sawOtherCase: Bool
    /// Whether the route spells the last segment out, so that its suffix is no doubt.
    var endsInLiteral: Bool
}

extension RouteTable {
    /// The most kinds of doubt that are weighed in one target; each doubles the readings.
    package static let maximumDoubts = 4
    /// The longest path whose doubts, suffixes aside, are weighed; beyond it a doubt is a refusal.
    package static let maximumDoubtfulBytes = 2048

    /// Lets the match stand when no reading of the target meets a route of another price.
    ///
    /// A reading that meets a free route is no loss. One that meets no route is a way to what is not on the list, where a
    /// reader would cut the path; elsewhere it is only another spelling. A parameter after a semicolon is refused as
    /// soon as any reading is priced.
    func judge(_ request: DoubtfulRequest, _ match: RouteMatch) -> RouteMatch {
        guard let cost = cost(of: match) else { return match }
        if request.doubts.contains(.encodedSlash), !takesEncodedSlash(match) { return .refused(.encodedSlash) }
        if request.sawOtherCase {
            let other = plainMatch(method: request.method, host: request.host, path: request.path, exactCase: true)
            if case .priced = self.cost(of: other), self.cost(of: other) != cost { return .refused(.ambiguousCase) }
        }
        var doubts = request.doubts
        if request.endsInLiteral { doubts.remove(.suffix) }
        if doubts.isEmpty { return match }
        if doubts == .suffix { return judgeSuffix(request, match, cost) }
        return judgeReadings(request, doubts, match, cost)
    }

    /// Nil when the request is not forwarded at all.
    private func cost(of match: RouteMatch) -> RouteCost? {
        switch match {
        case .route(let index): costs[index]
        case .none: unmatched.isFree ? .free : nil
        case .methodNotAllowed, .refused: nil
        }
    }

    private func takesEncodedSlash(_ match: RouteMatch) -> Bool {
        switch match {
        case .route(let index): keepsEncodedSlash[index]
        case .none: unmatched == .free(keepsEncodedSlash: true)
        case .methodNotAllowed, .refused: false
        }
    }

    /// The common doubt, judged without an allocation: what stands before the first and the last dot.
    private func judgeSuffix(_ request: DoubtfulRequest, _ match: RouteMatch, _ cost: RouteCost) -> RouteMatch {
        let (first, last) = PathReading.suffixes(of: request.path)
        if let first, meetsOtherPrice(request, end: first, cost) { return .refused(.ambiguousSuffix) }
        if let last, last != first, meetsOtherPrice(request, end: last, cost) { return .refused(.ambiguousSuffix) }
        return match
    }

    private func meetsOtherPrice(_ request: DoubtfulRequest, end: Int, _ cost: RouteCost) -> Bool {
        let path = UnsafeRawBufferPointer(rebasing: request.path[..<end])
        let other = self.cost(of: plainMatch(method: request.method, host: request.host, path: path))
        guard case .priced = other else { return false }
        return other != cost
    }

    private func judgeReadings(
        _ request: DoubtfulRequest, _ doubts: TargetDoubts, _ match: RouteMatch, _ cost: RouteCost
    ) -> RouteMatch {
        guard doubts.rawValue.nonzeroBitCount <= Self.maximumDoubts, request.path.count <= Self.maximumDoubtfulBytes
        else { return .refused(doubts.refusal) }
        if doubts.contains(.pathParameter), cost != .free { return .refused(.pathParameter) }
        // What is cut off may leave an edge or a suffix behind.
        let doubts = doubts.isDisjoint(with: .cuts) ? doubts : doubts.union([.edge, .suffix])
        // Every non-empty subset of the doubts is a reader.
        var subset = (0 &- doubts.rawValue) & doubts.rawValue
        while subset != 0 {
            let reading = TargetDoubts(rawValue: subset)
            for firstDot in reading.contains(.suffix) ? [true, false] : [true] {
                if let refusal = judge(request, reading, firstDot: firstDot, cost) { return .refused(refusal) }
            }
            subset = (subset &- doubts.rawValue) & doubts.rawValue
        }
        return match
    }

    private func judge(
        _ request: DoubtfulRequest, _ doubts: TargetDoubts, firstDot: Bool, _ cost: RouteCost
    ) -> TargetRefusal? {
        var reading = PathReading(request.path, keepingSlashes: !doubts.contains(.encodedSlash))
        reading.apply(doubts, literals: literals, firstDot: firstDot)
        if let refusal = reading.refusal { return refusal }
        let other = reading.path.withUnsafeBytes { path in
            self.cost(of: plainMatch(method: request.method, host: request.host, path: path))
        }
        switch other {
        case cost, .free: return nil
        case nil:
            return doubts.isDisjoint(with: .cuts) ? nil : doubts.refusal
        case .priced: return doubts.refusal
        }
    }
}

extension TargetDoubts {
    /// Doubts that leave another path behind, not another spelling.
    static let cuts: TargetDoubts = [.pathParameter, .encodedSlash, .encodedDelimiter]

    /// What a target is refused for when this reading of it costs something else.
    var refusal: TargetRefusal {
        if contains(.pathParameter) { return .pathParameter }
        if contains(.encodedSlash) { return .encodedSlash }
        if contains(.encodedDelimiter) { return .encodedDelimiter }
        if contains(.edge) { return .ambiguousEdge }
        if contains(.plus) { return .ambiguousSpace }
        return contains(.unicode) ? .ambiguousUnicode : .ambiguousSuffix
    }
}
