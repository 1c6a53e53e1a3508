// Bias, penalties and masks, one token after the other in float64.
#include "checks.h"

namespace {

#define CHUNK 128
#define THREADS 64
namespace edit_bf16 {
using Value = bf16;
#define GPU_ARGUMENTS const int *params, const Value *x, const int *asked, const int *previous, float *out
#include "gpu/text/edit.h"
#undef GPU_ARGUMENTS
}  // namespace edit_bf16

struct Row {
  std::vector<int> ids, generated, repeats, bias_ids, mask;
  std::vector<float> bias;
  float presence = 0, frequency = 0, repetition = 1;
  int last = -1;
};

Row random_row(int vocabulary, int tokens) {
  Row row;
  if (below(4) > 0) {
    row.presence = normal();
    row.frequency = normal();
    row.repetition = 0.5f + static_cast<float>(below(100)) / 50;
    row.last = below(3) == 0 ? -1 : below(tokens);
    for (int i = below(20); i < vocabulary; i += 1 + below(9)) {
      row.ids.push_back(i);
      row.generated.push_back(below(3));
      row.repeats.push_back(below(3));
    }
  }
  for (int i = below(60); i < vocabulary; i += 1 + below(40)) {
    row.bias_ids.push_back(i);
    row.bias.push_back(below(5) == 0 ? -INFINITY : 5 * normal());
  }
  bool masked = below(2) == 0;
  for (int i = 0; masked && i < (vocabulary + 31) / 32; i++) {
    row.mask.push_back(static_cast<int>(engine()));
  }
  return row;
}

double edited(double x, int token, const Row& row, const std::vector<int>& previous) {
  int newest = row.last >= 0 ? previous[row.last] : -1;
  for (size_t i = 0; i < row.bias_ids.size(); i++) {
    x += row.bias_ids[i] == token ? row.bias[i] : 0;
  }
  int generated = token == newest ? 1 : 0, repeats = generated;
  for (size_t i = 0; i < row.ids.size(); i++) {
    generated += row.ids[i] == token ? row.generated[i] : 0;
    repeats += row.ids[i] == token ? row.repeats[i] : 0;
  }
  if (repeats > 0) {
    x = x > 0 ? x / row.repetition : x * row.repetition;
  }
  x -= generated > 0 ? row.presence + static_cast<double>(row.frequency) * generated : 0;
  if (!row.mask.empty()) {
    bool may = (static_cast<uint>(row.mask[token / 32]) >> (token % 32) & 1) != 0;
    x = !may ? -INFINITY : x > -3.402823466e38 ? x : -3.402823466e38;
  }
  return x;
}

}  // namespace

void check_edits() {
  for (int vocabulary : {1, 128, 300, 1000}) {
    int n = 6;
    auto x = reals<bf16>(static_cast<size_t>(n) * vocabulary);
    std::vector<int> previous;
    for (int i = 0; i < 4; i++) {
      previous.push_back(below(vocabulary));
    }
    std::vector<Row> rows;
    std::vector<int> asked, ids, generated, repeats, bias_ids, bias, masks;
    int words = (vocabulary + 31) / 32;
    for (int i = 0; i < n; i++) {
      rows.push_back(random_row(vocabulary, 4));
      auto& row = rows.back();
      auto append = [](std::vector<int>& to, const std::vector<int>& from) { to.insert(to.end(), from.begin(), from.end()); };
      int counts = static_cast<int>(ids.size()), biases = static_cast<int>(bias_ids.size());
      append(ids, row.ids);
      append(generated, row.generated);
      append(repeats, row.repeats);
      append(bias_ids, row.bias_ids);
      for (float b : row.bias) {
        bias.push_back(bits_of(b));
      }
      int mask = row.mask.empty() ? -1 : static_cast<int>(masks.size()) / words;
      append(masks, row.mask);
      append(asked, {counts, static_cast<int>(ids.size()), biases, static_cast<int>(bias_ids.size()), mask, row.last,
                     bits_of(row.presence), bits_of(row.frequency), bits_of(row.repetition)});
    }
    std::vector<int> params{vocabulary};
    for (auto* list : {&ids, &generated, &repeats, &bias_ids, &bias, &masks}) {
      params.push_back(static_cast<int>(asked.size()));
      asked.insert(asked.end(), list->begin(), list->end());
    }
    params.push_back(words);
    Memory<float> out(static_cast<size_t>(n) * vocabulary);
    emulation::launch((vocabulary + CHUNK - 1) / CHUNK, n, 1, THREADS,
                      [&] { edit_bf16::body(params.data(), x.data(), asked.data(), previous.data(), out.data()); });
    bool right = out.margins_whole();
    for (int i = 0; i < n * vocabulary; i++) {
      double wanted = edited(to_float(x[i]), i % vocabulary, rows[i / vocabulary], previous);
      right = right && (std::isinf(wanted) ? out[i] == wanted : std::abs(out[i] - wanted) <= 1e-5 * (1 + std::abs(wanted)));
    }
    report(right, "edits of " + std::to_string(vocabulary));
  }
}
