"""A chain on which every kind of payer stands ready: rich, poor, wallets of all moods, and spent authorizations."""

from eth_account import Account
from eth_account.messages import encode_typed_data
from kit.payments import Payer
from kit.routes import PAY_TO

from . import contracts
from .calls import call_data, settle_data
from .tokens import Wallet, canonical_chain, vyper_token

PRICE = 10_000
# A delegation to a contract (EIP-7702), and where the contract stands in these chains.
DELEGATION = "0xef0100"
WALLET_CODE = "0x7702000000000000000000000000000000001271"
DELEGATED_KEY = bytes([0x77] * 32)


def delegated_genesis():
    """An account that has delegated to the code of a contract wallet, whose owner it is itself."""
    address = Account.from_key(DELEGATED_KEY).address
    owner = {"0x0": "0x" + address[2:].rjust(64, "0")}
    return {
        WALLET_CODE: {"code": contracts.compiled("TestWallet")["bytecode_runtime"]},
        address: {"code": DELEGATION + WALLET_CODE[2:], "storage": owner},
    }


class Stage:
    """Circle's token where USDC stands, our token beside it, and everybody with money in both."""

    def __init__(self):
        self.node, self.usdc = canonical_chain(alloc=delegated_genesis())
        self.token = vyper_token(self.node)
        self.rich, self.poor, self.short, self.exact = (Payer() for _ in range(4))
        self.delegated = Payer(DELEGATED_KEY)
        self.honest, self.refusing, self.burning = (Wallet(self.node, Payer()) for _ in range(3))
        self.refusing.set_mood("refusing")
        self.burning.set_mood("burning")
        self._fund()
        self.used = self.rich.sign(self.usdc.asset, PAY_TO, PRICE)
        self.canceled = self.rich.sign(self.usdc.asset, PAY_TO, PRICE)
        with self.node.one_block():
            self.usdc.owner.send(self.usdc.address, settle_data(self.used))
            cancel(self.usdc, self.rich, self.canceled)

    def _fund(self):
        plenty = [self.rich, self.delegated, self.honest, self.refusing, self.burning]
        with self.node.one_block():
            for token in (self.usdc, self.token):
                for payer in plenty:
                    token.mint(payer.address, 1000 * PRICE)
                token.mint(self.short.address, PRICE - 1)
                token.mint(self.exact.address, PRICE)

    def stop(self):
        self.node.stop()


def cancel(token, payer, payment):
    """Cancels an authorization as its payer may."""
    asset = token.asset
    types = {"CancelAuthorization": [{"name": "authorizer", "type": "address"}, {"name": "nonce", "type": "bytes32"}]}
    nonce = bytes.fromhex(payment.nonce[2:])
    signed = payer.account.sign_message(encode_typed_data(
        domain_data={"name": asset.name, "version": asset.version, "chainId": asset.chain_id,
                     "verifyingContract": asset.address},
        message_types=types, message_data={"authorizer": payer.address, "nonce": nonce}))
    r, s = (number.to_bytes(32, "big") for number in (signed.r, signed.s))
    data = call_data("cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)", payer.address, nonce, signed.v, r, s)
    return token.owner.send(token.address, data)
