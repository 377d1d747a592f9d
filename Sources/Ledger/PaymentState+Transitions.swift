extension PaymentState {
    /// The state after an event, nil where the event may not come.
    ///
    /// A service in brackets is what the event makes of it; without, it stays as it was.
    ///
    /// | event | from value | from service | to value |
    /// |---|---|---|---|
    /// | `settle` | reserved | unused, forwarding | settling |
    /// | `settle` | owed | any | settling |
    /// | `charged` | reserved | unused, forwarding | same |
    /// | `sent` | settling, uncertain | any | same |
    /// | `settled` | reserved, settling, uncertain, owed | any [with a lease: unused → forwarding] | settled |
    /// | `released` | reserved, settling, uncertain | unused, undelivered, forwarding [→ undelivered] | released |
    /// | `uncertain` | settling, uncertain, settled | any | uncertain |
    /// | `delivered` | settling, uncertain, settled | forwarding [→ delivered] | same |
    /// | `delivered` | settled | unused [→ delivered]: a seller was told, who serves by itself | same |
    /// | `undelivered` | settling, uncertain, settled | unused, forwarding [→ undelivered] | same |
    /// | `owed` | reserved, settling, uncertain | forwarding [→ delivered], delivered | owed |
    /// | `deferred` | settling, uncertain | forwarding [→ delivered], delivered | owed |
    /// | `writtenOff` | owed | any | written off |
    /// | `expired` | reserved | unused | expired |
    /// | `renewed` | reserved, settling, uncertain, settled | forwarding | same |
    ///
    /// What was served is never released: it is owed. An undelivered service stays so when its value settles late, since only
    /// a claim opens it again. `uncertain` from `settled` is a reorganised chain.
    package func after(_ event: PaymentEvent) -> PaymentState? {
        switch event {
        case .settle: onSettle
        case .charged: value == .reserved && (service == .unused || service == .forwarding) ? self : nil
        case .sent: value == .settling || value == .uncertain ? self : nil
        case .settled(_, let forwardingUntil): onSettled(leased: forwardingUntil != nil)
        case .released: onReleased
        case .uncertain: onUncertain
        case .delivered: onDelivered
        case .undelivered: onUndelivered
        case .owed: onOwed
        case .deferred: value == .reserved ? nil : onOwed
        case .writtenOff: value == .owed ? with(.writtenOff) : nil
        case .expired: value == .reserved && service == .unused ? with(.expired) : nil
        case .renewed: onRenewed
        }
    }

    private var onSettle: PaymentState? {
        switch (value, service) {
        case (.reserved, .unused), (.reserved, .forwarding), (.owed, _): with(.settling)
        default: nil
        }
    }

    private func onSettled(leased: Bool) -> PaymentState? {
        switch value {
        case .reserved, .settling, .uncertain, .owed:
            PaymentState(value: .settled, service: leased && service == .unused ? .forwarding : service)
        case .settled, .released, .expired, .writtenOff: nil
        }
    }

    private var onReleased: PaymentState? {
        switch (value, service) {
        case (.reserved, .delivered), (.settling, .delivered), (.uncertain, .delivered): nil
        case (.reserved, _), (.settling, _), (.uncertain, _):
            PaymentState(value: .released, service: service == .forwarding ? .undelivered : service)
        default: nil
        }
    }

    private var onUncertain: PaymentState? {
        switch value {
        case .settling, .uncertain, .settled: with(.uncertain)
        case .reserved, .released, .expired, .owed, .writtenOff: nil
        }
    }

    private var onDelivered: PaymentState? {
        let wasTold = service == .unused && value == .settled
        guard wasTold || (service == .forwarding && valueIsSent) else { return nil }
        return PaymentState(value: value, service: .delivered)
    }

    private var onUndelivered: PaymentState? {
        guard service == .forwarding || service == .unused, valueIsSent else { return nil }
        return PaymentState(value: value, service: .undelivered)
    }

    private var onOwed: PaymentState? {
        guard service == .forwarding || service == .delivered else { return nil }
        switch value {
        case .reserved, .settling, .uncertain: return PaymentState(value: .owed, service: .delivered)
        case .settled, .released, .expired, .owed, .writtenOff: return nil
        }
    }

    private var onRenewed: PaymentState? {
        service == .forwarding && (valueIsSent || value == .reserved) ? self : nil
    }

    /// Whether the rail was asked and has not refused.
    private var valueIsSent: Bool {
        switch value {
        case .settling, .uncertain, .settled: true
        case .reserved, .released, .expired, .owed, .writtenOff: false
        }
    }

    private func with(_ value: ValueState) -> PaymentState {
        PaymentState(value: value, service: service)
    }
}
