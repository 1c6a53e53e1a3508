// Sampling against float64 references.
#pragma once

#include <algorithm>
#include <limits>

#include "report.h"
#include "support.h"

namespace {

int32_t sampled(const std::vector<float>& logits, float temperature, int top_k, float top_p, float min_p, float u) {
  struct Token {
    double p;
    int id;
  };
  std::vector<Token> t;
  for (size_t i = 0; i < logits.size(); i++) {
    t.push_back({static_cast<double>(logits[i]), static_cast<int>(i)});
  }
  std::stable_sort(t.begin(), t.end(), [](auto& a, auto& b) { return a.p > b.p; });
  if (temperature == 0) {
    return t[0].id;
  }
  if (top_k > 0) {
    t.resize(std::min<size_t>(t.size(), top_k));
  }
  double largest = t[0].p, total = 0;
  for (auto& x : t) {
    x.p = std::exp((x.p - largest) / temperature);
    total += x.p;
  }
  double sum = 0;
  size_t kept = 0;
  while (kept < t.size() && (top_p == 1 || sum < top_p * total)) {
    sum += t[kept++].p;
  }
  t.resize(kept);
  while (t.size() > 1 && t.back().p < min_p) {
    t.pop_back();
  }
  total = 0;
  for (auto& x : t) {
    total += x.p;
  }
  sum = 0;
  for (auto& x : t) {
    sum += x.p;
    if (sum > u * total) {
      return x.id;
    }
  }
  return t.back().id;
}

void check_sampling() {
  Random random(4);
  int differing = 0, rows = 0;
  for (int round = 0; round < 40; round++) {
    int n = 1 + random.below(8), vocabulary = 1 + random.below(round % 4 == 0 ? 9000 : 60);
    std::vector<float> logits = random.normal(static_cast<size_t>(n) * vocabulary, 3);
    for (int i = 0; i < vocabulary / 3; i++) {
      logits[random.below(n * vocabulary)] = 2;  // equals
    }
    std::vector<float> temperature(n), top_p(n), min_p(n), uniform(n);
    std::vector<int32_t> top_k(n);
    for (int i = 0; i < n; i++) {
      temperature[i] = random.below(4) == 0 ? 0 : 0.3f + random.unit();
      top_k[i] = random.below(2) == 0 ? 0 : 1 + random.below(80);
      top_p[i] = random.below(2) == 0 ? 1 : 0.05f + 0.9f * random.unit();
      min_p[i] = random.below(3) == 0 ? 0.2f * random.unit() : 0;
      uniform[i] = random.unit() * 0.999f;
    }
    auto x = floats(logits, {n, vocabulary});
    vm_array y;
    ok(vm_sample(&y, x, temperature.data(), top_k.data(), top_p.data(), min_p.data(), uniform.data(), n, 0));
    auto got = values<int32_t>(y);
    for (int i = 0; i < n; i++) {
      std::vector<float> row(logits.begin() + static_cast<long>(i) * vocabulary, logits.begin() + static_cast<long>(i + 1) * vocabulary);
      int wanted = sampled(row, temperature[i], top_k[i], top_p[i], min_p[i], uniform[i]);
      rows++;
      if (wanted != got[i]) {
        differing++;
        report(temperature[i] > 0, "greedy token", got[i]);
      }
    }
    free_all({x, y});
  }
  // Sums in float32 and float64 may part ways where a limit falls between two tokens; seldom.
  report(differing <= rows / 50, "sampled tokens differ from the reference", differing);
}

// Everything that vm_choose takes for some rows, in the layout of its arguments.
struct Choosing {
  int n, vocabulary, k = 0;
  std::vector<float> logits;
  std::vector<vm_sampling_row> rows;
  std::vector<int32_t> previous, count_ids, generated, repeats, bias_ids;
  std::vector<float> bias;
  std::vector<uint32_t> masks;

  int words() const { return (vocabulary + 31) / 32; }

  // Row i alone, with its own lists.
  Choosing row(int i) const {
    auto& r = rows[i];
    Choosing one{1, vocabulary, k, {logits.begin() + static_cast<long>(i) * vocabulary, logits.begin() + static_cast<long>(i + 1) * vocabulary},
                 {r}, previous, {count_ids.begin() + r.counts_from, count_ids.begin() + r.counts_to},
                 {generated.begin() + r.counts_from, generated.begin() + r.counts_to},
                 {repeats.begin() + r.counts_from, repeats.begin() + r.counts_to},
                 {bias_ids.begin() + r.bias_from, bias_ids.begin() + r.bias_to},
                 {bias.begin() + r.bias_from, bias.begin() + r.bias_to}, {}};
    one.rows[0].counts_to -= r.counts_from;
    one.rows[0].counts_from = 0;
    one.rows[0].bias_to -= r.bias_from;
    one.rows[0].bias_from = 0;
    if (r.mask >= 0) {
      one.masks.assign(masks.begin() + static_cast<long>(r.mask) * words(), masks.begin() + static_cast<long>(r.mask + 1) * words());
      one.rows[0].mask = 0;
    }
    return one;
  }
};

struct ChosenRows {
  std::vector<int32_t> tokens, ids;
  std::vector<float> logprobs;
};

inline ChosenRows choose(const Choosing& c) {
  auto x = floats(c.logits, {c.n, c.vocabulary});
  auto before = c.previous.empty() ? 0 : ints(c.previous);
  vm_array tokens, logprobs, ids;
  ok(vm_choose(&tokens, &logprobs, &ids, x, c.rows.data(), c.n, before, c.count_ids.data(), c.generated.data(), c.repeats.data(),
               static_cast<int32_t>(c.count_ids.size()), c.bias_ids.data(), c.bias.data(), static_cast<int32_t>(c.bias_ids.size()),
               c.masks.data(), static_cast<int32_t>(c.masks.size()) / c.words(), c.k, 0));
  ChosenRows out{values<int32_t>(tokens), {}, {}};
  if (logprobs != 0) {
    out.logprobs = values(logprobs);
  }
  if (ids != 0) {
    out.ids = values<int32_t>(ids);
  }
  free_all({x, before, tokens, logprobs, ids});
  return out;
}

inline std::vector<float> edited(const Choosing& c, int i) {
  auto& r = c.rows[i];
  std::vector<double> x(c.logits.begin() + static_cast<long>(i) * c.vocabulary, c.logits.begin() + static_cast<long>(i + 1) * c.vocabulary);
  for (int b = r.bias_from; b < r.bias_to; b++) {
    x[c.bias_ids[b]] += c.bias[b];
  }
  std::vector<int> generated(c.vocabulary), repeats(c.vocabulary);
  for (int t = r.counts_from; t < r.counts_to; t++) {
    generated[c.count_ids[t]] = c.generated[t];
    repeats[c.count_ids[t]] = c.repeats[t];
  }
  if (r.last >= 0) {
    generated[c.previous[r.last]]++;
    repeats[c.previous[r.last]]++;
  }
  std::vector<float> out;
  for (int t = 0; t < c.vocabulary; t++) {
    if (repeats[t] > 0) {
      x[t] = x[t] > 0 ? x[t] / r.repetition : x[t] * r.repetition;
    }
    if (generated[t] > 0) {
      x[t] -= r.presence + static_cast<double>(r.frequency) * generated[t];
    }
    if (r.mask >= 0) {
      bool may = (c.masks[static_cast<size_t>(r.mask) * c.words() + t / 32] >> (t % 32) & 1) != 0;
      x[t] = may ? std::max(x[t], static_cast<double>(std::numeric_limits<float>::lowest())) : -INFINITY;
    }
    out.push_back(static_cast<float>(x[t]));
  }
  return out;
}

inline Choosing random_rows(Random& random, int n, int vocabulary) {
  Choosing c{n, vocabulary, 0, random.normal(static_cast<size_t>(n) * vocabulary, 3), {}, {}, {}, {}, {}, {}, {}, {}};
  for (int i = 0; i < n; i++) {
    c.previous.push_back(random.below(vocabulary));
  }
  for (int i = 0; i < n; i++) {
    vm_sampling_row r{random.below(3) == 0 ? 0 : 0.3f + random.unit(), random.below(2) == 0 ? 1 : 0.05f + 0.9f * random.unit(),
                      random.below(3) == 0 ? 0.2f * random.unit() : 0, random.unit() * 0.999f, 0, 0, 1,
                      random.below(2) == 0 ? 0 : 1 + random.below(60), -1, 0, 0, 0, 0, -1, -1};
    r.counts_from = static_cast<int32_t>(c.count_ids.size());
    if (random.below(3) > 0) {
      r.presence = random.unit() * 2 - 1;
      r.frequency = random.unit() * 2 - 1;
      r.repetition = random.below(10) == 0 ? 1e30f : 0.6f + random.unit();
      r.last = random.below(2) == 0 ? -1 : random.below(n);
      for (int t = random.below(3); t < vocabulary; t += 1 + random.below(vocabulary)) {
        c.count_ids.push_back(t);
        c.generated.push_back(random.below(4));
        c.repeats.push_back(random.below(3));
      }
      if (r.last >= 0 && random.below(2) == 0 && r.counts_from < static_cast<int32_t>(c.count_ids.size())) {
        c.previous[r.last] = c.count_ids.back();
      }
    }
    r.counts_to = static_cast<int32_t>(c.count_ids.size());
    r.bias_from = static_cast<int32_t>(c.bias_ids.size());
    for (int t = random.below(4); random.below(2) == 0 && t < vocabulary; t += 1 + random.below(vocabulary / 2 + 1)) {
      c.bias_ids.push_back(t);
      c.bias.push_back(random.below(5) == 0 ? -INFINITY : random.unit() * 20 - 10);
    }
    r.bias_to = static_cast<int32_t>(c.bias_ids.size());
    if (random.below(3) == 0) {
      r.mask = static_cast<int32_t>(c.masks.size()) / c.words();
      int density = 1 + random.below(3);
      for (int w = 0; w < c.words(); w++) {
        uint32_t word = random.engine();
        for (int d = 1; d < density; d++) {
          word &= random.engine();
        }
        c.masks.push_back(word);
      }
      int only = random.below(vocabulary);
      c.masks[static_cast<size_t>(r.mask) * c.words() + only / 32] |= 1u << only % 32;
    }
    if (random.below(2) == 0) {
      r.logprobs = random.below(std::min(vocabulary, 20) + 1);
      c.k = std::max(c.k, r.logprobs);
    }
    c.rows.push_back(r);
  }
  return c;
}

inline void check_logprobs(const Choosing& c, const ChosenRows& got) {
  for (int i = 0; i < c.n; i++) {
    const float* x = c.logits.data() + static_cast<size_t>(i) * c.vocabulary;
    double total = 0;
    std::vector<int> order(c.vocabulary);
    for (int t = 0; t < c.vocabulary; t++) {
      total += std::exp(static_cast<double>(x[t]));
      order[t] = t;
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x[a] > x[b]; });
    const float* told = got.logprobs.data() + static_cast<size_t>(i) * (1 + c.k);
    int wanted = c.rows[i].logprobs;
    bool right = wanted < 0 ? told[0] == -INFINITY : std::abs(told[0] - (x[got.tokens[i]] - std::log(total))) < 1e-4;
    for (int t = 0; t < c.k; t++) {
      int id = got.ids[static_cast<size_t>(i) * c.k + t];
      right = right && (t < wanted ? id == order[t] && std::abs(told[1 + t] - (x[id] - std::log(total))) < 1e-4
                                   : id == -1 && told[1 + t] == -INFINITY);
    }
    report(right, "logprobs of row", i);
  }
}

void check_choosing(bool portable) {
  Random random(6);
  int differing = 0, rows = 0;
  for (int round = 0; round < 60; round++) {
    auto c = random_rows(random, 1 + random.below(8), 20 + random.below(round % 6 == 0 ? 9000 : 60));
    auto got = choose(c);
    for (int i = 0; i < c.n; i++) {
      auto& r = c.rows[i];
      int wanted = sampled(edited(c, i), r.temperature, r.top_k, r.top_p, r.min_p, r.uniform);
      rows++;
      differing += wanted != got.tokens[i];
      report(wanted == got.tokens[i] || r.temperature > 0, "greedy token with penalties, bias or mask", got.tokens[i]);
      bool allowed = r.mask < 0 || (c.masks[static_cast<size_t>(r.mask) * c.words() + got.tokens[i] / 32] >> (got.tokens[i] % 32) & 1) != 0;
      report(allowed, "a token outside its mask", got.tokens[i]);
      if (!portable) {
        auto alone = choose(c.row(i));
        report(alone.tokens[0] == got.tokens[i], "a row differs when alone", i);
      }
    }
    if (got.logprobs.size() > 0) {
      check_logprobs(c, got);
    }
  }
  report(differing <= rows / 50, "chosen tokens differ from the reference", differing);

  // A flat row as long as a real vocabulary: nothing is likely, so all of it counts.
  int vocabulary = 151936;
  Choosing flat{1, vocabulary, 0, random.normal(vocabulary, 0.3f), {}, {}, {}, {}, {}, {}, {}, {}};
  int apart = 0;
  for (auto [top_p, min_p] : {std::pair{1.0f, 0.0f}, {0.7f, 0.0f}, {1.0f, 0.4f}, {0.95f, 0.1f}}) {
    for (float u : {0.0f, 0.03f, 0.5f, 0.9f, 0.9999f}) {
      flat.rows = {{1, top_p, min_p, u, 0, 0, 1, 0, -1, 0, 0, 0, 0, -1, -1}};
      float wanted = flat.logits[sampled(flat.logits, 1, 0, top_p, min_p, u)], got = flat.logits[choose(flat).tokens[0]];
      // Near one another in rank: which of many equally likely ones comes hangs on the last digits of the sums.
      apart += std::abs(wanted - got) > 0.01f;
    }
  }
  report(apart == 0, "flat rows", apart);
}

}  // namespace
