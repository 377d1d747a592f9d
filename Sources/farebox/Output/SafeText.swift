extension String {
    /// Text of a stranger, fit for a terminal: control characters are shown as `?`, and it ends after `limit` characters.
    func shown(limit: Int = 200) -> String {
        var shown = ""
        for scalar in unicodeScalars.prefix(limit) {
            let isControl =
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            shown.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return unicodeScalars.count > limit ? shown + "…" : shown
    }
}
