// Sampling built from MLX's operations.
#include <algorithm>
#include <cmath>
#include <limits>

#include "mlx/ops.h"
#include "portable_ranking.h"
#include "sampling.h"

namespace vllmd::portable {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

template <typename T>
mx::array host(const std::vector<T>& values, mx::Dtype dtype) {
  return mx::array(values.begin(), {static_cast<int>(values.size())}, dtype);
}

// All changes of single logits: entry i is logit `at[i]` of the flat [n · V].
struct Edits {
  std::vector<int32_t> at, row, generated, repeats;
  std::vector<float> bias;
};

Edits edits_of(const Choice& choice, int vocabulary) {
  Edits edits;
  for (size_t i = 0; i < choice.rows.size(); i++) {
    auto& row = choice.rows[i];
    auto base = static_cast<int32_t>(i) * vocabulary;
    std::vector<std::pair<int32_t, int32_t>> biased;  // id, index of its bias
    for (int b = row.bias_from; b < row.bias_to; b++) {
      biased.emplace_back(choice.bias_ids[b], b);
    }
    std::sort(biased.begin(), biased.end());
    std::vector<bool> used(biased.size());
    auto add = [&](int32_t id, float bias, int32_t generated, int32_t repeats) {
      edits.at.push_back(base + id);
      edits.row.push_back(static_cast<int32_t>(i));
      edits.bias.push_back(bias);
      edits.generated.push_back(generated);
      edits.repeats.push_back(repeats);
    };
    if (penalises(row)) {
      for (int c = row.counts_from; c < row.counts_to; c++) {
        int32_t id = choice.count_ids[c];
        auto found = std::lower_bound(biased.begin(), biased.end(), std::pair{id, int32_t{0}});
        bool both = found != biased.end() && found->first == id;
        if (both) {
          used[found - biased.begin()] = true;
        }
        add(id, both ? choice.bias[found->second] : 0, choice.generated[c], choice.repeats[c]);
      }
    }
    for (size_t b = 0; b < biased.size(); b++) {
      if (!used[b]) {
        add(biased[b].first, choice.bias[biased[b].second], 0, 0);
      }
    }
  }
  return edits;
}

// Columns of the rows' parameters.
struct Parameters {
  const Choice& choice;
  mx::Stream s;

  template <typename Field>
  mx::array column(Field field, mx::Dtype dtype) const {
    using Value = std::decay_t<decltype(field(choice.rows[0]))>;
    std::vector<Value> values;
    for (auto& row : choice.rows) {
      values.push_back(field(row));
    }
    return mx::array(values.begin(), {static_cast<int>(values.size())}, dtype);
  }
};

// Penalties of logits x [e] of the rows `row` [e].
mx::array penalised(const mx::array& x, const mx::array& row, const mx::array& generated, const mx::array& repeats,
                    const Parameters& parameters) {
  auto s = parameters.s;
  auto of = [&](auto field) { return mx::take(parameters.column(field, mx::float32), row, 0, s); };
  auto zero = mx::array(0);
  auto repetition = of([](auto& r) { return r.repetition; });
  auto scaled = mx::where(mx::greater(x, mx::array(0.0f), s), mx::divide(x, repetition, s),
                          mx::multiply(x, repetition, s), s);
  auto y = mx::where(mx::greater(repeats, zero, s), scaled, x, s);
  auto less = mx::add(of([](auto& r) { return r.presence; }),
                      mx::multiply(of([](auto& r) { return r.frequency; }), mx::astype(generated, mx::float32, s), s), s);
  return mx::where(mx::greater(generated, zero, s), mx::subtract(y, less, s), y, s);
}

mx::array put(const mx::array& flat, const mx::array& at, const mx::array& values, mx::Stream s) {
  return mx::scatter(flat, at, mx::reshape(values, {values.shape(0), 1}, s), 0, s);
}

// By scatters over the few logits that bias and penalties touch.
mx::array penalised(const mx::array& x, const std::optional<mx::array>& previous, const Choice& choice, mx::Stream s) {
  int n = x.shape(0), vocabulary = x.shape(1);
  auto edits = edits_of(choice, vocabulary);
  std::vector<int32_t> newest;  // rows whose newest token the host does not know
  std::vector<int32_t> last;
  for (int i = 0; i < n; i++) {
    auto& row = choice.rows[i];
    if (row.last >= 0 && penalises(row)) {
      newest.push_back(i);
      last.push_back(row.last);
    }
  }
  if (edits.at.empty() && newest.empty()) {
    return x;
  }
  Parameters parameters{choice, s};
  auto flat = mx::reshape(x, {n * vocabulary}, s), result = flat;
  std::optional<mx::array> newest_at;
  if (!newest.empty()) {
    auto row = host(newest, mx::int32);
    newest_at = mx::add(mx::multiply(row, mx::array(vocabulary), s), mx::take(*previous, host(last, mx::int32), 0, s), s);
    auto one = mx::array(1);
    // Written first: where the token has counts or a bias too, the edit below knows better.
    result = put(result, *newest_at, penalised(mx::take(flat, *newest_at, 0, s), row, one, one, parameters), s);
  }
  if (!edits.at.empty()) {
    auto at = host(edits.at, mx::int32), row = host(edits.row, mx::int32);
    auto generated = host(edits.generated, mx::int32), repeats = host(edits.repeats, mx::int32);
    if (newest_at) {
      std::vector<int32_t> none(n, -1);
      auto of_row = put(host(none, mx::int32), host(newest, mx::int32), *newest_at, s);
      auto more = mx::astype(mx::equal(at, mx::take(of_row, row, 0, s), s), mx::int32, s);
      generated = mx::add(generated, more, s);
      repeats = mx::add(repeats, more, s);
    }
    auto value = mx::add(mx::take(flat, at, 0, s), host(edits.bias, mx::float32), s);
    result = put(result, at, penalised(value, row, generated, repeats, parameters), s);
  }
  return mx::reshape(result, {n, vocabulary}, s);
}

mx::array masked(const mx::array& x, const Choice& choice, mx::Stream s) {
  if (choice.masks.empty()) {
    return x;
  }
  int n = x.shape(0), vocabulary = x.shape(1), masks = static_cast<int>(choice.masks.size()) / choice.words;
  bool any = false, all = true;
  std::vector<int32_t> index(n);
  for (int i = 0; i < n; i++) {
    bool has = choice.rows[i].mask >= 0;
    any = any || has;
    all = all && has;
    index[i] = has ? choice.rows[i].mask : masks;
  }
  if (!any) {
    return x;
  }
  auto words = mx::array(choice.masks.begin(), {masks, choice.words}, mx::uint32);
  if (!all) {
    words = mx::concatenate({words, mx::full({1, choice.words}, 0xffffffffu, mx::uint32, s)}, 0, s);
  }
  auto mine = mx::reshape(mx::take(words, host(index, mx::int32), 0, s), {n, choice.words, 1}, s);
  auto bits = mx::bitwise_and(mx::right_shift(mine, mx::arange(0, 32, mx::uint32, s), s), mx::array(1u), s);
  bits = mx::reshape(mx::astype(bits, mx::bool_, s), {n, choice.words * 32}, s);
  bits = mx::slice(bits, {0, 0}, {n, vocabulary}, s);
  // Not for rows without a mask, whose logits may be banned by -inf.
  auto lowest = all ? mx::array(kLowest)
                    : mx::reshape(mx::where(mx::less(host(index, mx::int32), mx::array(masks), s), mx::array(kLowest),
                                            mx::array(-kInfinity), s),
                                  {n, 1}, s);
  return mx::where(bits, mx::maximum(x, lowest, s), mx::array(-kInfinity), s);
}

// Tokens of rows that sample, x [rows, V]: filters become masks over the weights of the `width` first tokens, sorted.
mx::array sampled_among_first(const mx::array& x, const std::vector<const vm_sampling_row*>& rows, int width,
                              mx::Stream s) {
  int n = x.shape(0);
  std::vector<float> inverse, top_p, min_p, uniform;
  std::vector<int32_t> top_k;
  for (auto* row : rows) {
    inverse.push_back(1.0f / row->temperature);
    top_p.push_back(row->top_p);
    min_p.push_back(row->min_p);
    uniform.push_back(row->uniform);
    top_k.push_back(row->top_k > 0 ? row->top_k : width);
  }
  auto column = [&](const auto& values, mx::Dtype dtype) { return mx::array(values.begin(), {n, 1}, dtype); };
  auto first = first_ranked(x, width, s);
  auto largest = mx::slice(first.logits, {0, 0}, {n, 1}, s);
  auto weights = mx::exp(mx::multiply(mx::subtract(first.logits, largest, s), column(inverse, mx::float32), s), s);
  auto zero = mx::array(0.0f);
  auto rank = mx::reshape(mx::arange(width, mx::int32, s), {1, width}, s);
  // Where nothing is finite, every weight is NaN and the first token stands.
  auto kept = mx::logical_and(mx::less(rank, column(top_k, mx::int32), s), mx::greater(weights, zero, s), s);
  weights = mx::where(kept, weights, zero, s);
  auto cumulated = mx::cumsum(weights, 1, false, true, s);
  auto total = mx::slice(cumulated, {0, width - 1}, {n, width}, s);
  // What came before a token decides: the one that reaches top_p is still kept. top_p = 1 keeps all, whatever the sums
  // round to.
  auto p = column(top_p, mx::float32);
  auto enough = mx::logical_and(mx::less(p, mx::array(1.0f), s),
                                mx::greater_equal(mx::subtract(cumulated, weights, s), mx::multiply(p, total, s), s), s);
  auto drop = mx::logical_or(enough, mx::less(weights, column(min_p, mx::float32), s), s);
  drop = mx::logical_and(drop, mx::greater(rank, mx::array(0), s), s);
  weights = mx::where(drop, zero, weights, s);
  cumulated = mx::cumsum(weights, 1, false, true, s);
  total = mx::slice(cumulated, {0, width - 1}, {n, width}, s);
  auto target = mx::multiply(total, column(uniform, mx::float32), s);
  auto last = mx::subtract(mx::sum(mx::astype(mx::greater(weights, zero, s), mx::int32, s), 1, true, s), mx::array(1), s);
  // The first whose cumulated weight exceeds the target stands after all that do not.
  auto index = mx::sum(mx::astype(mx::less_equal(cumulated, target, s), mx::int32, s), 1, true, s);
  auto chosen = mx::take_along_axis(first.ids, mx::maximum(mx::minimum(index, last, s), mx::array(0), s), 1, s);
  return mx::reshape(chosen, {n}, s);
}

// Rows that need no more than their first tokens are kept apart from those whose tail counts: sorting a vocabulary takes
// longer than all else together.
mx::array sampled(const mx::array& x, const mx::array& greedy, const Choice& choice, mx::Stream s) {
  constexpr int kFew = 256;
  int n = x.shape(0), vocabulary = x.shape(1), width = 0;
  std::vector<int32_t> few, many;
  for (int i = 0; i < n; i++) {
    auto& row = choice.rows[i];
    if (samples(row)) {
      bool limited = row.top_k > 0 && row.top_k <= kFew && row.top_k < vocabulary;
      (limited ? few : many).push_back(i);
      width = limited ? std::max(width, row.top_k) : width;
    }
  }
  auto tokens = greedy;
  for (auto& [chosen, among] : {std::pair{&few, width}, std::pair{&many, vocabulary}}) {
    if (chosen->empty()) {
      continue;
    }
    std::vector<const vm_sampling_row*> rows;
    for (int i : *chosen) {
      rows.push_back(&choice.rows[i]);
    }
    if (static_cast<int>(chosen->size()) == n) {
      return sampled_among_first(x, rows, among, s);
    }
    auto index = host(*chosen, mx::int32);
    tokens = put(tokens, index, sampled_among_first(mx::take(x, index, 0, s), rows, among, s), s);
  }
  return tokens;
}

}  // namespace

mx::array clean(const mx::array& logits, mx::Stream s) {
  auto x = mx::astype(logits, mx::float32, s);
  return mx::where(mx::isnan(x, s), mx::array(-kInfinity), x, s);
}

void tell_logprobs(const mx::array& x, const Choice& choice, mx::Stream s, Chosen& chosen) {
  int n = x.shape(0), top = choice.top;
  std::vector<int32_t> wanted(n);
  for (int i = 0; i < n; i++) {
    wanted[i] = choice.rows[i].logprobs;
  }
  auto asked = mx::array(wanted.begin(), {n, 1}, mx::int32);
  auto none = mx::array(-kInfinity);
  auto total = mx::logsumexp(x, 1, true, s);
  auto logits = mx::take_along_axis(x, mx::reshape(chosen.tokens, {n, 1}, s), 1, s);
  auto index = mx::zeros({1, 1}, mx::int32, s);
  if (top > 0) {
    auto [ids, likeliest] = first_ranked(x, top, s);
    index = mx::reshape(mx::arange(0, 1 + top, mx::int32, s), {1, 1 + top}, s);
    auto rank = mx::reshape(mx::arange(1, 1 + top, mx::int32, s), {1, top}, s);
    auto told = mx::logical_and(mx::less_equal(rank, asked, s), mx::greater(likeliest, none, s), s);
    chosen.top_ids = mx::where(told, ids, mx::array(-1), s);
    logits = mx::concatenate({logits, likeliest}, 1, s);
  }
  auto told = mx::logical_and(mx::less_equal(index, asked, s), mx::greater(logits, none, s), s);
  chosen.logprobs = mx::where(told, mx::subtract(logits, total, s), none, s);
}

Chosen choose(const mx::array& logits, const std::optional<mx::array>& previous, const Choice& choice, mx::Stream s) {
  auto given = clean(logits, s);
  auto x = masked(penalised(given, previous, choice, s), choice, s);
  auto greedy = mx::astype(mx::argmax(x, 1, false, s), mx::int32, s);
  bool any = std::any_of(choice.rows.begin(), choice.rows.end(), samples);
  Chosen chosen{any ? sampled(x, greedy, choice, s) : greedy, std::nullopt, std::nullopt};
  if (choice.logprobs) {
    tell_logprobs(given, choice, s, chosen);
  }
  return chosen;
}

}  // namespace vllmd::portable
