import NIOCore

@testable import Transport

/// Both sides of one connection, in memory.
struct TLSPair {
    let client: TLSEngine
    let server: TLSEngine

    init(
        _ client: TLSContext, _ server: ServerTLS, name: String = "localhost",
        offering: [ApplicationProtocol] = [.http1]
    ) throws {
        self.client = try TLSEngine(context: client, connectingTo: name, isIPLiteral: false)
        self.server = try server.makeEngine(offering: offering)
    }

    /// How the handshake ends for each side; nil where it waits for ever.
    func shake(piece: Int = .max) -> (client: TransportError?, server: TransportError?, isDone: Bool) {
        var failures: (client: TransportError?, server: TransportError?) = (nil, nil)
        for _ in 0..<20 {
            if case .failed(let error) = client.handshake() { failures.client = failures.client ?? error }
            move(from: client, to: server, piece) {
                if case .failed(let error) = server.handshake() { failures.server = failures.server ?? error }
            }
            move(from: server, to: client, piece) {
                if case .failed(let error) = client.handshake() { failures.client = failures.client ?? error }
            }
        }
        return (failures.client, failures.server, client.isHandshakeDone && server.isHandshakeDone)
    }

    /// Carries what one side has to say to the other, in pieces.
    func move(from sender: TLSEngine, to receiver: TLSEngine, _ piece: Int, _ taken: () -> Void) {
        guard var bytes = sender.takeOutput() else { return }
        while let part = bytes.readSlice(length: min(piece, bytes.readableBytes)), part.readableBytes > 0 {
            receiver.receive(part)
            taken()
        }
    }

    /// Sends text from one side and returns what the other reads.
    func send(_ text: String, from sender: TLSEngine, to receiver: TLSEngine, piece: Int = .max) -> String {
        var text = text
        var plaintext = ByteBuffer()
        _ = text.withUTF8 { sender.write(UnsafeRawBufferPointer($0)) }
        move(from: sender, to: receiver, piece) { _ = receiver.read(into: &plaintext) }
        return String(buffer: plaintext)
    }
}

extension TLSEngine {
    /// The subject of the certificate that the other side showed.
    var peerSubject: String? {
        peerCertificate?.subject
    }
}
