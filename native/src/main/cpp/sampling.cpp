// Entry points of sampling: arguments are checked here, once for both implementations.
#include "sampling.h"

#include <cmath>

#include "checks.h"
#include "gpu/gpu.h"

namespace vllmd {
namespace {

void check_filters(const vm_sampling_row& row, int i) {
  require(std::isfinite(row.temperature) && row.temperature >= 0, "temperature of row ", i, " is ", row.temperature);
  require(row.top_k >= 0, "top_k of row ", i, " is ", row.top_k);
  require(row.top_p > 0 && row.top_p <= 1, "top_p of row ", i, " is ", row.top_p, ", allowed are (0, 1]");
  require(row.min_p >= 0 && row.min_p <= 1, "min_p of row ", i, " is ", row.min_p, ", allowed are [0, 1]");
  require(row.uniform >= 0 && row.uniform < 1, "uniform of row ", i, " is ", row.uniform, ", allowed are [0, 1)");
}

void check_edits(const vm_sampling_row& row, int i, int previous, int counts, int biases, int masks) {
  require(std::isfinite(row.presence) && std::isfinite(row.frequency), "presence and frequency penalty of row ", i,
          " are ", row.presence, " and ", row.frequency);
  require(std::isfinite(row.repetition) && row.repetition > 0, "repetition penalty of row ", i, " is ", row.repetition,
          ", allowed is more than 0");
  require(row.last >= -1 && row.last < previous, "row ", i, " has its newest token at ", row.last, " of ", previous,
          " previous tokens");
  require(row.counts_from >= 0 && row.counts_from <= row.counts_to && row.counts_to <= counts, "counts of row ", i,
          " are ", row.counts_from, " to ", row.counts_to, " of ", counts);
  require(row.bias_from >= 0 && row.bias_from <= row.bias_to && row.bias_to <= biases, "biases of row ", i, " are ",
          row.bias_from, " to ", row.bias_to, " of ", biases);
  require(row.mask >= -1 && row.mask < masks, "row ", i, " has mask ", row.mask, " of ", masks);
}

Chosen choose(const mx::array& logits, const std::optional<mx::array>& previous, Choice choice, vm_stream s) {
  auto stream = stream_of(s);
  if (own_kernels(stream)) {
    return cpu::choose(logits, previous, std::move(choice), stream);
  }
  if (gpu::runs(stream)) {
    if (auto chosen = gpu::choose(logits, previous, choice, stream)) {
      return std::move(*chosen);
    }
  }
  return portable::choose(logits, previous, choice, stream);
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_sample(vm_array* out, vm_array logits, const float* temperature, const int32_t* top_k, const float* top_p,
              const float* min_p, const float* uniform, int32_t n, vm_stream s) {
  return guarded("sample", [&] {
    auto& all = array_of(logits);
    check_matrix("logits", all);
    require(all.shape(0) == n && all.shape(1) > 0, "logits are ", text(all), ", expected ", n, " rows");
    Choice choice;
    for (int32_t i = 0; i < n; i++) {
      choice.rows.push_back({.temperature = temperature[i],
                             .top_p = top_p[i],
                             .min_p = min_p[i],
                             .uniform = uniform[i],
                             .presence = 0,
                             .frequency = 0,
                             .repetition = 1,
                             .top_k = top_k[i],
                             .last = -1,
                             .counts_from = 0,
                             .counts_to = 0,
                             .bias_from = 0,
                             .bias_to = 0,
                             .mask = -1,
                             .logprobs = -1});
      check_filters(choice.rows[i], i);
    }
    *out = handle_of(choose(all, std::nullopt, std::move(choice), s).tokens);
  });
}

int vm_choose(vm_array* tokens, vm_array* logprobs, vm_array* top_ids, vm_array logits, const vm_sampling_row* rows,
              int32_t n, vm_array previous, const int32_t* count_ids, const int32_t* generated, const int32_t* repeats,
              int32_t counts_n, const int32_t* bias_ids, const float* bias, int32_t biases_n, const uint32_t* masks,
              int32_t masks_n, int32_t k, vm_stream s) {
  return guarded("choose", [&] {
    auto& all = array_of(logits);
    auto before = optional_array_of(previous);
    check_matrix("logits", all);
    int vocabulary = all.shape(1);
    require(n > 0 && all.shape(0) == n && vocabulary > 0, "logits are ", text(all), ", expected ", n, " rows");
    require(!before || (before->ndim() == 1 && before->dtype() == mx::int32), "previous is not int32 [p]");
    require(counts_n >= 0 && biases_n >= 0 && masks_n >= 0, "negative number of counts, biases or masks");
    require(k >= 0 && k <= vocabulary, "k is ", k, ", allowed are 0 to the vocabulary's ", vocabulary);
    Choice choice;
    choice.rows.assign(rows, rows + n);
    choice.count_ids.assign(count_ids, count_ids + counts_n);
    choice.generated.assign(generated, generated + counts_n);
    choice.repeats.assign(repeats, repeats + counts_n);
    choice.bias_ids.assign(bias_ids, bias_ids + biases_n);
    choice.bias.assign(bias, bias + biases_n);
    choice.words = (vocabulary + 31) / 32;
    choice.masks.assign(masks, masks + static_cast<size_t>(masks_n) * choice.words);
    choice.top = k;
    for (int32_t i = 0; i < n; i++) {
      check_filters(rows[i], i);
      check_edits(rows[i], i, before ? before->shape(0) : 0, counts_n, biases_n, masks_n);
      require(rows[i].logprobs >= -1 && rows[i].logprobs <= k, "row ", i, " wants ", rows[i].logprobs,
              " likeliest tokens of ", k);
      choice.logprobs = choice.logprobs || rows[i].logprobs >= 0;
    }
    for (int32_t i = 0; i < counts_n; i++) {
      require(count_ids[i] >= 0 && count_ids[i] < vocabulary && generated[i] >= 0 && repeats[i] >= 0, "count ", i,
              " is of token ", count_ids[i], ": ", generated[i], " generated, ", repeats[i], " repeats");
    }
    for (int32_t i = 0; i < biases_n; i++) {
      require(bias_ids[i] >= 0 && bias_ids[i] < vocabulary, "bias ", i, " is of token ", bias_ids[i]);
      require(bias[i] < std::numeric_limits<float>::infinity(), "bias ", i, " is ", bias[i]);
    }
    auto chosen = choose(all, before, std::move(choice), s);
    vm_array made[3] = {handle_of(std::move(chosen.tokens)), 0, 0};
    if (chosen.logprobs) {
      made[1] = handle_of(std::move(*chosen.logprobs));
    }
    if (chosen.top_ids) {
      made[2] = handle_of(std::move(*chosen.top_ids));
    }
    *tokens = made[0];
    *logprobs = made[1];
    *top_ids = made[2];
  });
}
