# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Creates contract wallets at addresses that are known before (ERC-6492), for tests only
"""

calls: public(uint256)

@external
def create(blueprint: address, owner: address, salt: bytes32) -> address:
    self.calls += 1
    return create_from_blueprint(blueprint, owner, salt=salt)
