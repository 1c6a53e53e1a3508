// Compiles every kernel that serving can ask for with CUDA's run-time compiler, for several architectures: needs libnvrtc,
// no device. Usage: vllmd_gpu_compile [folder for the machine code], with LD_LIBRARY_PATH to libnvrtc.so.13.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "gpu/cuda_device.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"
#include "mlx/ops.h"

namespace {

using namespace vllmd;

mx::array blank(mx::Shape shape, mx::Dtype dtype) { return mx::zeros(std::move(shape), dtype, mx::Device::cpu); }

Weight weight(int n, int k, int bits, int group, mx::Dtype dtype) {
  if (bits == 0) {
    return {blank({n, k}, dtype), std::nullopt, std::nullopt, 0, 0, n, k};
  }
  auto scales = blank({n, k / group}, dtype);
  return {blank({n, k * bits / 32}, mx::uint32), scales, scales, group, bits, n, k};
}

// The kernels of one layer's step, and of what stands around the layers.
void build(mx::Stream s, mx::Dtype dtype, int bits, int group, int m, int d, int heads, int kv_heads, int length) {
  constexpr int kHidden = 1024, kFfn = 3072;
  auto x = blank({m, kHidden}, dtype), norm = blank({kHidden}, dtype), head_norm = blank({d}, dtype);
  auto ids = blank({m}, mx::int32);
  auto table = weight(1000, kHidden, bits, group, dtype);
  gpu::embedding(ids, table, s);
  auto normed = *gpu::rms_norm(x, norm, 1e-6f, s);
  auto qkv_weight = weight((heads + 2 * kv_heads) * d, kHidden, bits, group, dtype);
  auto qkv = gpu::linear(normed, qkv_weight, std::nullopt, std::nullopt, s);
  gpu::linear(x, qkv_weight, blank({qkv_weight.n}, dtype), std::nullopt, s);
  auto o =
      gpu::linear(blank({m, heads * d}, dtype), weight(kHidden, heads * d, bits, group, dtype), std::nullopt, x, s);
  auto up = gpu::linear(normed, weight(2 * kFfn, kHidden, bits, group, dtype), std::nullopt, std::nullopt, s);
  if (up) {
    gpu::swiglu(*up, s);
  }
  gpu::swiglu(blank({m, 2 * kFfn}, dtype), s);
  gpu::linear(blank({m, kFfn}, dtype), weight(kHidden, kFfn, bits, group, dtype), std::nullopt, x, s);
  gpu::linear(normed, table, std::nullopt, std::nullopt, s);
  gpu::rows(blank({m + 1, kHidden}, dtype), std::vector<int32_t>(m, 0), s);
  gpu::step_tokens(ids, std::vector<int32_t>(m, 0), std::vector<int32_t>(m, 0), s);
  Choice choice;
  choice.rows.assign(m, {.temperature = 0,
                         .top_p = 1,
                         .min_p = 0,
                         .uniform = 0,
                         .presence = 0,
                         .frequency = 0,
                         .repetition = 1,
                         .top_k = 0,
                         .last = -1,
                         .counts_from = 0,
                         .counts_to = 0,
                         .bias_from = 0,
                         .bias_to = 0,
                         .mask = -1,
                         .logprobs = -1});
  gpu::choose(blank({m, 1000}, dtype), std::nullopt, choice, s);
  choice.rows[0].temperature = 1;
  gpu::choose(blank({m, 1000}, dtype), std::nullopt, choice, s);
  choice.rows[0].presence = 1;
  choice.rows[0].mask = 0;
  choice.masks.assign((1000 + 31) / 32, 1);
  choice.words = (1000 + 31) / 32;
  gpu::choose(blank({m, 1000}, dtype), std::nullopt, choice, s);

  int pages = (length + kPage - 1) / kPage;
  auto arena = blank({m * pages, kv_heads, kPage, d}, dtype);
  Pages kv{{kv_heads, d, 0, dtype}, m * pages, m * pages, s, nullptr, DevicePages{{arena, {}, {}}, {arena, {}, {}}}};
  std::vector<int32_t> sequences(m), positions(m, length - 1), tables(m * pages), offsets(m + 1), none(m, 0);
  for (int i = 0; i < m; i++) {
    sequences[i] = i;
    offsets[i + 1] = (i + 1) * pages;
  }
  for (size_t i = 0; i < tables.size(); i++) {
    tables[i] = static_cast<int32_t>(i);
  }
  Step step(sequences.data(), positions.data(), m, tables.data(), offsets.data(), none.data(), none.data(), m);
  auto q = gpu::append(blank({m, (heads + 2 * kv_heads) * d}, dtype), kv, step, {heads, kv_heads, d},
                       {head_norm, head_norm, 1e-6f}, {d, 1e6f, 1, std::nullopt}, s);
  gpu::append(blank({m, (heads + 2 * kv_heads) * d}, dtype), kv, step, {heads, kv_heads, d},
              {std::nullopt, std::nullopt, 0}, {d / 2, 1e6f, 1, std::nullopt}, s);
  gpu::attention(*q, kv, step, heads, 0.1f, 0, s);
  gpu::copy_pages(ids, {&kv}, {{0, 0, 1}}, s);
}

}  // namespace

int main(int argc, char** argv) {
  gpu::pretend_cuda = true;
  mx::Stream s(0, mx::Device::gpu);
  for (auto dtype : {mx::bfloat16, mx::float16}) {
    for (int m : {1, 12, 24, 64}) {
      build(s, dtype, 8, 64, m, 128, 16, 8, 100);
    }
  }
  build(s, mx::bfloat16, 4, 32, 2, 64, 6, 2, 1000);
  build(s, mx::bfloat16, 0, 0, 2, 96, 8, 8, 1000);
  build(s, mx::bfloat16, 8, 128, 2, 256, 16, 2, 5000);
  build(s, mx::float32, 8, 64, 2, 128, 16, 8, 1000);
  int failed = 0;
  double seconds = 0;
  auto all = gpu::Kernels::all();
  for (const char* architecture : {"sm_80", "sm_90", "sm_120"}) {
    int number = 0;
    for (auto* kernel : all) {
      auto start = std::chrono::steady_clock::now();
      try {
        auto source = gpu::cuda_source(kernel->variant());
        auto code = gpu::cuda::compile_for(architecture, source);
        if (argc > 1 && std::string(architecture) == "sm_90") {
          auto name = std::string(argv[1]) + "/" + std::to_string(number++) + "-" + kernel->name();
          std::ofstream(name + ".cubin", std::ios::binary) << code;
          std::ofstream(name + ".cu") << source;
          std::ofstream(name + ".txt") << kernel->variant().defines;
        }
      } catch (const std::exception& e) {
        std::printf("%s for %s: %s\n%s\n", kernel->name(), architecture, e.what(), kernel->variant().defines.c_str());
        failed++;
      }
      seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
  }
  std::printf("%zu kernels for three architectures, %.1f s, %d failed\n", all.size(), seconds, failed);
  return failed == 0 ? 0 : 1;
}
