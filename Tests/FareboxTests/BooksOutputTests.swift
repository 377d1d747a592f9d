import Ledger
import Primitives
import Testing
import X402

@testable import farebox

@Suite("The books as files and on a terminal")
struct BooksOutputTests {
    static let cells: [(String, String)] = [
        ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("two\nlines", "\"two\nlines\""), ("=1+1", "'=1+1"), ("@x", "'@x"), ("-5", "'-5"), ("+5", "'+5"),
        ("=A1,B1", "\"'=A1,B1\""), ("a=b", "a=b"), ("\u{1F4B6}", "\u{1F4B6}"),
    ]

    @Test("a cell is quoted where it must be, and never a formula", arguments: cells)
    func cell(text: String, expected: String) {
        #expect(CSVLine.text([text, nil, "z"]) == "\(expected),,z")
    }

    static let times: [(String, Int64?)] = [
        ("2026-11-21", 1_795_219_200), ("2026-11-21T09:05:00Z", 1_795_251_900),
        ("2026-11-21T10:05:00+01:00", 1_795_251_900), ("1970-01-01", 0), ("2026-02-30", nil),
        ("2026-02-30T00:00:00Z", nil), ("2026-11-21T", nil),
        ("yesterday", nil), ("", nil), ("1795219200", nil), ("2026-11-21 09:05", nil),
    ]

    @Test("a time is a day or a moment, and nothing that looks like one", arguments: times)
    func time(text: String, seconds: Int64?) {
        #expect(TimeArgument(argument: text)?.time == seconds.map { UnixTime($0) })
    }

    private func entry(_ kind: JournalKind, asset: String?, transaction: String? = nil) -> JournalEntry {
        let line = JournalLine(
            kind: kind, isSellers: false, at: UnixTime(1_800_000_000), subject: .zero, amount: UInt256(1500))
        return JournalEntry(
            number: 7, line: line,
            currency: Currency(network: Network(chainID: 8453), asset: asset.map { Account($0) }),
            transaction: transaction, hash: .zero)
    }

    @Test("an entry is a debit and a credit, one line each")
    func postings() {
        let hash = "0x" + String(repeating: "0", count: 64)
        let payment = String(repeating: "0", count: 32)
        #expect(
            entry(.sale, asset: "EUR").csvLines == [
                "7,2027-01-15T08:00:00Z,sale,\(payment),,eip155:8453,EUR,payer,1500,,\(hash)",
                "7,2027-01-15T08:00:00Z,sale,\(payment),,eip155:8453,EUR,revenue,,1500,\(hash)",
            ])
        #expect(
            entry(.fee, asset: nil, transaction: "0xabc").csvLines == [
                "7,2027-01-15T08:00:00Z,fee,,0xabc,eip155:8453,,network_fee,1500,,\(hash)",
                "7,2027-01-15T08:00:00Z,fee,,0xabc,eip155:8453,,gas,,1500,\(hash)",
            ])
    }

    @Test("an audit tells every account, and that older payments are not in it")
    func audit() {
        var audit = JournalAudit()
        audit.olderPayments = 3
        let line = entry(.sale, asset: "EUR").line
        var chain = JournalChain()
        let currency = Currency(network: Network(chainID: 8453), asset: Account("EUR"))
        chain.append(line, currency: currency.digest)
        audit.follow(JournalEntry(number: 1, line: line, currency: currency, hash: chain.hash))
        audit.finish()
        #expect(audit.json["sound"] == .bool(true) && audit.json["olderPayments"] == .integer(3))
        #expect(audit.json["head"] == .string("1:\(chain.hash)"))
        let text = audit.lines.joined(separator: "\n")
        #expect(text.contains("3, from before the journal began"))
        #expect(text.contains("eip155:8453  EUR    payer     1500       0     1500"))
        #expect(text.contains("eip155:8453  EUR    revenue      0    1500    -1500"))
    }
}
