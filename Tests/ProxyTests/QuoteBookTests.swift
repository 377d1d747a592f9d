import Pricing
import Primitives
import Synchronization
import Testing

@testable import Proxy

@Suite("What a price source said")
struct QuoteBookTests {
    private static let start = UnixTime(1_800_000_000)

    private static func price(_ text: String) throws -> TablePrice { TablePrice(try Price.parse(text)) }

    private static func question(_ number: Int) -> Bytes32 { SHA256.hash("question \(number)") }

    private static func ask(_ book: QuoteBook, _ number: Int = 1, at seconds: Int64 = 0) -> String {
        switch book.ask(question(number), now: start.adding(seconds: seconds), reply: { _ in }) {
        case .holds(let told): told.price.description
        case .joined: "joined"
        case .ask: "ask"
        case .full: "full"
        }
    }

    private static func say(
        _ book: QuoteBook, _ text: String?, seconds: Int64? = nil, number: Int = 1, at time: Int64 = 0
    ) throws {
        let told = try text.map { ToldPrice(try price($0), seconds: seconds) }
        book.answered(question(number), told, now: start.adding(seconds: time))
    }

    private static func standing(_ book: QuoteBook, _ number: Int = 1, at seconds: Int64) -> [String] {
        book.standingPrices(of: question(number), now: start.adding(seconds: seconds)).map(\.description)
    }

    @Test("holds for the shorter of its own time and the file's")
    func lifetime() throws {
        let book = QuoteBook(lifetime: 30, standing: 60, maxOpen: 4)
        #expect(Self.ask(book) == "ask")
        try Self.say(book, "$1")
        #expect(Self.ask(book, at: 29) == "$1")
        #expect(Self.ask(book, at: 30) == "ask")
        try Self.say(book, "$2", seconds: 5, at: 30)
        #expect(Self.ask(book, at: 34) == "$2")
        #expect(Self.ask(book, at: 35) == "ask")
        try Self.say(book, "$3", seconds: 900, at: 35)
        #expect(Self.ask(book, at: 64) == "$3")
        #expect(Self.ask(book, at: 65) == "ask")
        try Self.say(book, "$4", seconds: 0, at: 65)
        #expect(Self.ask(book, at: 65) == "ask")
    }

    @Test("is asked once for all who wait, and tells each of them")
    func singleFlight() throws {
        let book = QuoteBook(lifetime: 30, standing: 60, maxOpen: 2)
        let heard = Mutex<[String]>([])
        for index in 0..<100 {
            let outcome = book.ask(Self.question(1), now: Self.start) { told in
                heard.withLock { $0.append(told?.price.description ?? "none") }
            }
            if case .ask = outcome { #expect(index == 0) } else { #expect(index > 0) }
        }
        #expect(Self.ask(book, 2) == "ask")
        #expect(Self.ask(book, 3) == "full")
        try Self.say(book, nil, number: 2)
        #expect(Self.ask(book, 3) == "ask", "a failure is remembered by nobody")
        try Self.say(book, "$1")
        #expect(heard.withLock { $0 } == [String](repeating: "$1", count: 100))
    }

    @Test("may be paid until its offers have ended, each of its prices for itself")
    func standingPrices() throws {
        let book = QuoteBook(lifetime: 10, standing: 60, maxOpen: 4)
        try Self.say(book, "$1")
        try Self.say(book, "$2", at: 20)
        book.gave(try Self.price("$9"), for: Self.question(1), now: Self.start.adding(seconds: 40))
        #expect(Self.standing(book, at: 40) == ["$9", "$2", "$1"])
        #expect(Self.standing(book, at: 70) == ["$9", "$2", "$1"])
        #expect(Self.standing(book, at: 71) == ["$9", "$2"])
        #expect(Self.standing(book, at: 91) == ["$9"])
        #expect(Self.standing(book, at: 101) == [])
        #expect(Self.standing(book, 2, at: 40) == [])
    }

    @Test("is bounded in questions, prices and time, whatever is asked")
    func bounds() throws {
        let book = QuoteBook(lifetime: 10, standing: 60, maxOpen: 4)
        for number in 0...QuoteBook.maximumQuestions { try Self.say(book, "$1", number: number) }
        #expect(Self.standing(book, 0, at: 1).isEmpty && Self.standing(book, 1, at: 1) == ["$1"])
        for price in 1...20 { try Self.say(book, "$\(price)", number: 5) }
        #expect(Self.standing(book, 5, at: 1).count == QuoteBook.maximumQuotes)
        #expect(Self.standing(book, 5, at: 1).first == "$20")
    }
}
