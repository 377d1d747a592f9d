import Pricing

/// Prices that depend on what a payer has paid before.
extension FileReader {
    /// `volume_per`, in seconds; nil where no rule needs it, and where it is wrong.
    func volumeWindow(_ section: Section, _ table: PriceTable) -> Int64? {
        guard table.dependsOnPayer else {
            section.refuse(["volume_per"], "has no meaning: no rule asks what a payer has paid")
            return nil
        }
        guard let window = section.require("volume_per", ValueKind.duration) else { return nil }
        guard window.value.components.attoseconds == 0 else {
            log.add(window.place, "must be whole seconds")
            return nil
        }
        return window.value.components.seconds
    }

    func checkVolume(_ price: PriceDraft, _ section: Section, _ terms: PaymentTerms) {
        guard case .table(let table)? = price.price, table.dependsOnPayer else { return }
        if section.has("bundle") {
            log.add(
                section.place(of: "bundle"),
                "has no payer that is known at each request: no rule may ask what it has paid")
        }
        guard table.dependsOnDollarsPaid else { return }
        for asset in terms.accepts ?? []
        where !asset.value.asset.isDollarPegged && price.terms.rates[asset.value.id] == nil {
            log.addOnce(
                price.place,
                "has a rule with `paid`, but \(asset.value.id) is not pegged to the dollar: give it a `rate`")
        }
    }
}
