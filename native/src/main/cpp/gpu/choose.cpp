// Choosing tokens: what penalties, biases and masks change in one kernel, then the choice in another. Log probabilities
// by MLX's operations.
#include <algorithm>

#include "gpu/cuda_device.h"
#include "gpu/device_memory.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kArgmax = {
#include "gpu/text/argmax.h"
};
constexpr KernelText kPick = {
#include "gpu/text/pick.h"
};

constexpr KernelText kEdit = {
#include "gpu/text/edit.h"
};

constexpr int kWarps = 32;

mx::array largest(const mx::array& logits, mx::Stream s) {
  static Kernels kernels;
  auto& kernel = kernels.of(type_code(logits.dtype()), [&]() -> KernelVariant {
    return {"VllmdGpuArgmax", kArgmax, {{"Value", "x"}}, {"int", "out"},
            define("WARPS", kWarps) + alias_type("Value", type_of(logits.dtype())), 32 * kWarps};
  });
  int n = logits.shape(0);
  Launch call{kernel, {dense(logits, s)}, {n}, mx::int32, {logits.shape(1)}, {n, 1, 1}};
  call.for_host = true;
  return launch(std::move(call), s);
}

mx::array filters_of(const std::vector<vm_sampling_row>& rows) {
  std::vector<int32_t> words;
  for (auto& row : rows) {
    float inverse = samples(row) ? 1 / row.temperature : 0;
    words.insert(words.end(), {bits_of(inverse), row.top_k, bits_of(row.top_p), bits_of(row.min_p), bits_of(row.uniform)});
  }
  return host_ints(words);
}

mx::array picked(const mx::array& logits, const std::vector<vm_sampling_row>& rows, mx::Stream s) {
  static Kernels kernels;
  auto& kernel = kernels.of(type_code(logits.dtype()), [&]() -> KernelVariant {
    return {"VllmdGpuPick", kPick, {{"Value", "x"}, {"int", "filters"}}, {"int", "out"},
            define("WARPS", kWarps) + define("LIST", 32 * kWarps) + alias_type("Value", type_of(logits.dtype())),
            32 * kWarps};
  });
  int n = logits.shape(0);
  Launch call{kernel, {dense(logits, s), filters_of(rows)}, {n}, mx::int32, {logits.shape(1)}, {n, 1, 1}};
  call.for_host = true;
  return launch(std::move(call), s);
}

mx::array edited(const mx::array& logits, const Maybe& previous, const Choice& choice, mx::Stream s) {
  constexpr int kChunk = 4096, kThreads = 256;
  std::vector<int32_t> words;
  for (auto& row : choice.rows) {
    words.insert(words.end(), {row.counts_from, row.counts_to, row.bias_from, row.bias_to, row.mask, row.last,
                               bits_of(row.presence), bits_of(row.frequency), bits_of(row.repetition)});
  }
  int vocabulary = logits.shape(1), n = logits.shape(0);
  Params params{vocabulary};
  int list = 1;
  auto add = [&](const auto& values) {
    params[list++] = static_cast<int32_t>(words.size());
    for (auto value : values) {
      words.push_back(std::bit_cast<int32_t>(value));
    }
  };
  add(choice.count_ids);
  add(choice.generated);
  add(choice.repeats);
  add(choice.bias_ids);
  add(choice.bias);
  add(choice.masks);
  params[list] = choice.words;
  static Kernels kernels;
  auto& kernel = kernels.of(type_code(logits.dtype()), [&]() -> KernelVariant {
    return {"VllmdGpuEdit", kEdit, {{"Value", "x"}, {"int", "asked"}, {"int", "previous"}}, {"float", "out"},
            define("CHUNK", kChunk) + define("THREADS", kThreads) + alias_type("Value", type_of(logits.dtype())), kThreads};
  });
  auto asked = host_ints(words);
  // Some array has to be there; it is not read where no row has a newest token.
  auto before = previous ? dense(*previous, s) : asked;
  return launch({kernel,
                 {dense(logits, s), asked, before},
                 logits.shape(),
                 mx::float32,
                 params,
                 {(vocabulary + kChunk - 1) / kChunk, n, 1}},
                s);
}

}  // namespace

std::optional<Chosen> choose(const mx::array& logits, const Maybe& previous, const Choice& choice, mx::Stream s) {
  auto any = [&](auto&& holds) { return std::any_of(choice.rows.begin(), choice.rows.end(), holds); };
  auto x = any(edits) ? edited(logits, previous, choice, s) : logits;
  Chosen chosen{any(samples) ? picked(x, choice.rows, s) : largest(x, s), std::nullopt, std::nullopt};
  if (choice.logprobs) {
    portable::tell_logprobs(portable::clean(logits, s), choice, s, chosen);
  }
  return chosen;
}

}  // namespace vllmd::gpu
