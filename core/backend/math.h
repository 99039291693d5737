/*
 * math.h - scalar float32 mathematics for both devices.
 *
 * Everything in pointwise.def is written in terms of these functions; gcc and
 * nvcc compile the same text, so that both devices give the same bits.  The
 * rules that make this true, and make gcc vectorise the loops around it:
 *
 *   - no branches: both sides of a choice are computed, then one is taken;
 *   - every fused multiply-add is written as one (builds use
 *     -ffp-contract=off), so SSE, AVX2, AVX-512 and CUDA round alike;
 *   - no libm but fmaf, fma, sqrtf, floorf, ceilf, rintf, which are exact;
 *   - NaN in gives NaN out, infinities give their limits, denormals count.
 *
 * Errors are in units of the last place (ulp), as tests/c/test_math.c measures
 * them against float64.  Polynomials are minimax fits (Remez); their errors
 * are below 2^-27.  Argument reductions: Muller, "Elementary functions",
 * chapter 11.
 */
#ifndef math_h
#define math_h

#include "base/rng.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define MATH_FN static __forceinline__ __host__ __device__
#else
#define MATH_FN static inline __attribute__((always_inline, unused))
#endif

/* ---- bits ---- */

MATH_FN uint32_t bits_ (float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

MATH_FN float float_ (uint32_t b) {
  float x;
  memcpy(&x, &b, sizeof x);
  return x;
}

MATH_FN uint64_t bits64_ (double x) {
  uint64_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

MATH_FN double double_ (uint64_t b) {
  double x;
  memcpy(&x, &b, sizeof x);
  return x;
}

/* x, or 0 where it is denormal: for averages that fade, which would stay at
 * such a number for ever (9 / 10 of the smallest is rounded to itself) and
 * make every later pass over them a hundred times slower on a CPU. */
MATH_FN float normal_ (float x) {
  return fabsf(x) < 0x1p-126f ? 0 : x;
}

/* 2^k for -126 <= k <= 127; some number for other k. */
MATH_FN float power_ (int32_t k) {
  return float_(((uint32_t) k + 127u) << 23);
}

/* The magnitude of x with the sign of s. */
MATH_FN float copysign_ (float x, float s) {
  return float_((bits_(x) & 0x7FFFFFFFu) | (bits_(s) & 0x80000000u));
}

/* ---- choices ---- */

/* Unlike fmaxf and fminf these keep a NaN of either side. */
MATH_FN float max_ (float a, float b) {
  return a > b || a != a ? a : b;
}

MATH_FN float min_ (float a, float b) {
  return a < b || a != a ? a : b;
}

/* x between two constants; NaN stays. */
MATH_FN float clamp_ (float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

MATH_FN float abs_ (float x) {
  return float_(bits_(x) & 0x7FFFFFFFu);
}

/* -1, 0, 1 or NaN */
MATH_FN float sign_ (float x) {
  return x > 0 ? 1.0f : x < 0 ? -1.0f : x;
}

/* ---- exponentials ---- */

#define LN2_HIGH 0x1.62E4p-1f         /* few bits: n * LN2_HIGH is exact */
#define LN2_LOW 0x1.7F7D1Cp-20f
/* Added to a float below 2^22 it leaves the nearest integer in the low bits;
 * cheaper than a conversion, and defined for NaN. */
#define ROUNDER 0x1.8p23f
#define ROUNDER_BITS 0x4B400000

/* x = k ln 2 + r with |r| <= ln 2 / 2; gives e^r - 1. */
MATH_FN float reduce_exp_ (float x, int32_t *k) {
  float t = fmaf(x, 1.44269504f, ROUNDER), n = t - ROUNDER;
  float r = fmaf(n, -LN2_LOW, fmaf(n, -LN2_HIGH, x));
  float p = 0x1.A032C8p-13f;
  *k = (int32_t) (bits_(t) - ROUNDER_BITS);
  p = fmaf(p, r, 0x1.6D7296p-10f);
  p = fmaf(p, r, 0x1.11118Ap-7f);
  p = fmaf(p, r, 0x1.5554B0p-5f);
  p = fmaf(p, r, 0x1.555554p-3f);
  p = fmaf(p, r, 0.5f);
  return fmaf(r * r, p, r);
}

/* e^x, 1 ulp.  2^k is applied in two steps, so that results beyond 2^127 and
 * denormal ones come out right.  Far arguments are dealt with at the end: a
 * clamp of x at the beginning would lengthen the chain. */
MATH_FN float exp_ (float x) {
  int32_t k;
  float y = 1.0f + reduce_exp_(x, &k);
  int32_t half = k >> 1;
  y = y * power_(half) * power_(k - half);
  y = x > 89.0f ? INFINITY : y;
  return x < -104.0f ? 0.0f : y;
}

/* e^x - 1, 1.5 ulp */
MATH_FN float expm1_ (float x) {
  int32_t k;
  float p = reduce_exp_(x, &k), t = power_(k > 127 ? 127 : k);
  float y = fmaf(p, t, t - 1.0f);
  y = k > 127 ? y + y : y;
  y = x > 89.0f ? INFINITY : y;
  return x < -30.0f ? -1.0f : y;
}

/* ---- logarithms ---- */

/* log(1 + f) + e ln 2 for -1/3 <= f <= 1/3.  Odd and even powers apart: two
 * short chains of dependent operations are faster than a long one. */
MATH_FN float log_tail_ (float f, float e) {
  float s = f * f, even = 0x1.EB1452p-4f, odd = -0x1.071F3Ap-3f;
  even = fmaf(even, s, 0x1.B8AABCp-4f);
  odd = fmaf(odd, s, -0x1.F3844Ap-4f);
  even = fmaf(even, s, 0x1.24F2CAp-3f);
  odd = fmaf(odd, s, -0x1.559934p-3f);
  even = fmaf(even, s, 0x1.99978Cp-3f);
  odd = fmaf(odd, s, -0x1.FFFF0Ep-3f);
  even = fmaf(even, s, 0x1.555556p-2f);
  float p = fmaf(s, fmaf(f, fmaf(odd, f, even), -0.5f), f);
  return fmaf(e, LN2_HIGH, fmaf(e, LN2_LOW, p));
}

/* y where x > 0 is finite; else the logarithm of 0, negative numbers,
 * infinity and NaN. */
MATH_FN float log_edge_ (float x, float y) {
  float edge = x < 0 ? NAN : x == 0 ? -INFINITY : x;
  return x > 0 && x < INFINITY ? y : edge;
}

/* ln x, 1 ulp.  x = 2^e m with m in [2/3, 4/3); denormals are scaled up. */
MATH_FN float log_ (float x) {
  float s = x < 0x1p-126f ? x * 0x1p23f : x;
  int32_t e = (int32_t) (bits_(s) - 0x3F2AAAABu) >> 23;
  float m = float_(bits_(s) - ((uint32_t) e << 23));
  float shift = x < 0x1p-126f ? -23.0f : 0.0f;
  return log_edge_(x, log_tail_(m - 1.0f, (float) e + shift));
}

/* ln(1 + x), 1.5 ulp.  The exponent comes from 1 + x, rounded; the fraction
 * from x itself, so that small x lose nothing.  2^-e is made from 2^(2-e),
 * which is normal for all e. */
MATH_FN float log1p_ (float x) {
  float u = 1.0f + x;
  int32_t e = (int32_t) (bits_(u) - 0x3F2AAAABu) >> 23;
  float s = power_(2 - e);
  float f = fmaf(x, 0.25f * s, fmaf(0.25f, s, -1.0f));
  return log_edge_(u, log_tail_(f, (float) e));
}

/* ln(1 + x) for 0 <= x <= 1: what follows an exp_(-|x|).  Above 1/3 half of
 * 1 + x is taken, which is 1 + (x - 1) / 2. */
MATH_FN float log1p_unit_ (float x) {
  float f = x > 0.333333343f ? fmaf(0.5f, x, -0.5f) : x;
  return log_tail_(f, x > 0.333333343f ? 1.0f : 0.0f);
}

/* ---- hyperbolic and logistic functions ---- */

/* 2.5 ulp; from e^(-2|x|) - 1, which neither overflows nor cancels. */
MATH_FN float tanh_ (float x) {
  float e = expm1_(-2.0f * abs_(x));
  return copysign_(-e / (e + 2.0f), x);
}

/* 2 ulp */
MATH_FN float atanh_ (float x) {
  float a = abs_(x);
  return copysign_(0.5f * log1p_((a + a) / (1.0f - a)), x);
}

/* 1 / (1 + e^-x), 2.5 ulp, down to denormal results */
MATH_FN float sigmoid_ (float x) {
  float e = exp_(-abs_(x)), y = 1.0f / (1.0f + e);
  return x < 0 ? e * y : y;
}

/* ln(1 + e^x), 2 ulp */
MATH_FN float softplus_ (float x) {
  return max_(x, 0.0f) + log1p_unit_(exp_(-abs_(x)));
}

/* ln(x / (1 - x)), 3.2 ulp.  From 1/4 on as ln(1 + (2x - 1) / (1 - x)), since
 * 2x - 1 is exact there and a difference of logarithms would cancel near
 * 1/2. */
MATH_FN float logit_ (float x) {
  float low = log_(x) - log1p_(-x);
  float high = log1p_((2.0f * x - 1.0f) / (1.0f - x));
  return x < 0.25f ? low : high;
}

/* Log of the constant that makes p^x (1 - p)^(1 - x) a density over 0 <= x
 * <= 1, for p = sigmoid(l): log(l / tanh(l / 2)), by its series near 0
 * (Loaiza-Ganem and Cunningham, "The continuous Bernoulli", 2019); and its
 * derivative 1 / l - 1 / sinh(l). */
MATH_FN float continuous_ (float l) {
  float a = abs_(l), s = l * l, p = 31.0f / 90720;
  p = fmaf(fmaf(fmaf(p, s, -7.0f / 1440), s, 1.0f / 12), s, 0.693147181f);
  return a < 0.5f ? p : log_(a / tanh_(0.5f * a));
}

MATH_FN float continuous_slope_ (float l) {
  float s = l * l, p = -127.0f / 604800;
  p = fmaf(fmaf(fmaf(p, s, 31.0f / 15120), s, -7.0f / 360), s, 1.0f / 6);
  float far = 1.0f / l - 2.0f / (exp_(l) - exp_(-l));
  return abs_(l) < 0.5f ? p * l : far;
}

/* x sigmoid(x) and its derivative.  Beyond 120 sigmoid is 0 or 1, and the
 * clamp keeps infinity times zero away. */
MATH_FN float silu_ (float x) {
  float c = x < -120.0f ? -120.0f : x;
  return c * sigmoid_(c);
}

MATH_FN float silu_slope_ (float x) {
  float c = clamp_(x, -120.0f, 120.0f);
  return sigmoid_(c) * fmaf(c, sigmoid_(-c), 1.0f);
}

/* ---- the error function ---- */

/* 1.5 ulp.  Small x by a polynomial in x^2, the rest as 1 - e^-u(x). */
MATH_FN float erf_ (float x) {
  float a = abs_(x) > 4.0f ? 4.0f : abs_(x), s = x * x, q = a * a;
  float p = 0x1.574EC6p-14f;
  float even = -0x1.6E4000p-16f, odd = 0x1.7E319Ap-19f;
  p = fmaf(p, s, -0x1.A88D8Ap-11f);
  p = fmaf(p, s, 0x1.549664p-8f);
  p = fmaf(p, s, -0x1.B80962p-6f);
  p = fmaf(p, s, 0x1.CE2DCAp-4f);
  p = fmaf(p, s, -0x1.812742p-2f);
  p = fmaf(p, s, 0x1.06EBA8p-3f);
  odd = fmaf(odd, q, -0x1.54BA10p-13f);
  even = fmaf(even, q, 0x1.A63766p-9f);
  odd = fmaf(odd, q, -0x1.7AB442p-6f);
  even = fmaf(even, q, 0x1.B0C15Cp-4f);
  odd = fmaf(odd, q, 0x1.4557FEp-1f);
  even = fmaf(even, q, 0x1.20EB44p+0f);
  float large = copysign_(1.0f - exp_(-a * fmaf(odd, a, even)), x);
  return a < 0.93f ? fmaf(x, p, x) : x != x ? x : large;
}

/* The normal distribution: P(X < x), and its density. */
MATH_FN float normal_cdf_ (float x) {
  return fmaf(0.5f, erf_(0.707106781f * x), 0.5f);
}

MATH_FN float normal_pdf_ (float x) {
  return 0.398942280f * exp_(-0.5f * x * x);
}

/* x P(X < x) and its derivative (Hendrycks and Gimpel, "Gaussian error linear
 * units", 2016), without infinity times zero. */
MATH_FN float gelu_ (float x) {
  float c = x < -10.0f ? -10.0f : x;
  return c * normal_cdf_(c);
}

MATH_FN float gelu_slope_ (float x) {
  float c = clamp_(x, -20.0f, 20.0f);
  return fmaf(c, normal_pdf_(c), normal_cdf_(c));
}

/* ---- circular functions ---- */

/* Sine and cosine of r, |r| <= pi/4, turned by q quarters. */
MATH_FN void sincos_tail_ (float r, uint32_t q, float *sine, float *cosine) {
  float t = r * r, s = 0x1.6CCF5Ep-19f, c = -0x1.241CAAp-22f;
  s = fmaf(s, t, -0x1.A00F74p-13f);
  s = fmaf(s, t, 0x1.111108p-7f);
  s = fmaf(s, t, -0x1.555556p-3f);
  s = fmaf(r * t, s, r);
  c = fmaf(c, t, 0x1.A010D6p-16f);
  c = fmaf(c, t, -0x1.6C16B8p-10f);
  c = fmaf(c, t, 0x1.555556p-5f);
  c = fmaf(t * t, c, fmaf(-0.5f, t, 1.0f));
  float a = q & 1 ? c : s, b = q & 1 ? s : c;
  *sine = float_(bits_(a) ^ (q << 30 & 0x80000000u));
  *cosine = float_(bits_(b) ^ ((q + 1) << 30 & 0x80000000u));
}

/* Sine and cosine of x radians, 1.6 ulp for |x| up to 2^48, where neighbouring
 * numbers lie millions of turns apart; NaN beyond.  pi/2 in two float64 parts
 * leaves about 2^-53 of a turn. */
MATH_FN void sincos_ (float x, float *sine, float *cosine) {
  double w = abs_(x) <= 0x1p48f ? (double) x : (double) NAN;
  double t = fma(w, 0.63661977236758138, 0x1.8p52), n = t - 0x1.8p52;
  double r = fma(n, -1.5707963267948966, w);
  r = fma(n, -6.123233995736766e-17, r);
  sincos_tail_((float) r, (uint32_t) bits64_(t), sine, cosine);
}

/* Sine and cosine of u whole turns, 0 <= u < 1. */
MATH_FN void sincos_turn_ (float u, float *sine, float *cosine) {
  float t = fmaf(4.0f, u, ROUNDER), n = t - ROUNDER;
  float r = fmaf(4.0f, u, -n) * 1.57079633f;
  sincos_tail_(r, bits_(t), sine, cosine);
}

MATH_FN float sin_ (float x) {
  float s, c;
  sincos_(x, &s, &c);
  return s;
}

MATH_FN float cos_ (float x) {
  float s, c;
  sincos_(x, &s, &c);
  return c;
}

/* atan t for 0 <= t <= 1 */
MATH_FN float atan_tail_ (float t) {
  float s = t * t, p = -0x1.D6310Ep-10f;
  p = fmaf(p, s, 0x1.65A66Cp-7f);
  p = fmaf(p, s, -0x1.FED16Ep-6f);
  p = fmaf(p, s, 0x1.DAC9EAp-5f);
  p = fmaf(p, s, -0x1.583492p-4f);
  p = fmaf(p, s, 0x1.C09A00p-4f);
  p = fmaf(p, s, -0x1.2421B6p-3f);
  p = fmaf(p, s, 0x1.9991FEp-3f);
  p = fmaf(p, s, -0x1.55553Ep-2f);
  return fmaf(p, s * t, t);
}

/* The angle of the point (x, y), 2 ulp. */
MATH_FN float atan2_ (float y, float x) {
  float a = abs_(y), b = abs_(x);
  float small = min_(a, b), large = max_(a, b);
  float t = small == large ? (large == 0 ? 0.0f : 1.0f) : small / large;
  float r = atan_tail_(t);
  r = a > b ? 1.57079633f - r : r;
  r = bits_(x) >> 31 ? 3.14159265f - r : r;
  return x != x || y != y ? x + y : copysign_(r, y);
}

MATH_FN float atan_ (float x) {
  return atan2_(x, 1.0f);
}

/* ---- powers ---- */

/* log2 of a > 0 and 2^t for |t| <= 1000, in float64 to about 2^-43. */
MATH_FN double log2_double_ (double a) {
  uint64_t bits = bits64_(a);
  int32_t e = (int32_t) ((uint32_t) (bits >> 32) - 0x3FE6A09Eu) >> 20;
  double m = double_(bits - ((uint64_t) (int64_t) e << 52));
  double f = (m - 1.0) / (m + 1.0), s = f * f, p = 2.0 / 17;
  p = fma(p, s, 2.0 / 15);
  p = fma(p, s, 2.0 / 13);
  p = fma(p, s, 2.0 / 11);
  p = fma(p, s, 2.0 / 9);
  p = fma(p, s, 2.0 / 7);
  p = fma(p, s, 2.0 / 5);
  p = fma(p, s, 2.0 / 3);
  p = fma(p, s, 2.0);
  return fma(p * f, 1.4426950408889634, (double) e);
}

MATH_FN double exp2_double_ (double t) {
  double w = t + 0x1.8p52, r = (t - (w - 0x1.8p52)) * 0.69314718055994531;
  double p = 1.0 / 3628800;
  p = fma(p, r, 1.0 / 362880);
  p = fma(p, r, 1.0 / 40320);
  p = fma(p, r, 1.0 / 5040);
  p = fma(p, r, 1.0 / 720);
  p = fma(p, r, 1.0 / 120);
  p = fma(p, r, 1.0 / 24);
  p = fma(p, r, 1.0 / 6);
  p = fma(p, r, 0.5);
  p = fma(p, r, 1.0);
  p = fma(p, r, 1.0);
  return p * double_((bits64_(w) + 1023) << 52);
}

/* a^b as in C, but NaN whenever a or b is; 0.5 ulp almost always.  A square
 * is a product, so that x^2 and x:square() agree. */
MATH_FN float pow_ (float a, float b) {
  double x = (double) abs_(a);
  double t = (double) b * log2_double_(x);
  t = t < -200.0 ? -200.0 : t > 200.0 ? 200.0 : t;
  float y = (float) exp2_double_(t);
  int whole = floorf(b) == b, odd = whole & (floorf(0.5f * b) * 2.0f != b);
  y = x == 0 ? (b > 0 ? 0.0f : INFINITY) : y;
  y = x == (double) INFINITY ? (b > 0 ? INFINITY : 0.0f) : y;
  y = x == 1 || b == 0 ? 1.0f : y;
  y = odd ? copysign_(y, a) : y;
  int outside = (a < 0) & (a > -INFINITY) & (whole == 0);
  y = outside ? NAN : y;
  y = b == 2 ? a * a : y;
  return a != a || b != b ? a + b : y;
}

/* a - b floor(a / b), Lua's %: the sign of b.  In float64 the quotient of two
 * float32 is never rounded up to a whole number below 2^29. */
MATH_FN float mod_ (float a, float b) {
  double q = floor((double) a / (double) b);
  float r = (float) fma(-q, (double) b, (double) a);
  float far = a == 0 || (a < 0) == (b < 0) ? a : b;
  return abs_(b) == INFINITY && abs_(a) < INFINITY ? far : r;
}

/* ---- normal random numbers ---- */

/* Two independent normals from two random words (Box and Muller 1958). */
MATH_FN void normal_pair_ (uint32_t w0, uint32_t w1, float *a, float *b) {
  float s, c, radius = sqrtf(-2.0f * log_(uniform_above_zero(w0)));
  sincos_turn_(uniform_of(w1), &s, &c);
  *a = radius * c;
  *b = radius * s;
}

/* The four normals of one block of words: elements 4 i .. 4 i + 3 of a draw
 * are those of philox_at(address, i). */
MATH_FN void normals_of (Philox p, float z[4]) {
  normal_pair_(p.word[0], p.word[1], z, z + 1);
  normal_pair_(p.word[2], p.word[3], z + 2, z + 3);
}

#endif
