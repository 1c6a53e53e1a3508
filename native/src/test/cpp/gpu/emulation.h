// The language that the GPU's kernel texts are written in, on a CPU: every thread of a group is a fibre; shuffles, tiles
// and barriers let the others catch up. Slow and exact: a wrong index, a missing barrier's deadlock or a lane that left
// its warp shows here, for CUDA and Metal alike.
#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulation {

constexpr int kLanes = 32;

struct Payload {
  uint32_t words[6];
};

class Group {
 public:
  Group(int threads, std::function<void()> body) : body_(std::move(body)), fibres_(threads) {
    for (auto& fibre : fibres_) {
      fibre.stack.resize(256 * 1024);
    }
  }

  void run() {
    current = this;
    for (auto& fibre : fibres_) {
      getcontext(&fibre.context);
      fibre.context.uc_stack.ss_sp = fibre.stack.data();
      fibre.context.uc_stack.ss_size = fibre.stack.size();
      fibre.context.uc_link = &scheduler_;
      makecontext(&fibre.context, &Group::enter, 0);
      fibre.state = State::ready;
    }
    for (bool left = true; left;) {
      bool moved = false;
      left = false;
      for (size_t i = 0; i < fibres_.size(); i++) {
        if (fibres_[i].state == State::ready) {
          thread = static_cast<int>(i);
          swapcontext(&scheduler_, &fibres_[i].context);
          moved = true;
        }
        left = left || fibres_[i].state != State::done;
      }
      moved = release() || moved;
      if (left && !moved) {
        throw std::logic_error("threads wait for each other: a lane left its warp, or not all reach a barrier");
      }
    }
  }

  void barrier() { wait(State::at_barrier); }

  // What every lane of the warp gave at this call.
  const Payload* exchange(const Payload& mine) {
    fibres_[thread].given = mine;
    wait(State::at_exchange);
    return &seen_[thread / kLanes * kLanes];
  }

  static inline Group* current = nullptr;
  static inline int thread = 0;
  static inline int group[3] = {0, 0, 0};

 private:
  enum class State { ready, at_exchange, at_barrier, done };
  struct Fibre {
    ucontext_t context;
    std::vector<char> stack;
    State state = State::ready;
    Payload given{};
  };

  static void enter() {
    current->body_();
    current->fibres_[thread].state = State::done;
  }

  void wait(State state) {
    int mine = thread;
    fibres_[mine].state = state;
    swapcontext(&fibres_[mine].context, &scheduler_);
    thread = mine;
  }

  bool all(size_t from, size_t to, State state, bool or_done) const {
    bool any = false;
    for (size_t i = from; i < to; i++) {
      if (fibres_[i].state != state && !(or_done && fibres_[i].state == State::done)) {
        return false;
      }
      any = any || fibres_[i].state == state;
    }
    return any;
  }

  void wake(size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
      if (fibres_[i].state != State::done) {
        fibres_[i].state = State::ready;
      }
    }
  }

  bool release() {
    bool released = false;
    seen_.resize(fibres_.size());
    for (size_t warp = 0; warp < fibres_.size(); warp += kLanes) {
      if (all(warp, warp + kLanes, State::at_exchange, false)) {
        for (size_t i = warp; i < warp + kLanes; i++) {
          seen_[i] = fibres_[i].given;
        }
        wake(warp, warp + kLanes);
        released = true;
      }
    }
    if (!released && all(0, fibres_.size(), State::at_barrier, true)) {
      wake(0, fibres_.size());
      released = true;
    }
    return released;
  }

  std::function<void()> body_;
  std::vector<Fibre> fibres_;
  std::vector<Payload> seen_;
  ucontext_t scheduler_;
};

inline void launch(int x, int y, int z, int threads, const std::function<void()>& body) {
  if (threads % kLanes != 0) {
    throw std::logic_error(std::to_string(threads) + " threads are no whole warps");
  }
  Group group(threads, body);
  for (Group::group[2] = 0; Group::group[2] < z; Group::group[2]++) {
    for (Group::group[1] = 0; Group::group[1] < y; Group::group[1]++) {
      for (Group::group[0] = 0; Group::group[0] < x; Group::group[0]++) {
        group.run();
      }
    }
  }
}

}  // namespace emulation

#define FUNCTION [[maybe_unused]] static inline
#define DEVICE
#define LOCAL
#define SHARED alignas(16) static
#define SHARED_POINTER
#define UNROLL
#define UNROLL_PIECES
#define BARRIER() emulation::Group::current->barrier()
#define THREAD emulation::Group::thread
#define LANE (emulation::Group::thread % 32)
#define WARP (emulation::Group::thread / 32)
#define GROUP_X emulation::Group::group[0]
#define GROUP_Y emulation::Group::group[1]
#define GROUP_Z emulation::Group::group[2]

using uint = uint32_t;
using ushort = uint16_t;

FUNCTION float as_float(uint x) {
  float y;
  std::memcpy(&y, &x, 4);
  return y;
}
FUNCTION uint as_uint(float x) {
  uint y;
  std::memcpy(&y, &x, 4);
  return y;
}

struct bf16 {
  ushort bits;
};
struct f16 {
  ushort bits;
};

FUNCTION float mad(float a, float b, float c) { return std::fma(a, b, c); }
FUNCTION float power_of_two(float x) { return std::exp2(x); }
FUNCTION float exponential(float x) { return std::exp(x); }
FUNCTION float inverse_root(float x) { return 1 / std::sqrt(x); }
FUNCTION float nearest(float x) { return std::nearbyint(x); }
FUNCTION float larger(float a, float b) { return std::fmax(a, b); }
FUNCTION float sine_of_turn(float x) { return static_cast<float>(std::sin(6.283185307179586 * x)); }
FUNCTION float cosine_of_turn(float x) { return static_cast<float>(std::cos(6.283185307179586 * x)); }

FUNCTION float to_float(float x) { return x; }
FUNCTION float to_float(bf16 x) { return as_float(static_cast<uint>(x.bits) << 16); }
FUNCTION float to_float(f16 x) {
  _Float16 y;
  std::memcpy(&y, &x.bits, 2);
  return static_cast<float>(y);
}
FUNCTION void store(float* p, float x) { *p = x; }
FUNCTION void store(bf16* p, float x) {
  uint bits = as_uint(x);
  p->bits = std::isnan(x) ? 0x7fff : static_cast<ushort>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
FUNCTION void store(f16* p, float x) {
  _Float16 y = static_cast<_Float16>(x);
  std::memcpy(&p->bits, &y, 2);
}

template <int N>
void load_words(const void* p, uint (&w)[N]) {
  if (reinterpret_cast<uintptr_t>(p) % (4 * N) != 0) {
    throw std::logic_error("a load of " + std::to_string(4 * N) + " bytes is not aligned");
  }
  std::memcpy(w, p, 4 * N);
}
FUNCTION void store_words(uint* p, const uint (&w)[4]) {
  if (reinterpret_cast<uintptr_t>(p) % 16 != 0) {
    throw std::logic_error("a store of 16 bytes is not aligned");
  }
  std::memcpy(p, w, 16);
}
FUNCTION void load_shared(const uint* p, uint (&w)[2]) { load_words(p, w); }
template <typename T>
void unpack(T, uint w, float& low, float& high) {
  low = to_float(T{static_cast<ushort>(w)});
  high = to_float(T{static_cast<ushort>(w >> 16)});
}
template <typename T>
uint pack(T, float low, float high) {
  T l, h;
  store(&l, low);
  store(&h, high);
  return l.bits | static_cast<uint>(h.bits) << 16;
}

FUNCTION uint shuffled(uint x, int mask) {
  return emulation::Group::current->exchange({{x}})[(emulation::Group::thread % 32) ^ mask].words[0];
}
FUNCTION float shuffle_xor(float x, int mask) { return as_float(shuffled(as_uint(x), mask)); }
FUNCTION int shuffle_xor(int x, int mask) { return static_cast<int>(shuffled(static_cast<uint>(x), mask)); }

// c [16 × 8] += a [16 × 16] · b [16 × 8], spread over the lanes as PTX's mma.m16n8k16 has them.
template <typename T>
void multiply_tile(T, float (&c)[4], const uint (&a)[4], const uint (&b)[2]) {
  auto all = emulation::Group::current->exchange({{a[0], a[1], a[2], a[3], b[0], b[1]}});
  auto half = [](uint word, int which) { return to_float(T{static_cast<ushort>(word >> (16 * which))}); };
  int lane = emulation::Group::thread % 32;
  for (int i = 0; i < 4; i++) {
    int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
    double sum = c[i];
    for (int k = 0; k < 16; k++) {
      double x = half(all[row % 8 * 4 + k % 8 / 2].words[row / 8 + k / 8 * 2], k % 2);
      sum += x * half(all[column * 4 + k % 8 / 2].words[4 + k / 8], k % 2);
    }
    c[i] = static_cast<float>(sum);
  }
}

#define GPU_TEXT(...) __VA_ARGS__
#define GPU_FUNCTIONS(...) __VA_ARGS__
#define GPU_BODY(...) \
  static void body(GPU_ARGUMENTS) { __VA_ARGS__ }

#include "gpu/text/common.h"
