/* Writes signed x402 version 2 payments, one header value a line: each of another nonce, spread over 64 payers.
 *
 *   sign COUNT SEED OFFER < offer.json > payments
 *
 * OFFER is "chain asset name version pay_to amount valid_before"; standard input is the JSON of the `accepted` member.
 * The keys are made from the seed, and own nothing.
 */
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <stdlib.h>

#include "keccak.h"

#define PAYERS 64

static void word_of(uint8_t word[32], unsigned long long value) {
    memset(word, 0, 32);
    for (int i = 0; i < 8; i++) word[31 - i] = (uint8_t)(value >> (8 * i));
}

static void address_word(uint8_t word[32], const char *hex) {
    memset(word, 0, 32);
    for (int i = 0; i < 20; i++) {
        unsigned byte;
        if (sscanf(hex + 2 + 2 * i, "%2x", &byte) != 1) exit(65);
        word[12 + i] = (uint8_t)byte;
    }
}

static char *hex_of(char *to, const uint8_t *bytes, int count) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < count; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = 0;
    return to;
}

static size_t base64(char *to, const uint8_t *from, size_t count) {
    static const char table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *start = to;
    for (size_t i = 0; i < count; i += 3) {
        unsigned a = from[i], b = i + 1 < count ? from[i + 1] : 0, c = i + 2 < count ? from[i + 2] : 0;
        *to++ = table[a >> 2];
        *to++ = table[(a & 3) << 4 | b >> 4];
        *to++ = i + 1 < count ? table[(b & 15) << 2 | c >> 6] : '=';
        *to++ = i + 2 < count ? table[c & 63] : '=';
    }
    return (size_t)(to - start);
}

static void domain_separator(uint8_t out[32], char **offer) {
    uint8_t data[160];
    const char *type = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    keccak256((const uint8_t *)type, strlen(type), data);
    keccak256((const uint8_t *)offer[2], strlen(offer[2]), data + 32);
    keccak256((const uint8_t *)offer[3], strlen(offer[3]), data + 64);
    word_of(data + 96, strtoull(offer[0], NULL, 10));
    address_word(data + 128, offer[1]);
    keccak256(data, sizeof data, out);
}

int main(int argc, char **argv) {
    if (argc != 10) {
        fprintf(stderr, "usage: sign COUNT SEED CHAIN ASSET NAME VERSION PAY_TO AMOUNT VALID_BEFORE < offer.json\n");
        return 64;
    }
    long count = atol(argv[1]);
    unsigned long long seed = strtoull(argv[2], NULL, 10);
    char **offer = argv + 3;
    static char accepted[4096];
    size_t accepted_count = fread(accepted, 1, sizeof accepted - 1, stdin);
    while (accepted_count && accepted[accepted_count - 1] == '\n') accepted[--accepted_count] = 0;

    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
    uint8_t keys[PAYERS][32], payers[PAYERS][32];
    for (int i = 0; i < PAYERS; i++) {
        uint8_t material[32], public_bytes[65], hash[32];
        size_t length = sizeof public_bytes;
        secp256k1_pubkey public_key;
        word_of(material, 1000003ULL * (unsigned)i + 7);
        keccak256(material, 32, keys[i]);
        if (!secp256k1_ec_pubkey_create(context, &public_key, keys[i])) return 70;
        secp256k1_ec_pubkey_serialize(context, public_bytes, &length, &public_key, SECP256K1_EC_UNCOMPRESSED);
        keccak256(public_bytes + 1, 64, hash);
        memset(payers[i], 0, 12);
        memcpy(payers[i] + 12, hash + 12, 20);
    }

    uint8_t digest_input[66] = {0x19, 0x01}, message[224];
    domain_separator(digest_input + 2, offer);
    const char *type =
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
    keccak256((const uint8_t *)type, strlen(type), message);
    address_word(message + 64, offer[4]);
    word_of(message + 96, strtoull(offer[5], NULL, 10));
    word_of(message + 128, 0);
    word_of(message + 160, strtoull(offer[6], NULL, 10));

    static char text[8192], line[12288];
    for (long n = 0; n < count; n++) {
        int payer = (int)(n % PAYERS), recovery;
        uint8_t material[32], digest[32], compact[65];
        secp256k1_ecdsa_recoverable_signature signature;
        memcpy(message + 32, payers[payer], 32);
        word_of(material, (unsigned long long)n);
        memcpy(material, &seed, 8);
        keccak256(material, 32, message + 192);
        keccak256(message, sizeof message, digest_input + 34);
        keccak256(digest_input, sizeof digest_input, digest);
        if (!secp256k1_ecdsa_sign_recoverable(context, &signature, digest, keys[payer], NULL, NULL)) return 70;
        secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact, &recovery, &signature);
        compact[64] = (uint8_t)(27 + recovery);

        char from[41], nonce[65], sig[131];
        hex_of(from, payers[payer] + 12, 20);
        hex_of(nonce, message + 192, 32);
        hex_of(sig, compact, 65);
        int size = snprintf(text, sizeof text,
                            "{\"x402Version\":2,\"payload\":{\"authorization\":{\"from\":\"0x%s\",\"to\":\"%s\",\"value\":\"%s\","
                            "\"validAfter\":\"0\",\"validBefore\":\"%s\",\"nonce\":\"0x%s\"},\"signature\":\"0x%s\"},\"accepted\":%s}",
                            from, offer[4], offer[5], offer[6], nonce, sig, accepted);
        size_t encoded = base64(line, (const uint8_t *)text, (size_t)size);
        line[encoded++] = '\n';
        if (fwrite(line, 1, encoded, stdout) != encoded) return 74;
    }
    return 0;
}
