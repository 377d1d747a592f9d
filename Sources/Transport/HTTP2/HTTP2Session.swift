import CNGHTTP2
import NIOCore

/// The frames, streams and windows of one HTTP/2 connection, on nghttp2; knows no channel.
///
/// Bytes of the peer go in through `receive`, bytes for the peer come out of `gather`. Windows open only as far as the
/// delegate consumes what arrived. The rules of messages (RFC 9113 §8) are the delegate's, so that it can answer them.
final class HTTP2Session {
    enum Role {
        case server
        case client
    }

    /// The owner of the session, which therefore outlives it.
    unowned(unsafe) var delegate: (any HTTP2SessionDelegate)?

    private var session: OpaquePointer?
    private var block = FieldBlock()
    // What is in work; exclusive access is checked by nobody, as callbacks come back into this object.
    @exclusivity(unchecked) private var input = ByteBuffer()
    @exclusivity(unchecked) private var inputBase: UnsafeRawPointer?
    @exclusivity(unchecked) private var output = ByteBuffer()
    /// Heads whose fields nghttp2 still points into.
    @exclusivity(unchecked) private var heads: [ByteBuffer] = []
    private let noBytes = ByteBuffer()

    init(_ role: Role) {
        let pointer = Unmanaged.passUnretained(self).toOpaque()
        switch role {
        case .server: nghttp2_session_server_new2(&session, SessionParts.callbacks, pointer, SessionParts.options)
        case .client: nghttp2_session_client_new2(&session, SessionParts.callbacks, pointer, SessionParts.options)
        }
    }

    deinit {
        nghttp2_session_del(session)
    }

    // MARK: Bytes

    /// Takes bytes of the peer; false when the connection cannot go on.
    func receive(_ bytes: consuming ByteBuffer) -> Bool {
        input = bytes
        let taken = input.withUnsafeReadableBytes { raw -> Int in
            inputBase = raw.baseAddress
            return nghttp2_session_mem_recv(session, raw.bindMemory(to: UInt8.self).baseAddress, raw.count)
        }
        inputBase = nil
        input = noBytes
        return taken >= 0
    }

    /// Returns a piece of what is being received without copying it.
    func received(_ range: Range<Int>) -> ByteBuffer {
        input.getSlice(at: input.readerIndex + range.lowerBound, length: range.count) ?? noBytes
    }

    /// Appends what there is to send until `buffer` holds about `limit` bytes; returns whether all of it is in.
    func gather(into buffer: inout ByteBuffer, limit: Int) -> Bool {
        output = buffer
        buffer = noBytes
        defer {
            buffer = output
            output = noBytes
        }
        while output.readableBytes < limit {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count > 0, let bytes else { return true }
            output.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        return false
    }

    /// Whether there may be something to send; windows are not looked at.
    var wantsWrite: Bool { nghttp2_session_want_write(session) != 0 }
    /// Whether the connection has come to its end.
    var isOver: Bool { nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 }

    /// Gives back the storage of heads; call it when `gather` has given everything.
    func releaseHeads(_ body: (consuming ByteBuffer) -> Void) {
        while let head = heads.popLast() { body(head) }
    }

    // MARK: Connection

    /// Announces our settings; the first thing that is sent (RFC 9113 §3.4).
    func submitSettings(_ settings: [(id: nghttp2_settings_id, value: Int)], connectionWindow: Int) {
        let entries = settings.map {
            nghttp2_settings_entry(settings_id: Int32(bitPattern: $0.id.rawValue), value: UInt32(clamping: $0.value))
        }
        nghttp2_submit_settings(session, Self.noFlags, entries, entries.count)
        nghttp2_session_set_local_window_size(session, Self.noFlags, 0, Int32(clamping: connectionWindow))
    }

    /// Tells the peer to open no more streams, without a word on which were processed (RFC 9113 §6.8).
    func submitShutdownNotice() {
        nghttp2_submit_shutdown_notice(session)
        nghttp2_submit_ping(session, Self.noFlags, nil)
    }

    /// Tells the peer which streams will be answered; later ones are ignored.
    func submitGoAway() {
        nghttp2_submit_goaway(
            session, Self.noFlags, nghttp2_session_get_last_proc_stream_id(session), HTTP2ErrorCode.noError.rawValue,
            nil, 0)
    }

    /// Ends the connection: GOAWAY is the last thing that is sent.
    func terminate(_ code: HTTP2ErrorCode) {
        nghttp2_session_terminate_session(session, code.rawValue)
    }

    /// Asks the peer for a sign of life.
    func submitPing() {
        nghttp2_submit_ping(session, Self.noFlags, nil)
    }

    /// Streams that the peer lets us have open at once.
    var peerMaxStreams: Int {
        Int(nghttp2_session_get_remote_settings(session, NGHTTP2Setting.maxConcurrentStreams))
    }

    /// Whether the connection takes requests: none of the two sides has ended it, and numbers are left.
    var takesRequests: Bool { nghttp2_session_check_request_allowed(session) != 0 }

    // MARK: Streams

    /// Sends a request, or returns nil when the connection takes no more; without a source the stream ends with its head.
    ///
    /// Nothing may change the head's storage before `headSent` or `streamClosed`; source and object must live until
    /// `streamClosed`.
    func submitRequest(
        _ head: inout ByteBuffer, isSecure: Bool, contentLength: UInt64?, body: HTTP2BodySource?, object: AnyObject
    ) -> Int32? {
        block.loadRequest(&head, isSecure: isSecure, contentLength: contentLength)
        let pointer = Unmanaged.passUnretained(object).toOpaque()
        let streamID: Int32
        if let body {
            var provider = SessionParts.provider(body)
            streamID = nghttp2_submit_request(session, nil, block.fields, block.count, &provider, pointer)
        } else {
            streamID = nghttp2_submit_request(session, nil, block.fields, block.count, nil, pointer)
        }
        return streamID > 0 ? streamID : nil
    }

    /// Ties an object to a stream; it must live until `streamClosed`.
    func setObject(_ object: AnyObject?, for streamID: Int32) {
        let pointer = object.map { Unmanaged.passUnretained($0).toOpaque() }
        nghttp2_session_set_stream_user_data(session, streamID, pointer)
    }

    /// Returns the object of a stream, which must be of this type.
    func object<Object: AnyObject>(of streamID: Int32, as _: Object.Type) -> Object? {
        nghttp2_session_get_stream_user_data(session, streamID).map {
            Unmanaged<Object>.fromOpaque($0).takeUnretainedValue()
        }
    }

    /// Sends a final response head; without a source the stream ends with it.
    ///
    /// The source must live until `streamClosed`.
    func submitResponse(_ streamID: Int32, _ head: consuming ByteBuffer, body: HTTP2BodySource?) {
        block.loadResponse(&head)
        heads.append(head)
        guard let body else {
            nghttp2_submit_response(session, streamID, block.fields, block.count, nil)
            return
        }
        var provider = SessionParts.provider(body)
        nghttp2_submit_response(session, streamID, block.fields, block.count, &provider)
    }

    /// Sends a 1xx head.
    func submitInformational(_ streamID: Int32, _ head: consuming ByteBuffer) {
        block.loadResponse(&head)
        heads.append(head)
        nghttp2_submit_headers(session, Self.noFlags, streamID, nil, block.fields, block.count, nil)
    }

    /// Has a body's source asked again after it was filled or ended.
    func resume(_ streamID: Int32, _ source: HTTP2BodySource) {
        guard source.isDeferred else { return }
        source.isDeferred = false
        nghttp2_session_resume_data(session, streamID)
    }

    func reset(_ streamID: Int32, _ code: HTTP2ErrorCode) {
        nghttp2_submit_rst_stream(session, Self.noFlags, streamID, code.rawValue)
    }

    /// Lets the peer send so many bytes more, on the stream and on the connection.
    func consume(_ streamID: Int32, _ count: Int) {
        if count > 0 { nghttp2_session_consume(session, streamID, count) }
    }

    /// Lets the peer send so many bytes more on the stream; on the connection it may already.
    func consumeStream(_ streamID: Int32, _ count: Int) {
        if count > 0 { nghttp2_session_consume_stream(session, streamID, count) }
    }

    /// Lets the peer send so many bytes more on the connection alone.
    func consumeConnection(_ count: Int) {
        if count > 0 { nghttp2_session_consume_connection(session, count) }
    }

    private static let noFlags = UInt8(NGHTTP2_FLAG_NONE.rawValue)

    // MARK: What the callbacks do

    func range(of bytes: UnsafePointer<UInt8>, _ count: Int) -> Range<Int>? {
        guard let inputBase else { return nil }
        let start = UnsafeRawPointer(bytes) - inputBase
        return start..<start + count
    }

    /// Decides how much of a body goes into the next DATA frame.
    func read(_ source: HTTP2BodySource, _ streamID: Int32, atMost limit: Int, _ flags: inout UInt32) -> Int {
        let count = min(source.count, limit)
        if count == 0, !source.isEnded {
            source.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        flags = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        guard source.isEnded, count == source.count else { return count }
        flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
        if var trailers = source.trailers, trailers.readableBytes > 0 {
            block.loadTrailers(&trailers)
            heads.append(trailers)
            if block.count > 0 {
                flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                nghttp2_submit_trailer(session, streamID, block.fields, block.count)
            }
        }
        return count
    }

    /// Writes a DATA frame.
    func write(_ source: HTTP2BodySource, header: UnsafePointer<UInt8>, count: Int) {
        output.writeBytes(UnsafeRawBufferPointer(start: header, count: 9))
        source.move(count, to: &output)
    }
}
