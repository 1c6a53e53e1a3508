// The first tokens of a row, by descending logit then ascending id, without sorting the row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/kernels.h"

namespace vllmd::cpu {

struct Ranked {
  float logit;
  int32_t id;
};

inline bool before(const Ranked& a, const Ranked& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

// The k first, in order; fewer where the row has fewer finite logits. Takes one pass over the row.
void first_ranked(const float* logits, int n, int k, std::vector<Ranked>& out);

// A row's unnormalised probabilities, at most 1, and their order. `floor`: weights below it are not looked at.
class RankedWeights {
 public:
  RankedWeights(const float* logits, const float* weights, int n, double total, float floor);

  struct Place {
    Ranked token;
    double cumulated;  // weight of all tokens to this one, itself included
  };

  // The first token whose cumulated weight is more than `mass`, or at least that where `reaching`; the last where none is.
  // Takes some passes over the row, sorts none but the tokens whose weights are about the wanted one's.
  Place first_beyond(double mass, bool reaching) const;

  // Weight of all that are looked at.
  double mass() const { return mass_; }

 private:
  // Tokens with weight in [low, high); those above weigh `above`.
  struct Band {
    float low, high;
    double above;
    int count;
  };
  Band band_at(double mass, bool reaching) const;

  const Kernels& kernel_;
  const float* logits_;
  const float* weights_;
  int n_;
  float floor_;
  double mass_;
};

}  // namespace vllmd::cpu
