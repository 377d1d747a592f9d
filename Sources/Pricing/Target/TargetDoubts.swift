/// Marks of a canonical target that some servers read as another path.
///
/// A target with marks is admitted by the route table only when no such reading meets a route of another price.
package struct TargetDoubts: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `;` or `%3B`: servlet containers drop what follows in the segment.
    package static let pathParameter = TargetDoubts(rawValue: 1 << 0)
    /// `%2F`, admitted by policy: a reader may split the segment there.
    package static let encodedSlash = TargetDoubts(rawValue: 1 << 1)
    /// `%3F` or `%23`: a reader that decodes first ends the path there.
    package static let encodedDelimiter = TargetDoubts(rawValue: 1 << 2)
    /// A segment that ends in a dot, or ends or begins with a space: file systems drop them.
    package static let edge = TargetDoubts(rawValue: 1 << 3)
    /// `+` or `%2B`: form decoders read a space.
    package static let plus = TargetDoubts(rawValue: 1 << 4)
    /// Characters beyond ASCII: case folding, width folding and normal forms differ.
    package static let unicode = TargetDoubts(rawValue: 1 << 5)
    /// A dot inside the last segment: frameworks take the rest for a format (`/report.json` is `/report`).
    package static let suffix = TargetDoubts(rawValue: 1 << 6)
}
