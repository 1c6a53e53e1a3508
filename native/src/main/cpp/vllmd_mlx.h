// C ABI of vllmd's MLX library, version VM_ABI.
//
// Rules. Every fallible function returns VM_OK or VM_FAILED; after VM_FAILED the calling thread's
// vm_last_error() holds the message, and no out-parameter was written. No C++ exception, callback or
// global handler crosses this border. Handles are int64_t; 0 is "none". An array handle is owned by the
// caller and freed once, through vm_array_free. All calls but vm_last_error, vm_abi and vm_mlx_version
// belong to one thread.
//
// "Rows": activations are [n, K], one row per token, never [n, 1, K].
#ifndef VLLMD_MLX_H
#define VLLMD_MLX_H

#include <stdint.h>

#if defined(__GNUC__)
#define VM_API __attribute__((visibility("default")))
#else
#define VM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define VM_ABI 1
#define VM_OK 0
#define VM_FAILED 1
#define VM_PAGE 64  // positions of a page of keys and values

typedef int64_t vm_array;   // an mlx::core::array
typedef int64_t vm_kv;      // keys and values of one attention layer in pages, see vm_kv_new
typedef int64_t vm_step;    // the rows of one step over pages, see vm_step_new
typedef int64_t vm_stream;  // 0 = the default stream of the default device

// Order as in mlx::core::Dtype::Val.
enum vm_dtype {
  VM_BOOL, VM_UINT8, VM_UINT16, VM_UINT32, VM_UINT64, VM_INT8, VM_INT16, VM_INT32, VM_INT64,
  VM_FLOAT16, VM_FLOAT32, VM_FLOAT64, VM_BFLOAT16, VM_COMPLEX64
};
enum vm_device { VM_CPU, VM_GPU };
enum vm_unary_op { VM_NEGATIVE, VM_ABS, VM_SQUARE, VM_SQRT, VM_RSQRT, VM_EXP, VM_LOG, VM_SIGMOID, VM_TANH, VM_SILU,
                   VM_SIN, VM_COS, VM_FLOOR, VM_ERF };
enum vm_binary_op { VM_ADD, VM_SUBTRACT, VM_MULTIPLY, VM_DIVIDE, VM_MAXIMUM, VM_MINIMUM, VM_POWER, VM_EQUAL, VM_LESS,
                    VM_GREATER, VM_MATMUL };
enum vm_reduce_op { VM_SUM, VM_MEAN, VM_MAX, VM_MIN, VM_PROD, VM_ARGMAX, VM_ARGMIN, VM_LOGSUMEXP };

// ---- library -------------------------------------------------------------------------------------------
VM_API int32_t vm_abi(void);
VM_API const char* vm_mlx_version(void);
VM_API const char* vm_last_error(void);  // the calling thread's last message; valid until its next call
VM_API int vm_device_available(int32_t device, int32_t* out);
VM_API int vm_set_default_device(int32_t device);
VM_API int vm_stream_new(int32_t device, vm_stream* out);
VM_API int vm_synchronize(vm_stream stream);
// Instruction set that the CPU primitives chose at run time: "avx512", "avx2", "neon" or "generic".
VM_API const char* vm_cpu_kernels(void);
// Pins that choice (tests, benchmarks); fails where this CPU lacks it.
VM_API int vm_cpu_kernels_use(const char* name);
VM_API int vm_cpu_threads(int32_t threads);  // 0 = all cores
// How the CPU primitives multiply by quantised weights in panels (vm_to_panels). exact (the default): in float32. fast:
// each row of x is rounded to 16-bit integers with a scale per group (to 1/65534 of the group's largest), products are
// summed as integers. Neither depends on the other rows. *fast tells whether this processor gains by it; where it does
// not, fast is exact.
enum vm_cpu_math { VM_EXACT, VM_FAST };
VM_API int vm_cpu_math_use(int32_t math);
VM_API int vm_cpu_math_fast(int32_t* fast);

// What computes there. name, architecture: C strings cut to fit; name is empty where this MLX has no such device,
// architecture where nobody says. memory: bytes of the device, which on a Mac is the machine's. MLX's device on a Mac is
// not woken by it (as it is by vm_device_available), so that vm_environment may follow.
VM_API int vm_device_info(int32_t device, char* name, int32_t name_size, char* architecture, int32_t architecture_size,
                          uint64_t* memory);
// Sets a variable of the environment for this process unless it is set. MLX reads its own once, at the first use of what
// they are about.
VM_API int vm_environment(const char* name, const char* value);
// 1: on a GPU too a row's result depends on that row alone, however many rows a step has. On the CPU it always does.
VM_API int vm_row_independent(int32_t on);
// On Metal, from so many keys on, many rows over heads wider than 128 attend through MLX's fused kernel, and below it
// through its products, which hold all scores at once. INT32_MAX, as at the start: never.
VM_API int vm_fused_attention_from(int32_t keys);

// Bytes: active = held by arrays, cached = kept by the allocator for reuse, peak = highest active.
VM_API int vm_memory(uint64_t* active, uint64_t* cached, uint64_t* peak);
VM_API int vm_memory_reset_peak(void);
VM_API int vm_memory_clear_cache(void);  // and what the C library's allocator keeps goes back to the system
VM_API int vm_memory_cache_limit(uint64_t bytes);

// ---- arrays --------------------------------------------------------------------------------------------
VM_API int vm_array_from(vm_array* out, const void* data, const int32_t* shape, int32_t ndim, int32_t dtype);  // copies
// Evaluated, owned by MLX's allocator, uninitialised; *data may be filled by any thread before the first use.
VM_API int vm_array_alloc(vm_array* out, void** data, const int32_t* shape, int32_t ndim, int32_t dtype);
// The same for a model's weights: on a CPU device in large memory pages, given back to the system when freed.
VM_API int vm_weight_alloc(vm_array* out, void** data, const int32_t* shape, int32_t ndim, int32_t dtype);
VM_API int vm_array_free(const vm_array* arrays, int32_t n);
// shape needs room for 8 dimensions.
VM_API int vm_array_info(vm_array a, int32_t* dtype, int32_t* ndim, int32_t* shape, uint64_t* nbytes);
VM_API int vm_array_data(vm_array a, const void** data);  // evaluates; contiguous or it fails
VM_API int vm_eval(const vm_array* arrays, int32_t n);
VM_API int vm_async_eval(const vm_array* arrays, int32_t n);

// ---- MLX operations ------------------------------------------------------------------------------------
VM_API int vm_unary(vm_array* out, int32_t op, vm_array a, vm_stream s);
VM_API int vm_binary(vm_array* out, int32_t op, vm_array a, vm_array b, vm_stream s);
VM_API int vm_reduce(vm_array* out, int32_t op, vm_array a, int32_t axis, int32_t keepdims, vm_stream s);
VM_API int vm_where(vm_array* out, vm_array condition, vm_array a, vm_array b, vm_stream s);
VM_API int vm_astype(vm_array* out, vm_array a, int32_t dtype, vm_stream s);
VM_API int vm_contiguous(vm_array* out, vm_array a, vm_stream s);
VM_API int vm_reshape(vm_array* out, vm_array a, const int32_t* shape, int32_t ndim, vm_stream s);
VM_API int vm_transpose(vm_array* out, vm_array a, const int32_t* axes, int32_t n, vm_stream s);
VM_API int vm_slice(vm_array* out, vm_array a, const int32_t* start, const int32_t* stop, int32_t n, vm_stream s);
VM_API int vm_concatenate(vm_array* out, const vm_array* arrays, int32_t n, int32_t axis, vm_stream s);
VM_API int vm_take(vm_array* out, vm_array a, vm_array indices, int32_t axis, vm_stream s);
VM_API int vm_argsort(vm_array* out, vm_array a, int32_t axis, vm_stream s);
VM_API int vm_softmax(vm_array* out, vm_array a, int32_t axis, vm_stream s);
VM_API int vm_full(vm_array* out, const int32_t* shape, int32_t ndim, float value, int32_t dtype, vm_stream s);
VM_API int vm_random_normal(vm_array* out, const int32_t* shape, int32_t ndim, uint64_t seed, int32_t dtype, vm_stream s);
VM_API int vm_quantize(vm_array* packed, vm_array* scales, vm_array* biases, vm_array w, int32_t group, int32_t bits,
                       vm_stream s);
VM_API int vm_dequantize(vm_array* out, vm_array packed, vm_array scales, vm_array biases, int32_t group, int32_t bits,
                         vm_stream s);

// ---- engine operations ---------------------------------------------------------------------------------
// On the CPU device these are primitives of this library (vectorised, all cores, float32 sums, each row's
// result independent of the other rows); elsewhere they are built from MLX's operations. `portable` = 1
// takes MLX's operations on the CPU too, so that tests hold the two against each other there.
VM_API int vm_portable(int32_t portable);

// A weight is dense (scales = 0: w is [N, K] in float32, bfloat16 or float16) or affine-quantised (w packed
// uint32 [N, K*bits/32], scales and biases [N, K/group], bits 4 or 8, group 32, 64 or 128).

// A quantised weight of the CPU device may lie in panels, which its primitives read several times faster: for each 16
// rows, the rows' words side by side, [N/16, K*bits/32, 16], and their scales and biases [N/16, K/group, 16]. Arrays keep
// shape and dtype; wherever such a weight is passed, bits holds VM_PANELS too.
#define VM_PANELS 256
// Reorders the memory of a weight's three arrays (of N % 16 == 0 rows; else *done is 0 and nothing happens), before the
// first use. dtype: of scales and biases. May be called by any thread, one at a time.
VM_API int vm_to_panels(void* values, void* scales, void* biases, int32_t n, int32_t k, int32_t group, int32_t bits,
                        int32_t dtype, int32_t* done);

// out [n, N] = x [n, K] · Wᵀ (+ bias [N]) (+ residual [n, N]); bias and residual may be 0.
VM_API int vm_linear(vm_array* out, vm_array x, vm_array w, vm_array scales, vm_array biases, int32_t group,
                     int32_t bits, vm_array bias, vm_array residual, vm_stream s);
// out = act(rms_norm(x) · Wᵀ + bias) + residual, as vm_linear, with RMS norm of x by `norm` [K] and eps (0 = none).
// swiglu = 1: the weight's rows are F of gate and F of up, and out [n, F] = silu(gate) · up; else act does nothing.
VM_API int vm_linear_fused(vm_array* out, vm_array x, vm_array norm, float eps, vm_array w, vm_array scales,
                           vm_array biases, int32_t group, int32_t bits, vm_array bias, int32_t swiglu, vm_array residual,
                           vm_stream s);
// out [n, K] = rows `ids` (int32 [n]) of the (dequantised) table W [V, K]; float32 on CPU, else the table's scale dtype.
VM_API int vm_embedding(vm_array* out, vm_array ids, vm_array w, vm_array scales, vm_array biases, int32_t group,
                        int32_t bits, vm_stream s);
// out [n, K] = x / sqrt(mean(x²) + eps) · weight [K].
VM_API int vm_rms_norm(vm_array* out, vm_array x, vm_array weight, float eps, vm_stream s);
// out [n, F] = silu(x[:, :F]) · x[:, F:], x [n, 2F].
VM_API int vm_swiglu(vm_array* out, vm_array x, vm_stream s);

// Keys and values of one attention layer, in pages of VM_PAGE positions. A page is a number; what sequence it belongs to
// is known to the caller alone. Written in place and never copied to grow: on a CPU stream address space for `most`
// pages is reserved and memory appears with the first write, on a GPU growing makes a larger arena. The memory lives
// until the operations made from it have run, whenever the handle is freed.
// bits = 0: values of dtype (float32 on a CPU stream); 8 or 4: affine-quantised per 32 values along head_dim.
VM_API int vm_kv_new(vm_kv* out, int32_t pages, int32_t most, int32_t kv_heads, int32_t head_dim, int32_t dtype,
                     int32_t bits, vm_stream s);
VM_API int vm_kv_free(const vm_kv* layers, int32_t n);
// To `pages` in all, at most `most`; contents are kept. Costs nothing on a CPU stream.
VM_API int vm_kv_grow(vm_kv kv, int32_t pages, vm_stream s);
VM_API int vm_kv_page_bytes(vm_kv kv, uint64_t* out);  // keys, values and scales of one page
// Gives the memory of these pages back to the system once the work sent so far has run; their contents are lost. On a
// GPU it does nothing.
VM_API int vm_kv_trim(vm_kv kv, const int32_t* pages, int32_t n);
// Copies the first counts[i] positions of page from[i] to page to[i] in every layer, one after the other, in stream
// order. *tokens (int32 [p]) becomes an array of the same values: what is built from that one sees the copies (the old
// handle stays the caller's).
VM_API int vm_kv_copy(vm_array* tokens, const vm_kv* layers, int32_t n, const int32_t* to, const int32_t* from,
                      const int32_t* counts, int32_t copies, vm_stream s);
// One page to or from host memory, vm_kv_page_bytes bytes, in a layout that is the same on every device. They wait for
// the work sent so far.
VM_API int vm_kv_read(vm_kv kv, int32_t page, void* to);
VM_API int vm_kv_write(vm_kv kv, int32_t page, const void* from);

// The rows of one step. Row i belongs to sequence sequences[i] (0 … m-1; rows of one adjacent, positions ascending by
// one) and stands at positions[i]. Sequence j's pages are tables[offsets[j] … offsets[j+1]), offsets [m+1]: page number
// p / VM_PAGE of them holds position p, -1 = given back, never read. Positions before first[j] are not seen, except
// those below sinks[j]. Host arrays, copied. Shared by all layers of the step.
VM_API int vm_step_new(vm_step* out, const int32_t* sequences, const int32_t* positions, int32_t n,
                       const int32_t* tables, const int32_t* offsets, const int32_t* first, const int32_t* sinks,
                       int32_t m);
VM_API int vm_step_free(vm_step step);
// Splits qkv [n, (heads + 2·kv_heads)·head_dim] into q, k, v; RMS-norms q and k per head with q_norm, k_norm
// [head_dim] (0 = none); rotates the first `rope_dims` of each head, halves paired (i, i + rope_dims/2),
// angle = position · rope_scale · base^(-2i/rope_dims), or position / freqs[i] where freqs [rope_dims/2] is given; writes
// k and v into the pages of the rows' sequences. out: q [n, heads·head_dim]; what is to see the rows written is built
// from it, and nothing is written unless it is evaluated.
VM_API int vm_kv_append(vm_array* out, vm_kv kv, vm_array qkv, vm_step step, int32_t heads, int32_t kv_heads,
                        int32_t head_dim, vm_array q_norm, vm_array k_norm, float eps, int32_t rope_dims,
                        float rope_base, float rope_scale, vm_array freqs, vm_stream s);
// out [n, heads·head_dim]: softmax(scale · q·Kᵀ)·V. The row at position p sees the positions t <= p with
// t >= max(first, window > 0 ? p - window + 1 : 0), or t < sinks. Query head h uses kv head h / (heads / kv_heads).
VM_API int vm_kv_attention(vm_array* out, vm_array q, vm_kv kv, vm_step step, int32_t heads, float scale,
                           int32_t window, vm_stream s);

// out [m, K] = rows `rows[i]` of x.
VM_API int vm_rows(vm_array* out, vm_array x, const int32_t* rows, int32_t m, vm_stream s);
// out int32 [n]: previous[from[i]] where from[i] >= 0, else ids[i]. previous (int32 [p]) may be 0 if no from[i] >= 0.
VM_API int vm_step_tokens(vm_array* out, vm_array previous, const int32_t* from, const int32_t* ids, int32_t n,
                          vm_stream s);
// out int32 [n]: one token per row of logits [n, V]. Row i: temperature[i] == 0, or so small that its inverse is
// infinite, takes the largest (lowest id of equals). Else: divide by the temperature, keep the top_k[i] largest (0 = all), of those the smallest set
// whose probability reaches top_p[i] (1 = all), of those what has at least min_p[i] times the largest
// probability (0 = all); renormalise; take the first token, by descending probability then ascending id,
// whose cumulated probability exceeds uniform[i] in [0, 1). Host arrays, copied.
VM_API int vm_sample(vm_array* out, vm_array logits, const float* temperature, const int32_t* top_k, const float* top_p,
                     const float* min_p, const float* uniform, int32_t n, vm_stream s);

// How one row's token is chosen.
typedef struct {
  float temperature, top_p, min_p, uniform;  // as in vm_sample
  float presence, frequency, repetition;     // penalties: 0, 0 and 1 = none
  int32_t top_k;                             // as in vm_sample
  int32_t last;                    // index in `previous` of the newest token where the host does not know it yet, so that
                                   // it is not in the counts; else -1
  int32_t counts_from, counts_to;  // its range of count_ids, generated and repeats; no id twice
  int32_t bias_from, bias_to;      // its range of bias_ids and bias; no id twice
  int32_t mask;                    // its row of masks, or -1
  int32_t logprobs;                // -1 = none, else how many of the likeliest tokens it wants
} vm_sampling_row;

// One token per row of logits [n, V]. Each row's bias (-inf bans) is added to its logits; then, for a token that stands
// in the request's window repeats > 0 times, a positive logit is divided by the repetition penalty and a negative one
// multiplied; then presence (where generated > 0) and frequency · generated are subtracted; then tokens without their bit
// in the mask cannot come (mask [masks_n, ceil(V / 32)]: bit t % 32 of word t / 32 is token t's; at least one set; a
// token that is allowed counts as at least the lowest finite float, so one comes whatever bans the rest); then as
// vm_sample. `last` counts as one more generated and one more repeated previous[last]. `previous` (int32 [p]) may be 0
// where no row has a `last`.
// *logprobs float32 [n, 1 + k], 0 where no row wants them: log softmax of the logits as given, of the token chosen, then
// of the k likeliest tokens *top_ids int32 [n, k] (0 where k = 0), likeliest first, equal ones by ascending id. k = the
// most that a row wants. Where a row wants fewer or none, or has fewer finite logits: -inf and id -1.
// A row's results depend on its own logits, parameters and random number alone. Host arrays, copied.
VM_API int vm_choose(vm_array* tokens, vm_array* logprobs, vm_array* top_ids, vm_array logits,
                     const vm_sampling_row* rows, int32_t n, vm_array previous, const int32_t* count_ids,
                     const int32_t* generated, const int32_t* repeats, int32_t counts_n, const int32_t* bias_ids,
                     const float* bias, int32_t biases_n, const uint32_t* masks, int32_t masks_n, int32_t k,
                     vm_stream s);

#ifdef __cplusplus
}
#endif
#endif
