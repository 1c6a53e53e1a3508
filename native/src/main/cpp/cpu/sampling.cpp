// Choosing rows and tokens on the CPU.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/primitive.h"
#include "cpu/thread_pool.h"
#include "engine.h"

namespace vllmd::cpu {

namespace {

struct Candidate {
  float logit;
  int32_t id;
  float weight;  // exp((logit - largest) / temperature)
};

bool before(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

// Candidates in order of `before`, sorted only as far as they are asked for: a sampled token is nearly always among
// the first few of a vocabulary.
class Ranked {
 public:
  explicit Ranked(std::vector<Candidate>& all) : all_(all) {}

  const Candidate& operator[](size_t i) {
    while (i >= sorted_) {
      extend();
    }
    return all_[i];
  }

  size_t size() const { return all_.size(); }

 private:
  void extend() {
    size_t end = std::min(all_.size(), std::max<size_t>(64, sorted_ * 8));
    auto from = all_.begin() + static_cast<std::ptrdiff_t>(sorted_);
    auto to = all_.begin() + static_cast<std::ptrdiff_t>(end);
    if (end < all_.size()) {
      std::nth_element(from, to, all_.end(), before);
    }
    std::sort(from, to, before);
    sorted_ = end;
  }

  std::vector<Candidate>& all_;
  size_t sorted_ = 0;
};

int32_t sample_row(const float* logits, int vocabulary, const SamplingRow& row) {
  const Kernels& kernel = kernels();
  int best = kernel.argmax(logits, vocabulary);
  float largest = logits[best];
  // So cold that its inverse is infinite: 0 * inf would make the largest weigh NaN, and no candidate would be left.
  float inverse = 1.0f / row.temperature;
  if (!std::isfinite(inverse) || row.top_k == 1 || !std::isfinite(largest)) {
    return best;
  }
  float* weights = thread_scratch(vocabulary);
  double total = kernel.exp_shifted(logits, vocabulary, largest, inverse, weights);

  // min_p leaves out what could never be chosen before anything is sorted; top_k and top_p still count it.
  thread_local std::vector<Candidate> candidates;
  candidates.clear();
  bool limited = row.top_k > 0 && row.top_k < vocabulary;
  float floor = limited ? 0 : row.min_p;
  for (int i = 0; i < vocabulary; i++) {
    // NaN and -inf weigh 0 and are never chosen: the largest weighs 1.
    if (weights[i] > 0 && weights[i] >= floor) {
      candidates.push_back({logits[i], i, weights[i]});
    }
  }
  if (limited && static_cast<size_t>(row.top_k) < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + row.top_k, candidates.end(), before);
    candidates.resize(row.top_k);
  }
  if (limited) {
    // Added up in order of rank, or the sum would depend on how the selection shuffled them.
    std::sort(candidates.begin(), candidates.end(), before);
    total = 0;
    for (auto& c : candidates) {
      total += c.weight;
    }
  }
  Ranked ranked(candidates);
  size_t kept = 0;
  double mass = 0;
  if (row.top_p < 1 || limited) {
    double wanted = row.top_p * total;
    do {
      mass += ranked[kept].weight;
      kept++;
    } while (kept < ranked.size() && (row.top_p == 1 || mass < wanted) && ranked[kept].weight >= row.min_p);
  } else {
    kept = ranked.size();
    if (row.min_p > 0) {
      total = 0;
      for (auto& c : candidates) {
        total += c.weight;
      }
    }
    mass = total;
  }
  double target = row.uniform * mass, cumulated = 0;
  for (size_t i = 0; i + 1 < kept; i++) {
    cumulated += ranked[i].weight;
    if (cumulated > target) {
      return ranked[i].id;
    }
  }
  return ranked[kept - 1].id;
}

}  // namespace

mx::array rows(const mx::array& x, std::vector<int32_t> rows, mx::Stream s) {
  mx::Shape shape{static_cast<int>(rows.size()), x.shape(1)};
  auto prepare = [rows = std::make_shared<const std::vector<int32_t>>(std::move(rows))](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    size_t bytes = in[0].shape(1) * in[0].itemsize();
    return [rows, bytes, from = in[0].data<char>(), to = out[0].data<char>()] {
      for (size_t i = 0; i < rows->size(); i++) {
        std::memcpy(to + i * bytes, from + (*rows)[i] * bytes, bytes);
      }
    };
  };
  return operation("VllmdRows", std::move(shape), x.dtype(), {dense(x, s)}, s, std::move(prepare));
}

mx::array step_tokens(const std::optional<mx::array>& previous, std::vector<int32_t> from, std::vector<int32_t> ids,
                      mx::Stream s) {
  mx::Shape shape{static_cast<int>(ids.size())};
  std::vector<mx::array> inputs;
  if (previous) {
    inputs.push_back(dense(*previous, s));
  }
  auto prepare = [from = std::make_shared<const std::vector<int32_t>>(std::move(from)),
                  ids = std::make_shared<const std::vector<int32_t>>(std::move(ids))](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return [from, ids, sampled = in.empty() ? nullptr : in[0].data<int32_t>(), to = out[0].data<int32_t>()] {
      for (size_t i = 0; i < ids->size(); i++) {
        to[i] = (*from)[i] >= 0 ? sampled[(*from)[i]] : (*ids)[i];
      }
    };
  };
  return operation("VllmdStepTokens", std::move(shape), mx::int32, std::move(inputs), s, std::move(prepare));
}

mx::array sample(const mx::array& logits, std::vector<SamplingRow> rows, mx::Stream s) {
  mx::Shape shape{static_cast<int>(rows.size())};
  auto prepare = [rows = std::make_shared<const std::vector<SamplingRow>>(std::move(rows))](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return [rows, logits = in[0].data<float>(), vocabulary = in[0].shape(1), to = out[0].data<int32_t>()] {
      ThreadPool::instance().run(static_cast<int>(rows->size()), [&](int i) {
        to[i] = sample_row(logits + static_cast<size_t>(i) * vocabulary, vocabulary, (*rows)[i]);
      });
    };
  };
  return operation("VllmdSample", std::move(shape), mx::int32, {dense(logits, mx::float32, s)}, s, std::move(prepare));
}

}  // namespace vllmd::cpu
