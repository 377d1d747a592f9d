/// The texts and codes by which nodes say what JSON-RPC has no code for.
///
/// Texts are compared by their letters alone, so that "already known", "AlreadyKnown" and "ALREADY_KNOWN" are one.
enum NodeText {
    /// The letters of a text in lower case; of a long one only the beginning.
    static func letters(of text: String) -> String {
        var letters: [UInt8] = []
        for byte in text.utf8.prefix(maxBytes) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): letters.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): letters.append(byte | 0x20)
            default: break
            }
        }
        return String(decoding: letters, as: UTF8.self)
    }

    /// The bytes of a text that are looked at.
    static let maxBytes = 512

    /// EIP-1474 "limit exceeded", and what providers use beside it.
    static let rateLimitCodes: Set<Int> = [-32005, -32007, -32016, -32029, 429]
    /// JSON-RPC 2.0 "method not found", EIP-1474 "method not supported", and HTTP's codes where providers put them.
    static let notOfferedCodes: Set<Int> = [-32601, -32004, 401, 403]
    /// JSON-RPC 2.0 "invalid params".
    static let badParameters = -32602

    static func isRateLimit(_ words: String) -> Bool {
        has(
            words, "ratelimit", "toomanyrequests", "requestlimit", "ratelimited", "exceededitscomputeunits",
            "capacitylimit", "quotaexceeded", "requestcountexceeded")
    }

    /// What no pool takes, whatever the state of the chain.
    static func isNoTransaction(_ words: String) -> Bool {
        has(
            words, "intrinsicgastoolow", "exceedsblockgaslimit", "gaslimitexceeded", "gaslimittoohigh", "invalidsender",
            "invalidchainid", "wrongchainid", "typenotsupported", "higherthanmaxfeepergas", "tipabovefeecap",
            "oversizeddata", "maxinitcodesize", "exceedstheconfiguredcap", "transactionpoolisfull", "txpoolisfull",
            "invalidsignature", "rlp")
    }

    /// Executions that end without a revert.
    static func isFailedExecution(_ words: String) -> Bool {
        has(
            words, "outofgas", "invalidopcode", "invalidjump", "stackunderflow", "stacklimit", "badinstruction",
            "vmexecutionerror", "executionaborted", "writeprotection", "gasuintoverflow", "returndataoutofbounds")
    }

    /// Transactions that no state of their contract would let happen.
    static func isImpossible(_ words: String) -> Bool {
        has(
            words, "insufficientfunds", "insufficientbalance", "gasrequiredexceeds", "exceedsallowance", "intrinsicgas",
            "exceedsblockgaslimit", "gaslimittoohigh", "exceedstransactiongaslimit", "gaslimitistoohigh",
            "maxinitcodesize", "alwaysfailing")
    }

    /// Ranges that are too wide for one answer.
    static func isTooWide(_ words: String) -> Bool {
        has(
            words, "blockrange", "rangetoolarge", "rangeistoolarge", "rangelimit", "maxrange", "morethan",
            "toomanyresults", "toomanylogs", "maxresults", "responsesize", "responsetoolarge", "responseistoolarge",
            "toomanyblocks",
            "limitedto", "exceedsmax", "exceedmax")
    }

    /// In the order in which they are looked for: some contain words of others.
    static let sendOutcomes: [(outcome: SendOutcome, words: [String])] = [
        (
            .alreadyKnown,
            [
                "alreadyknown", "knowntransaction", "existingtxwithsamehash", "alreadyimported", "alreadyinmempool",
                "alreadyinthepool", "transactionalreadyexists",
            ]
        ),
        (
            .replacementUnderpriced,
            [
                "replacementtransactionunderpriced", "replacementunderpriced", "replacementnotallowed",
                "couldnotreplaceexistingtx", "anothertransactionwithsamenonce", "replacementtransactionfeetoolow",
            ]
        ),
        (.nonceTooLow, ["noncetoolow", "nonceistoolow", "oldnonce", "noncealreadyused", "noncehasalreadybeenused"]),
        (
            .nonceTooHigh,
            [
                "noncetoohigh", "nonceistoohigh", "noncegap", "futurenonce", "noncetoodistant", "nonceistoodistant",
                "noncetoofar", "gappednonce",
            ]
        ),
        (
            .feeTooLow,
            [
                "underpriced", "feetoolow", "lessthanblockbasefee", "lowerthanblockbasefee", "belowblockbasefee",
                "gaspricetoolow", "gaspriceistoolow", "gaspricebelow", "tipcapbelow", "lessthantheblocksbasefee",
            ]
        ),
        (
            .insufficientFunds,
            ["insufficientfunds", "insufficientbalance", "upfrontcostexceeds", "exceedsaccountbalance"]
        ),
    ]

    private static func has(_ words: String, _ patterns: String...) -> Bool {
        patterns.contains { words.contains($0) }
    }
}
