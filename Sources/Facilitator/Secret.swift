/// A text that never shows itself: an API key from the environment.
package struct Secret: Hashable, Sendable {
    private let text: String

    /// Nil for an empty text, or one that could not stand in a header field.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.text = text
    }

    /// Lends the text to the one place that sends it.
    package func reveal<R>(_ body: (String) throws -> R) rethrows -> R {
        try body(text)
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
