// tanh-GELU and its derivative on bfloat16 and float32, for train.py on CPUs: torch takes up to a third of a step for them.
// Built by gelu.py. GELU(x) = x·σ(2u), u = √(2/π)·(x + 0.044715·x³), is the same function as with tanh.
#include <stdint.h>
#include <string.h>

static inline float widen(uint16_t h) { uint32_t b = (uint32_t)h << 16; float f; memcpy(&f, &b, 4); return f; }
static inline uint16_t narrow(float f) { uint32_t b; memcpy(&b, &f, 4); return (b + 0x7fff + (b >> 16 & 1)) >> 16; }

// σ(x) = 1/(1 + 2^n·2^f), by a polynomial for 2^f on [-1/2, 1/2], relative error 2e-6
static inline float sigmoid(float x) {
	float y = x * -1.44269504f;
	y = y > 80 ? 80 : y < -80 ? -80 : y;
	float n = __builtin_rintf(y), f = y - n;
	float p = 1 + f * (0.69314718f + f * (0.24022651f + f * (0.05550411f + f * (0.00961813f + f * 0.00133336f))));
	int32_t b = ((int32_t)n + 127) << 23;
	float e;
	memcpy(&e, &b, 4);
	return 1 / (1 + p * e);
}

static inline float of(float f) { return f; }

// NAME, NAME_backward on TYPE, which LOAD makes a float and STORE takes
#define GELU(NAME, TYPE, LOAD, STORE)                                                                         \
	void NAME(TYPE *restrict out, const TYPE *restrict in, int64_t n) {                                        \
		_Pragma("omp parallel for simd")                                                                       \
		for (int64_t i = 0; i < n; i++) {                                                                      \
			float x = LOAD(in[i]), u = x * (1.59576912f + 0.07135482f * x * x);                                \
			out[i] = STORE(x * sigmoid(u));                                                                    \
		}                                                                                                      \
	}                                                                                                          \
	void NAME##_backward(TYPE *restrict out, const TYPE *restrict grad, const TYPE *restrict in, int64_t n) {  \
		_Pragma("omp parallel for simd")                                                                       \
		for (int64_t i = 0; i < n; i++) {                                                                      \
			float x = LOAD(in[i]), q = x * x, s = sigmoid(x * (1.59576912f + 0.07135482f * q));                \
			out[i] = STORE(LOAD(grad[i]) * (s + x * s * (1 - s) * (1.59576912f + 0.21406446f * q)));           \
		}                                                                                                      \
	}

GELU(gelu_bfloat16, uint16_t, widen, narrow)
GELU(gelu_float32, float, of, of)
