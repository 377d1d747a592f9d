package import X402

// Codes of the official Python SDK 2.25 that the rails add to the shared list.
extension ReasonCode {
    /// The network is no EVM chain.
    package static let noNetworkConfiguration = ReasonCode(rawValue: "invalid_exact_evm_failed_to_get_network_config")
    /// The asset is no contract.
    package static let noAssetInformation = ReasonCode(rawValue: "invalid_exact_evm_failed_to_get_asset_info")
}
