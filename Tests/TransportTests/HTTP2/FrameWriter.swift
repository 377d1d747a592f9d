import NIOCore

/// Writes HTTP/2 frames by hand (RFC 9113 §4.1, §6), so that tests do not rest on the library under test.
struct FrameWriter {
    private(set) var bytes: [UInt8] = []

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Starts a connection: the preface and an empty SETTINGS frame.
    static func opening(_ settings: [(UInt16, UInt32)] = []) -> FrameWriter {
        var writer = FrameWriter()
        writer.bytes = preface
        writer.settings(settings)
        return writer
    }

    mutating func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        let count = payload.count
        bytes += [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), type, flags]
        bytes += Self.word(stream)
        bytes += payload
    }

    mutating func settings(_ values: [(UInt16, UInt32)] = []) {
        frame(4, values.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] + Self.word($1) })
    }

    mutating func settingsAck() { frame(4, flags: 1) }
    mutating func ping(ack: Bool = false) { frame(6, flags: ack ? 1 : 0, [UInt8](repeating: 7, count: 8)) }
    mutating func reset(_ stream: UInt32, code: UInt32 = 8) { frame(3, stream: stream, Self.word(code)) }
    mutating func windowUpdate(_ stream: UInt32, _ count: UInt32) { frame(8, stream: stream, Self.word(count)) }

    mutating func data(_ stream: UInt32, _ text: String, ends: Bool = false) {
        frame(0, flags: ends ? 1 : 0, stream: stream, Array(text.utf8))
    }

    /// A whole field section in one HEADERS frame.
    mutating func headers(_ stream: UInt32, _ fields: [(String, String)], ends: Bool = true) {
        frame(1, flags: ends ? 5 : 4, stream: stream, Self.block(fields))
    }

    /// A field section of literals without indexing and without Huffman coding (RFC 7541 §6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + text($0) + text($1) }
    }

    /// Fields of a request without a body.
    static func request(
        _ path: String = "/", method: String = "GET", _ more: [(String, String)] = []
    ) -> [(String, String)] {
        [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path)] + more
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return length + [UInt8(rest)] + bytes
    }

    static func word(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
    }
}

/// One frame that was received.
struct ReceivedFrame: CustomStringConvertible {
    let type: UInt8
    let flags: UInt8
    let stream: UInt32
    let payload: [UInt8]

    var endsStream: Bool { type <= 1 && flags & 1 != 0 }
    var text: String { String(decoding: payload, as: UTF8.self) }

    /// The 32-bit number at an offset.
    func word(at offset: Int = 0) -> UInt32 {
        payload[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    var description: String {
        switch type {
        case 0: "DATA(\(stream)) \(payload.count)\(endsStream ? " end" : "")"
        case 1: "HEADERS(\(stream))\(endsStream ? " end" : "")"
        case 3: "RST_STREAM(\(stream)) \(word())"
        case 4: flags & 1 != 0 ? "SETTINGS ack" : "SETTINGS"
        case 6: flags & 1 != 0 ? "PING ack" : "PING"
        case 7: "GOAWAY(\(word() & 0x7fff_ffff)) \(word(at: 4))"
        case 8: "WINDOW_UPDATE(\(stream)) \(word())"
        default: "frame \(type)"
        }
    }

    /// Reads whole frames.
    static func all(_ bytes: [UInt8]) -> [ReceivedFrame] {
        var frames: [ReceivedFrame] = []
        var index = 0
        while index + 9 <= bytes.count {
            let head = bytes[index..<index + 9].map { UInt32($0) }
            let length = Int(head[0] << 16 | head[1] << 8 | head[2])
            let stream = head[5] << 24 | head[6] << 16 | head[7] << 8 | head[8]
            guard index + 9 + length <= bytes.count else { break }
            frames.append(
                ReceivedFrame(
                    type: bytes[index + 3], flags: bytes[index + 4], stream: stream,
                    payload: Array(bytes[index + 9..<index + 9 + length])))
            index += 9 + length
        }
        return frames
    }
}
