import CNGHTTP2

/// The settings that are announced (RFC 9113 §6.5.2, RFC 9218 §2.1).
enum NGHTTP2Setting {
    static let maxConcurrentStreams = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS
    static let initialWindowSize = NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE
    static let maxHeaderListSize = NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE
    /// RFC 8441 §3.
    static let enableConnectProtocol = NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL
    static let enablePush = NGHTTP2_SETTINGS_ENABLE_PUSH
    static let noRFC7540Priorities = nghttp2_settings_id(rawValue: 9)
}
