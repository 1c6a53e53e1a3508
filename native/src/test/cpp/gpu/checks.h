// What the checks of the kernel texts share.
#pragma once

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "emulation.h"

// The texts are compiled here as they are for a GPU.
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wparentheses"
#pragma GCC diagnostic ignored "-Wsign-compare"

inline int failures = 0;

inline void report(bool holds, const std::string& what, double error = 0) {
  if (!holds) {
    failures++;
    std::printf("FAILED %s (%.3g)\n", what.c_str(), error);
  }
}

inline std::mt19937 engine(7);

inline float normal() { return std::normal_distribution<float>(0, 1)(engine); }
inline int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine); }

// Memory of the device: aligned, and what lies before and after is NaN.
template <typename T>
class Memory {
 public:
  explicit Memory(size_t n) : all_(n + 2 * kMargin), size_(n) {
    std::memset(all_.data(), 0xff, all_.size() * sizeof(T));
  }

  T* data() { return all_.data() + kMargin; }
  T& operator[](size_t i) { return data()[i]; }
  size_t size() const { return size_; }

  bool margins_whole() const {
    auto bytes = reinterpret_cast<const unsigned char*>(all_.data());
    size_t margin = kMargin * sizeof(T), end = all_.size() * sizeof(T);
    return std::all_of(bytes, bytes + margin, [](auto b) { return b == 0xff; }) &&
           std::all_of(bytes + end - margin, bytes + end, [](auto b) { return b == 0xff; });
  }

 private:
  template <typename U>
  struct Aligned {
    using value_type = U;
    Aligned() = default;
    template <typename V>
    Aligned(const Aligned<V>&) {}
    U* allocate(size_t n) { return static_cast<U*>(std::aligned_alloc(64, (n * sizeof(U) + 63) / 64 * 64)); }
    void deallocate(U* p, size_t) { std::free(p); }
    bool operator==(const Aligned&) const { return true; }
    bool operator!=(const Aligned&) const { return false; }
  };
  static constexpr size_t kMargin = 64;
  std::vector<T, Aligned<T>> all_;
  size_t size_;
};

template <typename T>
Memory<T> reals(size_t n) {
  Memory<T> m(n);
  for (size_t i = 0; i < n; i++) {
    store(&m[i], normal());
  }
  return m;
}

// Worst difference, over 1 + |wanted|; infinite where something is not a number or was written past the ends.
template <typename T>
double worst(Memory<T>& got, const std::vector<double>& wanted) {
  if (got.size() != wanted.size() || !got.margins_whole()) {
    return INFINITY;
  }
  double error = 0;
  for (size_t i = 0; i < wanted.size(); i++) {
    double e = std::abs(to_float(got[i]) - wanted[i]) / (1 + std::abs(wanted[i]));
    error = std::isnan(e) ? INFINITY : std::max(error, e);
  }
  return error;
}

inline int bits_of(float x) { return static_cast<int>(as_uint(x)); }

struct Sequence {
  int length, first, sinks, rows;
};

// A step's array as the kernels read it, over pages in random order.
struct Step {
  std::vector<int> words, positions, of;
  int pages = 0;

  explicit Step(const std::vector<Sequence>& sequences) {
    std::vector<int> tables, order;
    for (auto& s : sequences) {
      pages += (s.length + 63) / 64;
    }
    for (int i = 0; i < pages; i++) {
      order.push_back(i);
    }
    std::shuffle(order.begin(), order.end(), engine);
    size_t next = 0;
    for (size_t j = 0; j < sequences.size(); j++) {
      auto& s = sequences[j];
      int table = static_cast<int>(tables.size());
      for (int p = 0; p < (s.length + 63) / 64; p++) {
        tables.push_back(order[next++]);
      }
      for (int i = 0; i < s.rows; i++) {
        int position = s.length - s.rows + i;
        words.insert(words.end(), {position, table, s.first, s.sinks});
        positions.push_back(position);
        of.push_back(static_cast<int>(j));
      }
    }
    words.insert(words.end(), tables.begin(), tables.end());
  }

  int rows() const { return static_cast<int>(positions.size()); }
  size_t at(int row, int position, int kv_head, int kv_heads, int d) const {
    long page = words[4 * rows() + words[4 * row + 1] + position / 64];
    return ((page * kv_heads + kv_head) * 64 + position % 64) * d;
  }
};

struct Heads {
  int heads, kv_heads, d, queries;
};

void check_rows();
void check_appends();
void check_linears();
void check_attentions();
void check_edits();
void check_picks();
