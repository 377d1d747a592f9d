import CNGHTTP2

/// What all sessions are made of: options and callbacks, made once and never freed.
enum SessionParts {
    /// Windows and message rules are ours; a peer that makes us queue acknowledgements without reading them is cut off.
    nonisolated(unsafe) static let options: OpaquePointer? = {
        var options: OpaquePointer?
        nghttp2_option_new(&options)
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_http_messaging(options, 1)
        nghttp2_option_set_max_outbound_ack(options, 256)
        nghttp2_option_set_max_settings(options, 32)
        return options
    }()

    nonisolated(unsafe) static let callbacks: OpaquePointer? = {
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, data in
            guard let frame else { return 0 }
            let isTrailers = frame.pointee.headers.cat == NGHTTP2_HCAT_HEADERS
            delegate(data)?.fieldsBegan(frame.pointee.hd.stream_id, isTrailers: isTrailers)
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, _, name, nameLength, value, valueLength, _, data in
            delegate(data)?.fieldArrived(
                UnsafeBufferPointer(start: name, count: nameLength),
                UnsafeBufferPointer(start: value, count: valueLength))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, data in
            if let frame, let delegate = delegate(data) { received(frame, delegate) }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, streamID, bytes, count, data in
            guard let data, let bytes else { return 0 }
            let session = Unmanaged<HTTP2Session>.fromOpaque(data).takeUnretainedValue()
            if let range = session.range(of: bytes, count) { session.delegate?.dataArrived(streamID, range) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, streamID, code, data in
            delegate(data)?.streamClosed(streamID, HTTP2ErrorCode(rawValue: code))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, data in
            guard let frame else { return 0 }
            let header = frame.pointee.hd
            let endsStream = header.flags & HTTP2FrameScan.Frame.endStream != 0
            if header.type == HTTP2FrameScan.Frame.headers { delegate(data)?.headSent(header.stream_id) }
            if endsStream, header.type <= HTTP2FrameScan.Frame.headers { delegate(data)?.messageSent(header.stream_id) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, count, source, data in
            guard let frame, let header, let data, let body = source?.pointee.ptr else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            let session = Unmanaged<HTTP2Session>.fromOpaque(data).takeUnretainedValue()
            let source = Unmanaged<HTTP2BodySource>.fromOpaque(body).takeUnretainedValue()
            session.write(source, header: header, count: count)
            session.delegate?.bodySent(frame.pointee.hd.stream_id, bytes: count)
            return 0
        }
        return callbacks
    }()

    /// The way in which nghttp2 asks a source for bytes.
    static func provider(_ body: HTTP2BodySource) -> nghttp2_data_provider {
        let pointer = Unmanaged.passUnretained(body).toOpaque()
        return nghttp2_data_provider(source: nghttp2_data_source(ptr: pointer)) {
            _, streamID, _, limit, flags, source, data in
            guard let data, let flags, let body = source?.pointee.ptr else {
                return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
            }
            let session = Unmanaged<HTTP2Session>.fromOpaque(data).takeUnretainedValue()
            let source = Unmanaged<HTTP2BodySource>.fromOpaque(body).takeUnretainedValue()
            return session.read(source, streamID, atMost: limit, &flags.pointee)
        }
    }

    private static func delegate(_ data: UnsafeMutableRawPointer?) -> (any HTTP2SessionDelegate)? {
        data.flatMap { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue().delegate }
    }

    private static func received(_ frame: UnsafePointer<nghttp2_frame>, _ delegate: any HTTP2SessionDelegate) {
        let header = frame.pointee.hd
        let endsStream = header.flags & HTTP2FrameScan.Frame.endStream != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue: delegate.fieldsEnded(header.stream_id, endsStream: endsStream)
        case NGHTTP2_DATA.rawValue: if endsStream { delegate.dataEnded(header.stream_id) }
        case NGHTTP2_RST_STREAM.rawValue: delegate.streamReset(header.stream_id)
        case NGHTTP2_PING.rawValue:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { delegate.pingAcknowledged() }
        case NGHTTP2_SETTINGS.rawValue:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { delegate.settingsArrived() }
        case NGHTTP2_GOAWAY.rawValue: delegate.goAwayArrived()
        default: break
        }
    }
}
