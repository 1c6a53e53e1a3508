// What the kernel texts (text/) are written in, once per language. A third one, in which they run on a CPU, is
// gpu_emulation.h among the tests.
//
//   FUNCTION         before a function              DEVICE, LOCAL, SHARED_POINTER  address space behind a pointer
//   SHARED           before an array of a group     BARRIER()                      of the group
//   GROUP THREAD     this group and this thread in it    LANE WARP                 thread in its warp, warp in the group
//   uint ushort bf16 f16 and float are the scalars
#include "gpu/prelude.h"

#include "gpu/kernel_text.h"

namespace vllmd::gpu {

const char* const kCudaPrelude = R"TEXT(
typedef unsigned int uint;
typedef unsigned short ushort;
struct bf16 { ushort bits; };
struct f16 { ushort bits; };
#define FUNCTION static __device__ __forceinline__
#define DEVICE
#define LOCAL
#define SHARED __shared__ __align__(16)
#define SHARED_POINTER
#define UNROLL _Pragma("unroll")
#define BARRIER() __syncthreads()

FUNCTION float as_float(uint x) { return __uint_as_float(x); }
FUNCTION uint as_uint(float x) { return __float_as_uint(x); }
FUNCTION float mad(float a, float b, float c) { return __fmaf_rn(a, b, c); }
FUNCTION float power_of_two(float x) { return exp2f(x); }
FUNCTION float exponential(float x) { return __expf(x); }
FUNCTION float inverse_root(float x) { return rsqrtf(x); }
FUNCTION float nearest(float x) { return rintf(x); }
FUNCTION float larger(float a, float b) { return fmaxf(a, b); }
FUNCTION float sine_of_turn(float x) { return sinpif(2.0f * x); }
FUNCTION float cosine_of_turn(float x) { return cospif(2.0f * x); }

FUNCTION float shuffle_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
FUNCTION int shuffle_xor(int x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }

FUNCTION float to_float(float x) { return x; }
FUNCTION float to_float(bf16 x) { return __uint_as_float(uint(x.bits) << 16); }
FUNCTION float to_float(f16 x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits)); return y; }
FUNCTION void store(float* p, float x) { *p = x; }
FUNCTION void store(bf16* p, float x) { asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(p->bits) : "f"(x)); }
FUNCTION void store(f16* p, float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(p->bits) : "f"(x)); }

FUNCTION void load_words(const void* p, uint (&w)[1]) { w[0] = *static_cast<const uint*>(p); }
FUNCTION void load_words(const void* p, uint (&w)[2]) {
  uint2 v = *static_cast<const uint2*>(p);
  w[0] = v.x; w[1] = v.y;
}
FUNCTION void load_words(const void* p, uint (&w)[4]) {
  uint4 v = *static_cast<const uint4*>(p);
  w[0] = v.x; w[1] = v.y; w[2] = v.z; w[3] = v.w;
}
FUNCTION void store_words(uint* p, const uint (&w)[4]) {
  *reinterpret_cast<uint4*>(p) = make_uint4(w[0], w[1], w[2], w[3]);
}
FUNCTION void load_shared(const uint* p, uint (&w)[2]) { load_words(p, w); }
FUNCTION void unpack(bf16, uint w, float& low, float& high) {
  low = __uint_as_float(w << 16);
  high = __uint_as_float(w & 0xffff0000u);
}
FUNCTION void unpack(f16, uint w, float& low, float& high) {
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(low), "=f"(high) : "r"(w));
}
FUNCTION uint pack(bf16, float low, float high) {
  uint w;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(w) : "f"(high), "f"(low));
  return w;
}
FUNCTION uint pack(f16, float low, float high) {
  uint w;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(w) : "f"(high), "f"(low));
  return w;
}
FUNCTION void multiply_tile(bf16, float (&c)[4], const uint (&a)[4], const uint (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
FUNCTION void multiply_tile(f16, float (&c)[4], const uint (&a)[4], const uint (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
)TEXT";

// MLX puts its own definitions before it, among them bfloat16_t.
const char* const kMetalPrelude = R"TEXT(
typedef bfloat16_t bf16;
typedef half f16;
#define FUNCTION static inline
#define DEVICE device
#define LOCAL thread
#define SHARED threadgroup
#define SHARED_POINTER threadgroup
#define UNROLL _Pragma("clang loop unroll(full)")
#define BARRIER() threadgroup_barrier(mem_flags::mem_threadgroup)

FUNCTION float as_float(uint x) { return as_type<float>(x); }
FUNCTION uint as_uint(float x) { return as_type<uint>(x); }
FUNCTION float mad(float a, float b, float c) { return fma(a, b, c); }
FUNCTION float power_of_two(float x) { return exp2(x); }
FUNCTION float exponential(float x) { return exp(x); }
FUNCTION float inverse_root(float x) { return rsqrt(x); }
FUNCTION float nearest(float x) { return rint(x); }
FUNCTION float larger(float a, float b) { return max(a, b); }
FUNCTION float sine_of_turn(float x) { return sinpi(2.0f * x); }
FUNCTION float cosine_of_turn(float x) { return cospi(2.0f * x); }

FUNCTION float shuffle_xor(float x, int mask) { return simd_shuffle_xor(x, ushort(mask)); }
FUNCTION int shuffle_xor(int x, int mask) { return simd_shuffle_xor(x, ushort(mask)); }

FUNCTION float to_float(float x) { return x; }
FUNCTION float to_float(bf16 x) { return float(x); }
FUNCTION float to_float(f16 x) { return float(x); }
FUNCTION void store(device float* p, float x) { *p = x; }
FUNCTION void store(device bf16* p, float x) { *p = bf16(x); }
FUNCTION void store(device f16* p, float x) { *p = f16(x); }

FUNCTION void load_words(const device void* p, thread uint (&w)[1]) { w[0] = *(const device uint*)p; }
FUNCTION void load_words(const device void* p, thread uint (&w)[2]) {
  uint2 v = *(const device uint2*)p;
  w[0] = v.x; w[1] = v.y;
}
FUNCTION void load_words(const device void* p, thread uint (&w)[4]) {
  uint4 v = *(const device uint4*)p;
  w[0] = v.x; w[1] = v.y; w[2] = v.z; w[3] = v.w;
}
FUNCTION void unpack(bf16, uint w, thread float& low, thread float& high) {
  low = as_type<float>(w << 16);
  high = as_type<float>(w & 0xffff0000u);
}
FUNCTION void unpack(f16, uint w, thread float& low, thread float& high) {
  half2 v = as_type<half2>(w);
  low = float(v.x);
  high = float(v.y);
}
)TEXT";

// Built on either prelude; the texts use these.
const char* const kCommonPrelude =
#include "gpu/text/common.h"
    ;

}  // namespace vllmd::gpu
