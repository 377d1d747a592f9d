package import Facilitator
package import Pricing
package import Transport

/// An HTTP service that tells prices, behind a breaker.
package struct PriceService: PriceTeller {
    private let url: OutgoingURL
    private let timeout: Duration
    private let client: PeerClient

    package init(url: OutgoingURL, timeout: Duration, apiKey: Secret?, client: OutgoingClient) {
        self.url = url
        self.timeout = timeout
        self.client = PeerClient(
            adapter: "price service", client: client, apiKey: apiKey, breaker: CircuitBreaker.Policy(), clock: .system,
            maxAnswerBytes: PriceServiceMessage.maxAnswerBytes)
    }

    package func ask(_ question: PriceServiceMessage.Question) async -> ToldPrice? {
        // Asking a price twice does no harm.
        let asked = await client.post(url, PeerCall(body: question.text, mayRepeat: true, timeout: timeout))
        guard case .answered(let status, let body) = asked.reply, (200..<300).contains(status) else { return nil }
        let told = status == 200 ? PriceServiceMessage.answer(body) : nil
        client.report(believed: told != nil)
        return told
    }
}
