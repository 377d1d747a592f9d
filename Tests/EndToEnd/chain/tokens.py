"""Tokens with ERC-3009 on a test's chain: Circle's own bytecode at USDC's own addresses, and our Vyper token."""

from eth_abi import encode
from kit.payments import BASE, BASE_SEPOLIA, Asset

from . import contracts
from .calls import call_data, checksummed, returned, settle_data, topic, topic_of
from .kit import ChainNode

MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"
CANONICAL = {asset.chain_id: asset for asset in (BASE, BASE_SEPOLIA)}
PROXY_ADMIN = "0x00000000000000000000000000000000000000ad"
MINTER_ALLOWANCE = 10**18

TRANSFER = topic("Transfer(address,address,uint256)")
AUTHORIZATION_USED = topic("AuthorizationUsed(address,bytes32)")
AUTHORIZATION_CANCELED = topic("AuthorizationCanceled(address,bytes32)")


class Token:
    """A token that one account of the node owns, mints, pauses and blacklists."""

    def __init__(self, node, asset, owner):
        self.node, self.asset, self.owner = node, asset, owner
        self.address = asset.address

    def _do(self, signature, *arguments):
        return self.owner.send(self.address, call_data(signature, *arguments))

    def _ask(self, types, signature, *arguments):
        return returned(types, self.node.call(self.address, call_data(signature, *arguments)))

    def mint(self, address, amount):
        self._do("mint(address,uint256)", address, amount)

    def fund(self, *payers, amount=100_000_000):
        """Gives each payer tokens, all in one block."""
        with self.node.one_block():
            for payer in payers:
                self.mint(payer.address, amount)

    def pause(self):
        self._do("pause()")

    def unpause(self):
        self._do("unpause()")

    def blacklist(self, address):
        self._do("blacklist(address)", address)

    def unblacklist(self, address):
        self._do("unBlacklist(address)", address)

    def balance(self, address):
        return self._ask(["uint256"], "balanceOf(address)", address)

    def is_used(self, payment):
        """What the token says of a payment's nonce: true once it was used or canceled."""
        return self._ask(["bool"], "authorizationState(address,bytes32)", payment.sender,
                         bytes.fromhex(payment.nonce[2:]))

    def separator(self):
        return self._ask(["bytes32"], "DOMAIN_SEPARATOR()")

    def settle(self, payment, sender=None, with_bytes=False, **options):
        """Settles a payment by hand; returns the receipt, whatever the status."""
        return (sender or self.owner).try_transact(self.address, settle_data(payment, with_bytes), **options)

    def transfers(self, payer=None, to=None, first=0):
        """(payer, payee, amount, transaction) of the transfers between two, or to one, oldest first."""
        topics = [TRANSFER, payer and topic_of(payer), to and topic_of(to)]
        return [
            (*(checksummed("0x" + each[-40:]) for each in log["topics"][1:]), int(log["data"], 16),
             log["transactionHash"])
            for log in self.node.logs(self.address, topics, first)
        ]

    def uses(self, payment):
        """The transactions that used a payment's authorization: none, or one."""
        return [log["transactionHash"] for log in self.use_logs(payment)]

    def use_logs(self, payment):
        topics = [AUTHORIZATION_USED, topic_of(payment.sender), topic_of(payment.nonce)]
        return self.node.logs(self.address, topics)


def canonical_genesis(chain_id):
    """Circle's runtime at the network's USDC address, and Multicall3 at its own."""
    return {
        CANONICAL[chain_id].address: {"code": contracts.circle_token()["bytecode_runtime"]},
        MULTICALL3: {"code": contracts.multicall3()},
    }


def canonical_chain(chain_id=BASE_SEPOLIA.chain_id, alloc=None, **options):
    """A node with the real token where the real network has it, ready to mint; returns (node, token).

    `alloc` is put beside it. Raises NotToBeHad where the wheels cannot be downloaded.
    """
    node = ChainNode(chain_id, alloc=canonical_genesis(chain_id) | (alloc or {}), **options)
    asset, owner = CANONICAL[chain_id], node.account()
    with node.one_block():
        initialise(owner, asset.address, asset.name)
    return node, Token(node, asset, owner)


def circle_behind_proxy(node):
    """The same code as the real network runs it, behind Circle's proxy, at an address of its own."""
    owner = node.account()
    code = owner.deploy(contracts.circle_token()["bytecode"])
    address = owner.deploy(contracts.circle_proxy()["bytecode"], encode(["address"], [code]))
    # The admin of the proxy can call nothing but the proxy, so it must be someone else than the owner.
    owner.transact(address, call_data("changeAdmin(address)", PROXY_ADMIN))
    with node.one_block():
        initialise(owner, address, "USD Coin")
    return Token(node, Asset("circle", node.chain_id, address, "USD Coin", None), owner)


def initialise(owner, address, name):
    """The calls that make a FiatToken one: roles, name and versions, and the right to mint."""
    me = owner.address
    roles = "address,address,address,address"
    calls = [
        call_data(f"initialize(string,string,string,uint8,{roles})", name, "USDC", "USD", 6, me, me, me, me),
        call_data("initializeV2(string)", name),
        call_data("initializeV2_1(address)", me),
        call_data("configureMinter(address,uint256)", me, MINTER_ALLOWANCE),
    ]
    for data in calls:
        owner.send(address, data)


def vyper_token(node, name="USD Coin", owner=None):
    """Our token: as Circle's version 2.2, with both overloads and contract wallets."""
    owner = owner or node.account()
    arguments = encode(["string", "string", "string", "uint8"], [name, "USDC", "2", 6])
    address = owner.deploy(contracts.compiled("TestToken")["bytecode"], arguments)
    canonical = CANONICAL.get(node.chain_id)
    v1_network = canonical and canonical.v1_network
    return Token(node, Asset("test-token", node.chain_id, address, name, v1_network), owner)


class Wallet:
    """A contract wallet that one key signs for."""

    MOODS = {"honest": 0, "refusing": 1, "burning": 2, "slow": 3}

    def __init__(self, node, payer, deployer=None):
        """`payer` (kit.payments.Payer) holds the key."""
        self.node, self.payer, self.deployer = node, payer, deployer or node.account()
        code = contracts.compiled("TestWallet")["bytecode"]
        self.address = self.deployer.deploy(code, encode(["address"], [payer.address]))

    def set_mood(self, mood):
        self.deployer.transact(self.address, call_data("set_mood(uint256)", self.MOODS[mood]))

    def sign(self, asset, to, value, **changes):
        """A payment from the wallet; its token must have the overload with bytes."""
        return self.payer.sign(asset, to, value, sender=self.address, **changes)


class UndeployedWallet:
    """A contract wallet whose address is known and that its factory creates with its first payment (ERC-6492)."""

    MARK = "6492" * 16

    def __init__(self, node, payer, factory=None):
        deployer = node.account()
        self.node, self.payer = node, payer
        self.factory = factory or deployer.deploy(contracts.compiled("TestFactory")["bytecode"])
        blueprint = deployer.deploy(contracts.compiled("TestWallet")["blueprint_bytecode"])
        salt = bytes.fromhex(payer.address[2:]).rjust(32, b"\0")
        self.creation = call_data("create(address,address,bytes32)", blueprint, payer.address, salt)
        self.address = checksummed(returned(["address"], node.call(self.factory, self.creation)))

    @property
    def exists(self):
        return self.node.ask("eth_getCode", self.address, "latest") != "0x"

    def factory_calls(self):
        return returned(["uint256"], self.node.call(self.factory, call_data("calls()")))

    def sign(self, asset, to, value, **changes):
        payment = self.payer.sign(asset, to, value, sender=self.address, **changes)
        wrapped = encode(["address", "bytes", "bytes"],
                         [self.factory, self.creation, bytes.fromhex(payment.signature[2:])])
        return payment.with_signature("0x" + wrapped.hex() + self.MARK)
