/* Prints the CPU-seconds that 100,000 recoveries of distinct signatures cost: the yardstick of a paid request. */
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SIGNATURES 4096
#define ROUNDS 5

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void) {
    static secp256k1_ecdsa_recoverable_signature signatures[SIGNATURES];
    static unsigned char digests[SIGNATURES][32];
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    for (unsigned i = 0; i < SIGNATURES; i++) {
        unsigned char key[32];
        memset(key, 0x11, sizeof key);
        memcpy(key, &i, sizeof i);
        memset(digests[i], 0x5a, 32);
        memcpy(digests[i] + 7, &i, sizeof i);
        if (!secp256k1_ecdsa_sign_recoverable(context, &signatures[i], digests[i], key, NULL, NULL)) return 70;
    }
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        secp256k1_pubkey key;
        double start = cpu_seconds();
        for (int i = 0; i < SIGNATURES; i++)
            if (!secp256k1_ecdsa_recover(context, &key, &signatures[i], digests[i])) return 70;
        double each = (cpu_seconds() - start) / SIGNATURES;
        if (each < best) best = each;
    }
    printf("%.3f\n", best * 1e5);
    return 0;
}
