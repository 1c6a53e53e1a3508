#include "cpu/thread_pool.h"

#include <algorithm>
#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace vllmd::cpu {

namespace {

constexpr int kMaxChunks = (1 << 20) - 1;

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits busily for as long as the next job of the same step usually takes to arrive; sleeping and being woken costs
// more than that gap. Time, not turns: a pause takes 40 times longer on some processors than on others.
template <typename Done>
bool spin(std::chrono::nanoseconds limit, Done&& done) {
  auto start = std::chrono::steady_clock::now();
  for (;;) {
    for (int i = 0; i < 16; i++) {
      if (done()) {
        return true;
      }
      pause();
    }
    if (std::chrono::steady_clock::now() - start > limit) {
      return false;
    }
  }
}

constexpr auto kWorkerSpin = std::chrono::microseconds(8);
constexpr auto kSessionSpin = std::chrono::microseconds(100);
constexpr auto kCallerSpin = std::chrono::microseconds(20);

}  // namespace

struct ThreadPool::State {
  static uint64_t make(uint64_t generation, uint64_t chunks, uint64_t next) {
    return generation << 40 | chunks << 20 | next;
  }
  static uint64_t generation(uint64_t s) { return s >> 40; }
  static int chunks(uint64_t s) { return static_cast<int>(s >> 20 & kMaxChunks); }
  static int next(uint64_t s) { return static_cast<int>(s & kMaxChunks); }
  static bool open(uint64_t s) { return next(s) < chunks(s); }
};

ThreadPool& ThreadPool::instance() {
  // Never destroyed: its threads may still be asleep in it while the process ends.
  static auto* pool = new ThreadPool();
  return *pool;
}

ThreadPool::ThreadPool() { use(0); }

void ThreadPool::use(int threads) {
  int wanted = threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::lock_guard lock(growing_);
  threads_.store(wanted);
  threads_.notify_all();
  while (static_cast<int>(workers_.size()) < wanted - 1) {
    int index = static_cast<int>(workers_.size()) + 1;
    workers_.emplace_back([this, index] { worker(index); });
  }
}

void ThreadPool::run(int chunks, Call call, void* context) {
  std::unique_lock lock(one_job_, std::defer_lock);
  if (chunks <= 1 || threads() == 1 || chunks > kMaxChunks || !lock.try_lock()) {
    for (int i = 0; i < chunks; i++) {
      call(context, i);
    }
    return;
  }
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  uint64_t generation = State::generation(state_.load(std::memory_order_relaxed)) + 1;
  state_.store(State::make(generation, chunks, 0), std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) > 0) {
    wake_.fetch_add(1, std::memory_order_release);
    wake_.notify_all();
  }

  finished_.fetch_add(work(), std::memory_order_acq_rel);
  auto done = [&] { return finished_.load(std::memory_order_acquire) == chunks; };
  if (!spin(kCallerSpin, done)) {
    // Some worker holds a chunk and may want this core to finish it.
    while (!done()) {
      std::this_thread::yield();
    }
  }
}

// Claims and runs chunks until none is left; the number that it ran.
int ThreadPool::work() {
  int ran = 0;
  uint64_t s = state_.load(std::memory_order_acquire);
  while (State::open(s)) {
    Call call = call_.load(std::memory_order_relaxed);
    void* context = context_.load(std::memory_order_relaxed);
    if (state_.compare_exchange_weak(s, s + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      call(context, State::next(s));
      ran++;
      s = state_.load(std::memory_order_acquire);
    }
  }
  return ran;
}

void ThreadPool::worker(int index) {
  for (;;) {
    // One that is not wanted sleeps apart from the others: no job wakes it.
    if (int limit = threads(); index >= limit) {
      threads_.wait(limit, std::memory_order_relaxed);
      continue;
    }
    uint32_t seen = wake_.load(std::memory_order_acquire);
    if (State::open(state_.load(std::memory_order_acquire))) {
      finished_.fetch_add(work(), std::memory_order_acq_rel);
      continue;
    }
    auto ready = [&] { return State::open(state_.load(std::memory_order_acquire)); };
    if (spin(sessions_.load(std::memory_order_relaxed) > 0 ? kSessionSpin : kWorkerSpin, ready)) {
      continue;
    }
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    // A job published before the count above was seen did not wake anyone: look once more.
    if (!State::open(state_.load(std::memory_order_seq_cst))) {
      wake_.wait(seen, std::memory_order_acquire);
    }
    sleeping_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace vllmd::cpu
