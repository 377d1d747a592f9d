import ArgumentParser

/// The request, as curl spells it.
struct PayRequestOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("What to ask for; `http://` may be left out.", valueName: "url"))
    var url: String

    @Option(name: [.customShort("X"), .customLong("request")], help: "The method; GET, or POST with -d.")
    var method: String?

    @Option(
        name: [.customShort("H"), .customLong("header")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A header field, `Name: value`; may be repeated.", valueName: "line"))
    var headers: [String] = []

    @Option(
        name: [.customShort("d"), .customLong("data")], parsing: .unconditional,
        help: ArgumentHelp("The body; `@file` reads it from a file, `@-` from standard input.", valueName: "data"))
    var data: String?

    @Option(help: ArgumentHelp("Seconds that one exchange may take.", valueName: "seconds"))
    var maxTime = 60

    @Option(help: ArgumentHelp("A PEM file of further certificate authorities to trust.", valueName: "file"))
    var cacert: String?
}

/// What may be signed, and with which key.
struct PayerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The most to pay: dollars ('$0.10', for the USDC of the catalogue) or atomic units of one asset \
            ('10000 usdc@base', '10000 0x… eip155:31337').
            """, valueName: "price"))
    var max = SpendingLimit.standard

    @Option(help: ArgumentHelp("Pay on this network only, such as eip155:8453.", valueName: "caip-2"))
    var network: String?

    @Option(
        help: ArgumentHelp("The environment variable that holds the payer's private key in hex.", valueName: "name"))
    var keyEnv = PayerKey.standardVariable

    @Option(help: ArgumentHelp("Pay in this form only: v2, v1 or plain.", valueName: "form"))
    var form: String?

    @Option(
        help: ArgumentHelp("Send this payment of an earlier call instead of signing one.", valueName: "base64"))
    var payment: String?

    @Option(help: ArgumentHelp("The Payment-Grant that came with an undelivered answer.", valueName: "token"))
    var grant: String?

    @Option(help: ArgumentHelp("How often to ask again for what was paid and not delivered.", valueName: "times"))
    var retry = 0

    @Option(help: ArgumentHelp("Seconds to go on asking while a settlement is pending.", valueName: "seconds"))
    var wait = 30
}
