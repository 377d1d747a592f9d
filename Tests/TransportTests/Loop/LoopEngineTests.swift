import Testing

@testable import Transport

@Suite("The choice of event loops")
struct LoopEngineTests {
    @Test("the environment chooses among those that the system has")
    func choice() {
        #expect(LoopEngine.choose(environment: [:]) == LoopEngine.available[0])
        #expect(LoopEngine.choose(environment: ["FAREBOX_ENGINE": "nio"]) == .nio)
        #expect(LoopEngine.choose(environment: ["FAREBOX_ENGINE": "uring"]) == nil)
        #if os(Linux)
            #expect(LoopEngine.choose(environment: ["FAREBOX_ENGINE": "epoll"]) == .epoll)
        #endif
    }
}
