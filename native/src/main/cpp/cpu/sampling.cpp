// Choosing tokens on the CPU.
#include "sampling.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/primitive.h"
#include "cpu/ranking.h"
#include "cpu/thread_pool.h"

namespace vllmd::cpu {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float penalised(float logit, const vm_sampling_row& row, int generated, int repeats) {
  if (repeats > 0) {
    logit = logit > 0 ? logit / row.repetition : logit * row.repetition;
  }
  if (generated > 0) {
    logit -= row.presence + row.frequency * static_cast<float>(generated);
  }
  return logit;
}

// Bias, penalties and mask, in this order.
void edit(const Choice& choice, const vm_sampling_row& row, const int32_t* previous, int vocabulary, float* logits) {
  for (int i = row.bias_from; i < row.bias_to; i++) {
    logits[choice.bias_ids[i]] += choice.bias[i];
  }
  if (penalises(row)) {
    int newest = row.last >= 0 ? previous[row.last] : -1;
    bool counted = newest < 0 || newest >= vocabulary;
    for (int i = row.counts_from; i < row.counts_to; i++) {
      int id = choice.count_ids[i], more = id == newest;
      counted = counted || more != 0;
      logits[id] = penalised(logits[id], row, choice.generated[i] + more, choice.repeats[i] + more);
    }
    if (!counted) {
      logits[newest] = penalised(logits[newest], row, 1, 1);
    }
  }
  if (row.mask >= 0) {
    kernels().mask(choice.masks.data() + static_cast<size_t>(row.mask) * choice.words, vocabulary, logits);
  }
}

// The first that brings the cumulated weight beyond its share.
int32_t pick(const std::vector<Ranked>& tokens, const float* weights, size_t kept, double mass, float uniform) {
  double target = uniform * mass, cumulated = 0;
  for (size_t i = 0; i + 1 < kept; i++) {
    cumulated += weights[i];
    if (cumulated > target) {
      return tokens[i].id;
    }
  }
  return tokens[kept - 1].id;
}

// Only the top_k largest are looked at closer. scratch: vocabulary floats.
int32_t sample_among_first(const float* logits, int vocabulary, const vm_sampling_row& row, float* scratch) {
  thread_local std::vector<Ranked> tokens;
  first_ranked(logits, vocabulary, row.top_k, tokens);
  size_t n = tokens.size();
  for (size_t i = 0; i < n; i++) {
    scratch[i] = tokens[i].logit;
  }
  float inverse = 1.0f / row.temperature;
  kernels().exp_shifted(scratch, static_cast<int>(n), tokens[0].logit, inverse, scratch);
  double total = 0;
  for (size_t i = 0; i < n; i++) {
    total += scratch[i];
  }
  double wanted = row.top_p < 1 ? row.top_p * total : std::numeric_limits<double>::infinity(), mass = 0;
  size_t kept = 0;
  do {
    mass += scratch[kept++];
  } while (kept < n && mass < wanted && scratch[kept] >= row.min_p && scratch[kept] > 0);
  return pick(tokens, scratch, kept, mass, row.uniform);
}

int32_t sample_among_all(const float* logits, int vocabulary, float largest, const vm_sampling_row& row,
                         float* weights) {
  double total = kernels().exp_shifted(logits, vocabulary, largest, 1.0f / row.temperature, weights);
  RankedWeights ranked(logits, weights, vocabulary, total, row.min_p);
  double wanted = row.top_p * total;
  if (row.top_p == 1 || wanted >= ranked.mass()) {
    return ranked.first_beyond(row.uniform * ranked.mass(), false).token.id;
  }
  auto last = ranked.first_beyond(wanted, true);
  auto chosen = ranked.first_beyond(row.uniform * last.cumulated, false);
  // Sums over different bands may round differently.
  return before(last.token, chosen.token) ? last.token.id : chosen.token.id;
}

// scratch: vocabulary floats.
int32_t choose_token(const float* logits, int vocabulary, const vm_sampling_row& row, float* scratch) {
  int best = kernels().argmax(logits, vocabulary);
  if (!samples(row) || !std::isfinite(logits[best])) {
    return best;
  }
  return row.top_k > 0 && row.top_k < vocabulary ? sample_among_first(logits, vocabulary, row, scratch)
                                                 : sample_among_all(logits, vocabulary, logits[best], row, scratch);
}

// logprobs [1 + top], ids [top]. scratch: vocabulary floats.
void tell_logprobs(const float* logits, int vocabulary, int32_t token, int wanted, int top, float* logprobs,
                   int32_t* ids, float* scratch) {
  std::fill(logprobs, logprobs + 1 + top, -kInfinity);
  std::fill(ids, ids + top, -1);
  if (wanted < 0) {
    return;
  }
  float largest = logits[kernels().argmax(logits, vocabulary)];
  if (!std::isfinite(largest)) {
    logprobs[0] = largest > 0 && logits[token] == largest ? 0 : -kInfinity;
    return;
  }
  double total = std::log(kernels().exp_shifted(logits, vocabulary, largest, 1, scratch));
  auto logprob = [&](float logit) { return static_cast<float>(static_cast<double>(logit) - largest - total); };
  if (logits[token] > -kInfinity) {
    logprobs[0] = logprob(logits[token]);
  }
  thread_local std::vector<Ranked> tokens;
  first_ranked(logits, vocabulary, wanted, tokens);
  for (size_t i = 0; i < tokens.size(); i++) {
    logprobs[1 + i] = logprob(tokens[i].logit);
    ids[i] = tokens[i].id;
  }
}

}  // namespace

Chosen choose(const mx::array& logits, const std::optional<mx::array>& previous, Choice given, mx::Stream s) {
  int n = static_cast<int>(given.rows.size()), top = given.top;
  bool logprobs = given.logprobs, ids = logprobs && top > 0;
  std::vector<mx::array> inputs{dense(logits, mx::float32, s)};
  if (previous) {
    inputs.push_back(dense(*previous, s));
  }
  std::vector<mx::Shape> shapes{{n}};
  std::vector<mx::Dtype> dtypes{mx::int32};
  if (logprobs) {
    shapes.push_back({n, 1 + top});
    dtypes.push_back(mx::float32);
  }
  if (ids) {
    shapes.push_back({n, top});
    dtypes.push_back(mx::int32);
  }
  auto prepare = [choice = std::make_shared<const Choice>(std::move(given))](const std::vector<mx::array>& in,
                                                                             std::vector<mx::array>& out) {
    for (auto& made : out) {
      allocate(made);
    }
    return [choice, logits = in[0].data<float>(), vocabulary = in[0].shape(1),
            previous = in.size() > 1 ? in[1].data<int32_t>() : nullptr, tokens = out[0].data<int32_t>(),
            logprobs = out.size() > 1 ? out[1].data<float>() : nullptr,
            ids = out.size() > 2 ? out[2].data<int32_t>() : nullptr] {
      // Rows of the two halves begin at a cache line.
      size_t width = (static_cast<size_t>(vocabulary) + 15) / 16 * 16;
      ThreadPool::instance().run(static_cast<int>(choice->rows.size()), [&](int i) {
        auto& row = choice->rows[i];
        const float* given = logits + static_cast<size_t>(i) * vocabulary;
        float* scratch = thread_scratch(2 * width);
        const float* edited = given;
        if (edits(row)) {
          std::memcpy(scratch + width, given, vocabulary * sizeof(float));
          edit(*choice, row, previous, vocabulary, scratch + width);
          edited = scratch + width;
        }
        tokens[i] = choose_token(edited, vocabulary, row, scratch);
        if (logprobs != nullptr) {
          int top = choice->top;
          tell_logprobs(given, vocabulary, tokens[i], row.logprobs, top, logprobs + static_cast<size_t>(i) * (1 + top),
                        ids + static_cast<size_t>(i) * top, scratch);
        }
      });
    };
  };
  auto made = operations("VllmdChoose", std::move(shapes), dtypes, std::move(inputs), s, std::move(prepare));
  Chosen chosen{made[0], std::nullopt, std::nullopt};
  if (logprobs) {
    chosen.logprobs = made[1];
  }
  if (ids) {
    chosen.top_ids = made[2];
  }
  return chosen;
}

}  // namespace vllmd::cpu
