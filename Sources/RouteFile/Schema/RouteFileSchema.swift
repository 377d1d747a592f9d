/// Every table and key of a route file, with the defaults: the one place that knows them.
package enum RouteFileSchema {
    /// The tables, by the path that mistakes use without its indices; the root is the empty path.
    package static let tables: [String: [KeySpec]] = [
        "": root, "server": server, "server.tls": tls, "server.tls.certificates": certificates,
        "facilitator": facilitator, "ledger": ledger, "payments": payments,
        "payments.batch": batch, "limits": limits, "assets": assets,
        "upstreams": upstreams, "upstreams.servers": servers,
        "upstreams.health": health, "upstreams.tls": upstreamTLS, "routes": routes, "routes.free": free,
        "routes.grant": grant, "routes.bundle": bundle, "routes.price": priceTable, "routes.price.rules": priceRules,
        "routes.price.service": priceService, "routes.price_from": priceFrom, "routes.meter": meter,
        "routes.discovery": discovery,
        "adapters": adapters,
        "adapters.backend": backend,
    ]

    private static let root: [KeySpec] = [
        .key("server"), .key("facilitator"), .key("ledger"), .key("payments"), .key("limits"), .key("assets"),
        .key("upstreams"),
        .key("routes"), .key("adapters"), .later("admin"),
    ]

    private static let server: [KeySpec] = [
        .key("listen", "\"127.0.0.1:8402\""), .key("public_url"), .key("unmatched", "\"deny\""),
        .key("unmatched_upstream"),
        .key("max_head_bytes", "\"16KiB\""), .key("max_target_bytes", "\"8KiB\""), .key("max_fields", "100"),
        .key("max_body_bytes"), .key("max_connections", "16384"), .key("header_timeout", "\"10s\""),
        .key("idle_timeout", "\"75s\""), .key("body_idle_timeout", "\"60s\""), .key("write_timeout", "\"60s\""),
        .key("upgrade_idle_timeout", "\"1h\""), .key("drain_timeout", "\"30s\""), .key("drain_delay"),
        .key("access_log", "true"), .key("discovery", "true"), .key("trusted_proxies", "[]"),
        .key("forwarded", "\"x\""),
        .key("proxy_protocol", "false"), .key("max_connections_per_client"), .key("tls"),
        .key("http2", "true"), .key("http2_max_streams", "100"), .key("http2_max_resets", "200"),
        .key("http2_max_control_frames", "1000"), .key("http2_stream_window", "\"256KiB\""),
        .key("http2_connection_window", "\"1MiB\""),
    ]

    private static let tls: [KeySpec] = [
        .key("listen", "\"0.0.0.0:443\""), .key("certificates"), .key("min_version", "\"1.2\""),
        .key("client_auth", "\"none\""), .key("client_ca_file"), .key("strict_sni", "false"),
        .key("tickets", "true"), .key("handshake_timeout", "\"10s\""), .key("ciphers", "[]"), .key("groups", "[]"),
    ]

    private static let certificates: [KeySpec] = [
        .key("cert_file"), .key("key_file"), .key("ocsp_file"),
    ]

    private static let facilitator: [KeySpec] = [
        .key("listen", "\"0.0.0.0:3402\""), .key("api_keys_env"), .key("pay_to_allowed"), .key("open", "false"),
        .key("settle_per_minute", "600"), .key("settle_burst", "60"), .key("settle_per_day"),
        .secret("api_keys", instead: "api_keys_env"),
        .secret("api_key", instead: "api_keys_env"),
    ]

    private static let ledger: [KeySpec] = [.key("url", "\"sqlite:farebox.db\"")]

    private static let payments: [KeySpec] = [
        .key("pay_to"), .key("accepts"), .key("settle", "\"before\""), .key("max_timeout_seconds", "60"),
        .key("charge_on", "[\"2xx\", \"3xx\"]"), .key("charge_min_bytes"), .key("charge_within"),
        .key("redeliveries", "3"), .key("forward_payment", "\"none\""),
        .key("forward_key_env"), .key("max_validity", "\"24h\""), .key("batch"), .key("trust_new_payers"),
        .key("new_payer_payments", "3"), .key("known_settlers", "[]"), .key("payment_identifier", "\"off\""),
        .key("identifiers_for", "\"24h\""), .key("max_kept_answer", "\"64KiB\""), .key("mode", "\"enforce\""),
        .secret("forward_key", instead: "forward_key_env"),
    ]

    private static let batch: [KeySpec] = [
        .key("interval", "\"12s\""), .key("max_items", "200"), .key("exposure_limit", "\"$1\""),
        .key("total_exposure_limit", "\"$50\""),
    ]

    private static let limits: [KeySpec] = [
        .key("client"), .key("payer"), .key("challenges"), .key("max_concurrent_per_payer"),
        .key("client_prefix", "64"), .key("max_tracked", "65536"),
    ]

    private static let assets: [KeySpec] = [
        .key("id"), .key("network"), .key("address"), .key("decimals"), .key("name"), .key("version"),
        .key("peg", "\"none\""), .key("transfer", "\"eip3009\""),
    ]

    private static let upstreams: [KeySpec] = [
        .key("name"), .key("url"), .key("servers"), .key("connect_timeout", "\"5s\""),
        .key("first_byte_timeout", "\"60s\""),
        .key("idle_timeout", "\"60s\""), .key("keep_alive_timeout", "\"30s\""), .key("queue_timeout", "\"5s\""),
        .key("max_connections", "512"), .key("max_queued", "1024"), .key("encoded_slash", "\"refuse\""),
        .key("forwarded", "\"x\""),
        .key("max_response_bytes"), .key("rewrite_location", "false"),
        .key("balance", "\"round_robin\""), .key("hash_on"), .key("retries", "1"), .key("retry_percent", "20"),
        .key("max_fails", "3"), .key("fail_timeout", "\"2s\""), .key("fail_statuses", "[]"),
        .key("slow_start", "\"10s\""), .key("resolve_interval", "\"30s\""), .key("health"), .key("tls"),
        .key("protocol", "\"auto\""), .key("http2_max_streams", "100"), .key("http2_stream_window", "\"256KiB\""),
        .key("http2_connection_window", "\"1MiB\""),
    ]

    private static let health: [KeySpec] = [
        .key("path"), .key("host"), .key("interval", "\"5s\""), .key("timeout", "\"2s\""), .key("healthy", "2"),
        .key("unhealthy", "3"), .key("status", "[\"2xx\"]"),
    ]

    private static let upstreamTLS: [KeySpec] = [
        .key("ca_file"), .key("server_name"), .key("cert_file"), .key("key_file"), .key("verify", "true"),
    ]

    private static let servers: [KeySpec] = [.key("url"), .key("weight", "1"), .key("backup", "false")]

    private static let routes: [KeySpec] = [
        .key("match"), .key("host"), .key("upstream"), .key("price"), .key("price_from"), .key("description", "\"\""),
        .key("mime_type", "\"\""), .key("settle"), .key("pay_to"), .key("accepts"), .key("max_timeout_seconds"),
        .key("charge_on"), .key("charge_min_bytes"), .key("charge_within"), .key("redeliveries"),
        .key("forward_payment"), .key("upgrade", "[\"websocket\"]"),
        .key("max_body_bytes"), .key("scrub", "[]"), .key("limit"),
        .key("client_limit"), .key("payer_limit"), .key("max_concurrent"), .key("max_queued", "128"),
        .key("queue_timeout", "\"5s\""), .key("meter"), .key("free"), .key("grant"), .key("bundle"),
        .key("payment_identifier"), .key("discoverable", "true"), .key("discovery"),
        .key("mode"),
    ]

    private static let priceTable: [KeySpec] = [
        .key("default"), .key("cost"), .key("margin"), .key("minimum"), .key("maximum"), .key("rate"),
        .key("max_body_bytes", "\"64KiB\""), .key("on_unreadable_body", "\"refuse\""), .key("rules"),
        .key("volume_per"), .key("service"),
    ]

    private static let priceService: [KeySpec] = [
        .key("url"), .key("api_key_env"), .key("timeout", "\"2s\""), .key("cache", "\"60s\""), .key("fields", "[]"),
        .key("max_concurrent", "64"), .key("fallback"), .secret("api_key", instead: "api_key_env"),
    ]

    private static let priceFrom: [KeySpec] = [
        .key("header"), .key("method", "\"HEAD\""), .key("path"), .key("headers", "[]"), .key("timeout", "\"2s\""),
        .key("cache", "\"60s\""), .key("max_concurrent", "64"), .key("fallback"),
    ]

    private static let priceRules: [KeySpec] = [.key("name"), .key("when"), .key("price"), .key("cost")]

    private static let free: [KeySpec] = [
        .key("requests"), .key("bytes"), .key("tokens"), .key("per"), .key("by", "\"ip\""),
    ]

    private static let grant: [KeySpec] = [
        .key("for"), .key("scope", "\"resource\""), .key("uses"), .key("bytes"),
    ]

    private static let discovery: [KeySpec] = [
        .key("method"), .key("body_type", "\"json\""), .key("input"), .key("input_schema"), .key("headers"),
        .key("output"), .key("output_schema"),
    ]

    private static let bundle: [KeySpec] = [
        .key("amount"), .key("for"), .key("scope", "\"route\""), .key("uses"), .key("bytes"),
        .key("on_low_balance", "\"refuse\""),
    ]

    private static let meter: [KeySpec] = [
        .key("preset"), .key("per"), .key("usage"), .key("estimate"), .key("stream_usage", "\"last\""),
        .key("on_missing", "\"estimate\""), .key("add_usage", "false"), .key("maximum", "\"price\""),
        .key("hold_up_to", "\"64KiB\""),
    ]

    private static let adapters: [KeySpec] = [
        .key("kind"), .key("id"), .key("x402_version"), .key("scheme", "\"exact\""), .key("networks"),
        .key("signers", "[]"),
        .key("url"), .key("api_key_env"), .key("timeout_seconds", "10"), .key("settle_timeout", "\"20s\""),
        .key("identity", "[\"paymentIntentId\", \"signature\"]"), .key("other_fields", "[]"), .key("backend"),
        .key("rpc_url"), .key("rpc_urls"), .key("rpc_url_env"), .key("signer_key_env"), .key("signer_key_file"),
        .key("confirmations", "1"), .key("batch_contract"), .key("known_settlers", "[]"),
        .key("wallet_factories", "[]"), .key("max_fee_per_gas", "\"50gwei\""), .key("gas_budget_per_hour"),
        .key("min_payment"), .key("native_price"), .key("bump_after", "\"15s\""),
        .secret("api_key", instead: "api_key_env"),
        .secret("signer_key", instead: "signer_key_env"), .secret("private_key", instead: "signer_key_env"),
    ]

    private static let backend: [KeySpec] = [
        .key("type"), .key("payer", "\"offchain:user:mock\""), .key("transaction_prefix", "\"offchain-tx\""),
        .key("base_url"), .key("verify_path", "\"/verify\""), .key("settle_path", "\"/settle\""), .key("api_key_env"),
        .key("timeout_seconds", "8"), .key("idempotent", "false"), .secret("api_key", instead: "api_key_env"),
    ]

    /// The keys of a table; empty for a path that is none.
    static func keys(of table: String) -> [KeySpec] { tables[table] ?? [] }
}
