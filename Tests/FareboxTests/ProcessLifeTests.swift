import Testing

@testable import farebox

@Suite("The life of a process")
struct ProcessLifeTests {
    @Test(
        "signals mean what those before them leave to be meant",
        arguments: [
            ([.reload, .reload], [.reload, .reload]), ([.stop], [.stop]),
            ([.stop, .reload, .replace], [.stop, nil, nil]), ([.reload, .stop, .stop], [.reload, .stop, .hurry]),
            ([.stop, .stop, .stop, .stop], [.stop, .hurry, .abandon, .abandon]),
            ([.replace, .replace], [.replace, .replace]), ([.replace, .stop], [.replace, .stop]),
        ] as [([SignalState.Kind], [SignalOrder?])])
    func signals(_ received: [SignalState.Kind], _ orders: [SignalOrder?]) {
        var state = SignalState()
        let found = received.map { state.received($0) }
        #expect(found == orders)
    }

    @Test("whoever makes way for a successor can still be stopped for good, then hurried")
    func replacing() {
        var state = SignalState()
        let asked = state.received(.replace)
        #expect(asked == .replace)
        let begins = state.beginReplacing()
        #expect(begins && state.isReplacing)
        let after = [state.received(.reload), state.received(.stop), state.received(.stop)]
        #expect(after == [nil, .stopInstead, .hurry])
        #expect(!state.isReplacing)
    }

    @Test("a process that was asked to stop makes way for nobody")
    func stoppedFirst() {
        var state = SignalState()
        let order = state.received(.stop)
        let begins = state.beginReplacing()
        #expect(order == .stop && !begins && !state.isReplacing)
    }

    @Test(
        "notices are what sd_notify(3) has, and a status is one line",
        arguments: [
            (.ready("4 routes"), "READY=1\nSTATUS=4 routes"),
            (.reloading(microseconds: 12), "RELOADING=1\nMONOTONIC_USEC=12\nSTATUS=reloading"),
            (.stopping("draining"), "STOPPING=1\nSTATUS=draining"), (.alive, "WATCHDOG=1"),
            (.status("a\nREADY=1"), "STATUS=a READY=1"),
        ] as [(ServiceNotice, String)])
    func notices(_ notice: ServiceNotice, _ text: String) {
        #expect(notice.text == text)
    }

    @Test(
        "a service manager is known by its variables",
        arguments: [
            ([:], nil, nil), (["NOTIFY_SOCKET": "/run/notify"], .path("/run/notify"), nil),
            (["NOTIFY_SOCKET": "@farebox"], .abstract("farebox"), nil), (["NOTIFY_SOCKET": "@"], nil, nil),
            (["NOTIFY_SOCKET": "vsock:2:1"], nil, nil), (["NOTIFY_SOCKET": "run/notify"], nil, nil),
            (["WATCHDOG_USEC": "2000000"], nil, .seconds(2)),
            (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"], nil, .seconds(2)),
            (["WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "8"], nil, nil), (["WATCHDOG_USEC": "0"], nil, nil),
            (["WATCHDOG_USEC": "soon"], nil, nil),
        ] as [([String: String], ServiceEnvironment.Place?, Duration?)])
    func serviceManager(_ variables: [String: String], _ place: ServiceEnvironment.Place?, _ watchdog: Duration?) {
        let environment = ServiceEnvironment(variables, processID: 7)
        #expect(environment.place == place)
        #expect(environment.watchdog == watchdog)
    }

    @Test("whoever waits stops waiting when nothing is to be waited for any more")
    func haste() async {
        let haste = Haste()
        async let slept: Void = haste.sleep(for: .seconds(3600))
        async let wanted: Void = haste.wanted()
        haste.want()
        _ = await (slept, wanted)
        #expect(haste.isWanted)
        await haste.wanted()
        await haste.sleep(for: .seconds(3600))
    }

    @Test("waiting for haste ends with the task that waits")
    func hasteCancelled() async {
        let haste = Haste()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await haste.wanted() }
            tasks.cancelAll()
        }
        #expect(!haste.isWanted)
    }
}
