/* A GRU in C as a target: cc -O2 -o gru gru.c -lm && gruverify check exec:./gru
 *
 * A request is one line without spaces, its keys in a fixed order, and every name stands in it
 * once: so strstr finds what a reader of JSON would. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CODE[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What stands behind "key": in the request; it ends the program where there is no such key. */
static const char *value_of(const char *request, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(request, quoted);
    if (!found) {
        fprintf(stderr, "the request lacks %s\n", key);
        exit(1);
    }
    return found + strlen(quoted);
}

static long number_of(const char *request, const char *key)
{
    return strtol(value_of(request, key), NULL, 10);
}

/* The numbers of an array, count of them. */
static float *array_of(const char *request, const char *key, long count)
{
    const char *data = value_of(value_of(request, key), "data") + 1;
    unsigned char *bytes = malloc(4 * count + 4);
    uint32_t bits = 0;
    for (long in = 0, out = 0; data[in] != '"' && data[in] != '='; in++) {
        bits = bits << 6 | (uint32_t)(strchr(CODE, data[in]) - CODE);
        if (in % 4)
            bytes[out++] = bits >> (6 - 2 * (in % 4)) & 255;
    }
    return (float *)bytes; /* on a little-endian machine */
}

/* Prints an array of B rows and H columns under its name. */
static void print_array(const char *name, const float *numbers, long B, long H)
{
    const unsigned char *bytes = (const unsigned char *)numbers;
    long count = 4 * B * H;
    printf("\"%s\":{\"dtype\":\"float32\",\"shape\":[%ld,%ld],\"data\":\"", name, B, H);
    for (long i = 0; i < count; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= (uint32_t)(i + 1 < count ? bytes[i + 1] : 0) << 8;
        bits |= i + 2 < count ? bytes[i + 2] : 0;
        putchar(CODE[bits >> 18]);
        putchar(CODE[bits >> 12 & 63]);
        putchar(i + 1 < count ? CODE[bits >> 6 & 63] : '=');
        putchar(i + 2 < count ? CODE[bits & 63] : '=');
    }
    printf("\"}");
}

static float sigmoid(float a)
{
    return 1 / (1 + expf(-a));
}

/* A row of a weight matrix times a vector. */
static float product(const float *weights, long row, const float *vector, long size)
{
    float sum = 0;
    for (long j = 0; j < size; j++)
        sum += weights[row * size + j] * vector[j];
    return sum;
}

/* One step: x (B, I) and h (B, H) to next (B, H); gates are packed in the order r, z, n. */
static void step(const char *request, long B, long I, long H)
{
    float *W = array_of(request, "weight_ih", 3 * H * I), *b = array_of(request, "bias_ih", 3 * H);
    float *U = array_of(request, "weight_hh", 3 * H * H), *c = array_of(request, "bias_hh", 3 * H);
    float *xs = array_of(request, "x", B * I), *hs = array_of(request, "h", B * H);
    float *next = malloc(4 * B * H + 1);
    for (long m = 0; m < B; m++) {
        const float *x = xs + m * I, *h = hs + m * H;
        for (long r = 0, z = H, n = 2 * H; r < H; r++, z++, n++) {
            float reset = sigmoid(product(W, r, x, I) + b[r] + product(U, r, h, H) + c[r]);
            float update = sigmoid(product(W, z, x, I) + b[z] + product(U, z, h, H) + c[z]);
            float recurrent = product(U, n, h, H) + c[n];
            float candidate = tanhf(product(W, n, x, I) + b[n] + reset * recurrent);
            next[m * H + r] = (1 - update) * candidate + update * h[r];
        }
    }
    printf("\"arrays\":{");
    print_array("h", next, B, H);
    printf("}");
    free(W), free(U), free(b), free(c), free(xs), free(hs), free(next);
}

int main(void)
{
    puts("{\"protocol\":1,\"name\":\"a GRU in C\",\"version\":\"1.0\","
         "\"methods\":[\"step\"],\"formats\":[\"float32\"]}");
    fflush(stdout);
    char *request = NULL;
    size_t room = 0;
    while (getline(&request, &room, stdin) > 0) {
        long B = number_of(request, "B"), I = number_of(request, "I"), H = number_of(request, "H");
        printf("{\"id\":%ld,", number_of(request, "id"));
        if (B > 0)
            step(request, B, I, H);
        else
            printf("\"refused\":\"an empty batch\"");
        puts("}");
        fflush(stdout);
    }
    return 0;
}
