import EVM
import Facilitator
import Testing
import X402

struct AdapterRegistryTests {
    private func rail(
        _ id: String, _ networks: [String], versions: [Int] = [1, 2], scheme: String = "exact"
    ) -> any Rail {
        MockEVMRail(
            AdapterScope(id: id, versions: versions, schemes: [scheme], networks: networks.map(Fixture.pattern)),
            settings: MockEVMSettings())
    }

    @Test(
        "an exact network beats a pattern, and the pattern takes the rest",
        arguments: [
            (2, "exact", "eip155:8453", "base"), (1, "exact", "eip155:8453", "base"),
            (2, "exact", "eip155:1", "any"), (2, "exact", "eip155:84530", "any"),
            (1, "exact", "eip155:1", nil), (2, "upto", "eip155:8453", nil), (2, "exact", "offchain:bank", nil),
            (3, "exact", "eip155:8453", nil), (2, "exact", "eip1559:1", nil),
        ] as [(Int, String, String, String?)])
    func lookup(version: Int, scheme: String, network: String, expected: String?) throws {
        let registry = try AdapterRegistry([
            rail("any", ["eip155:*"], versions: [2]), rail("base", ["eip155:8453"]),
        ])
        let found = registry.rail(version: version, scheme: scheme, network: Fixture.network(network))
        #expect(found?.id == expected)
    }

    @Test("equal claims and equal ids are all told at once")
    func ties() {
        let conflict = #expect(throws: RegistryConflict.self) {
            try AdapterRegistry([
                rail("a", ["eip155:8453", "eip155:*"], versions: [2]), rail("b", ["eip155:8453"], versions: [2]),
                rail("c", ["eip155:*"], versions: [2]), rail("a", ["eip155:1"], versions: [2]),
            ])
        }
        #expect(conflict?.pairs.count == 3)
        let text = conflict?.description ?? ""
        #expect(text.contains("adapters `a` and `b` both serve version 2, scheme exact, network eip155:8453"))
        #expect(text.contains("adapters `a` and `c` both serve version 2, scheme exact, network eip155:*"))
        #expect(text.contains("two adapters have the id `a`"))
    }

    @Test("the same network in two versions or schemes is no tie")
    func noTies() throws {
        let registry = try AdapterRegistry([
            rail("one", ["eip155:8453"], versions: [1]), rail("two", ["eip155:8453"], versions: [2]),
            rail("other", ["eip155:8453"], versions: [2], scheme: "upto"),
        ])
        #expect(registry.rails.map(\.id) == ["one", "two", "other"])
        #expect(registry.rail(id: "two")?.id == "two")
        #expect(registry.rail(id: "three") == nil)
    }

    @Test("/supported names version 1 networks by their own names, marks mocks, and merges signers")
    func supported() throws {
        let bank = MockOffchainRail(
            AdapterScope(id: "bank", versions: [2], networks: [Fixture.pattern("offchain:*")], signers: ["bank"]),
            settings: MockOffchainSettings())
        let more = MockOffchainRail(
            AdapterScope(
                id: "more", versions: [2], schemes: ["upto"], networks: [Fixture.pattern("offchain:*")],
                signers: ["bank", "other"]),
            settings: MockOffchainSettings())
        let registry = try AdapterRegistry([rail("evm", ["eip155:8453", "eip155:42161", "eip155:*"]), bank, more])
        let answer = registry.supported
        let mock = [JSONMember("mock", .bool(true))]
        let expected: [(Int, String, String)] = [
            // Arbitrum and patterns have no version 1 name.
            (1, "exact", "base"), (2, "exact", "eip155:8453"), (2, "exact", "eip155:42161"), (2, "exact", "eip155:*"),
            (2, "exact", "offchain:*"), (2, "upto", "offchain:*"),
        ]
        #expect(
            answer.kinds
                == expected.map {
                    SupportedAnswer.Kind(x402Version: $0.0, scheme: $0.1, network: $0.2, extra: mock)
                })
        #expect(answer.signers == [SupportedAnswer.Signers(pattern: "offchain:*", signers: ["bank", "other"])])
        #expect(answer.extensions == ["payment-identifier"])
    }

    @Test("mock rails announce themselves, and say that no value moves")
    func notices() throws {
        let registry = try AdapterRegistry([rail("demo", ["eip155:84532"])])
        #expect(registry.notices.count == 1)
        #expect(registry.notices.first?.contains("`demo`") == true)
        #expect(registry.notices.first?.contains("NO VALUE MOVES") == true)
    }
}
