/// How the command ends; docs/cli.md has the table.
enum ExitStatus: Int32, Error, Hashable {
    case success = 0
    /// The command could not do its work: a bad file, a ledger or an address that cannot be had, an HTTP error.
    case failure = 1
    /// The command line itself is wrong.
    case usage = 2
    /// `pay`: no offer keeps to the payer's rules; nothing was signed.
    case refusedByPolicy = 3
    /// `pay`: the server did not take the payment.
    case paymentNotAccepted = 4
    /// `pay`: the server could not be reached; no payment was sent.
    case unreachable = 5
    /// `pay`: a payment was sent and its fate is not known.
    case fateUnknown = 6
    /// `pay`: settled, but what was paid for did not come.
    case undelivered = 7
}
