#include "cpu/ranking.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace vllmd::cpu {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Room that find_within wants beside what is looked for.
constexpr int kSpare = 16;

// Tokens that are sorted rather than looked through again.
constexpr int kSorted = 1024;

float next_up(float a) { return std::nextafter(a, kInfinity); }

// Sorted only as far as they are asked for.
class LazilySorted {
 public:
  explicit LazilySorted(std::vector<Ranked>& all) : all_(all) {
    if (std::is_sorted(all.begin(), all.end(), before)) {
      sorted_ = all.size();
    }
  }

  const Ranked& operator[](size_t i) {
    while (i >= sorted_) {
      size_t end = std::min(all_.size(), std::max<size_t>(64, sorted_ * 8));
      auto from = all_.begin() + static_cast<std::ptrdiff_t>(sorted_);
      auto to = all_.begin() + static_cast<std::ptrdiff_t>(end);
      if (end < all_.size()) {
        std::nth_element(from, to, all_.end(), before);
      }
      std::sort(from, to, before);
      sorted_ = end;
    }
    return all_[i];
  }

 private:
  std::vector<Ranked>& all_;
  size_t sorted_ = 0;
};

}  // namespace

void first_ranked(const float* logits, int n, int k, std::vector<Ranked>& out) {
  const Kernels& kernel = kernels();
  thread_local std::vector<int> ids;
  int room = std::max(3 * k, 512) + kSpare;
  ids.resize(room);
  out.clear();
  if (k == 0) {
    return;
  }
  // What is not above the k-th seen so far cannot come among the first k: of equals the lower id goes first.
  float low = -std::numeric_limits<float>::max();
  int at = 0;
  while (at < n) {
    int found;
    at = kernel.find_within(logits, at, n, low, kInfinity, room, ids.data(), &found);
    for (int i = 0; i < found; i++) {
      out.push_back({logits[ids[i]], ids[i]});
    }
    if (static_cast<int>(out.size()) >= k) {
      std::nth_element(out.begin(), out.begin() + (k - 1), out.end(), before);
      out.resize(k);
      low = next_up(out.back().logit);
    }
  }
  std::sort(out.begin(), out.end(), before);
}

RankedWeights::RankedWeights(const float* logits, const float* weights, int n, double total, float floor)
    : kernel_(kernels()),
      logits_(logits),
      weights_(weights),
      n_(n),
      floor_(std::max(floor, std::numeric_limits<float>::min())),
      mass_(total) {
  if (floor > std::numeric_limits<float>::min()) {
    int count;
    mass_ = kernel_.sum_from(weights, n, floor_, &count);
  }
}

RankedWeights::Band RankedWeights::band_at(double mass, bool reaching) const {
  auto reached = [&](double sum) { return reaching ? sum >= mass : sum > mass; };
  Band band{floor_, 2, 0, 0};
  int below = n_, above = 0;  // tokens from `low` on, and from `high` on
  // `low` reaches it and `high` does not, always, so the band is never empty. Nearly always the first guess holds what is looked for.
  for (float guess = 0x1p-10f; guess > floor_; guess *= 0x1p-6f) {
    int count;
    double sum = kernel_.sum_from(weights_, n_, guess, &count);
    if (reached(sum)) {
      band.low = guess;
      below = count;
      break;
    }
    band.high = guess;
    band.above = sum;
    above = count;
  }
  // Floats above 0 are ordered as their bits are.
  auto low = std::bit_cast<uint32_t>(band.low), high = std::bit_cast<uint32_t>(band.high);
  while (below - above > kSorted && high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    int count;
    double sum = kernel_.sum_from(weights_, n_, std::bit_cast<float>(middle), &count);
    if (reached(sum)) {
      low = middle;
      below = count;
    } else {
      high = middle;
      band.above = sum;
      above = count;
    }
  }
  band.low = std::bit_cast<float>(low);
  band.high = std::bit_cast<float>(high);
  band.count = below - above;
  return band;
}

RankedWeights::Place RankedWeights::first_beyond(double mass, bool reaching) const {
  if (reaching) {
    mass = std::min(mass, mass_);
  }
  Band band = band_at(mass, reaching);
  thread_local std::vector<int> ids;
  thread_local std::vector<Ranked> tokens;
  ids.resize(band.count + kSpare);
  int found;
  kernel_.find_within(weights_, 0, n_, band.low, band.high, static_cast<int>(ids.size()), ids.data(), &found);
  tokens.clear();
  for (int i = 0; i < found; i++) {
    tokens.push_back({logits_[ids[i]], ids[i]});
  }
  LazilySorted sorted(tokens);
  double cumulated = band.above;
  for (int i = 0; i < found; i++) {
    cumulated += weights_[sorted[i].id];
    if (reaching ? cumulated >= mass : cumulated > mass) {
      return {sorted[i], cumulated};
    }
  }
  return {sorted[found - 1], cumulated};
}

}  // namespace vllmd::cpu
