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
constexpr auto kSessionSpin = std::chrono::microseconds(200);
constexpr auto kCallerSpin = std::chrono::microseconds(20);

}  // namespace

struct ThreadPool::State {
  static uint64_t make(uint64_t generation, uint64_t end, uint64_t next) { return generation << 40 | end << 20 | next; }
  static int end(uint64_t s) { return static_cast<int>(s >> 20 & kMaxChunks); }
  static int next(uint64_t s) { return static_cast<int>(s & kMaxChunks); }
  static bool open(uint64_t s) { return next(s) < end(s); }
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
  int parts = std::min({threads(), chunks, kMaxParts});
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  parts_in_use_.store(parts, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  uint32_t job = published_.load(std::memory_order_relaxed) + 1;
  for (int p = 0; p < parts; p++) {
    auto edge = [&](int part) { return static_cast<uint64_t>(chunks) * part / parts; };
    parts_[p].state.store(State::make(job, edge(p + 1), edge(p)), std::memory_order_release);
  }
  published_.store(job, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) > 0) {
    published_.notify_all();
  }

  finished_.fetch_add(work(0), std::memory_order_acq_rel);
  auto done = [&] { return finished_.load(std::memory_order_acquire) == chunks; };
  if (!spin(kCallerSpin, done)) {
    // Some worker holds a chunk and may want this core to finish it.
    while (!done()) {
      std::this_thread::yield();
    }
  }
}

// Claims and runs chunks until none is left; the number that it ran.
int ThreadPool::work(int index) {
  int parts = parts_in_use_.load(std::memory_order_relaxed), ran = 0;
  for (int i = 0; i < parts; i++) {
    ran += claim_all((index + i) % parts);
  }
  return ran;
}

int ThreadPool::claim_all(int part) {
  auto& state = parts_[part].state;
  int ran = 0;
  uint64_t s = state.load(std::memory_order_acquire);
  while (State::open(s)) {
    Call call = call_.load(std::memory_order_relaxed);
    void* context = context_.load(std::memory_order_relaxed);
    if (state.compare_exchange_weak(s, s + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      call(context, State::next(s));
      ran++;
      s = state.load(std::memory_order_acquire);
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
    uint32_t seen = published_.load(std::memory_order_acquire);
    if (int ran = work(index); ran > 0) {
      finished_.fetch_add(ran, std::memory_order_acq_rel);
      continue;
    }
    auto limit = sessions_.load(std::memory_order_relaxed) > 0 ? kSessionSpin : kWorkerSpin;
    if (spin(limit, [&] { return published_.load(std::memory_order_acquire) != seen; })) {
      continue;
    }
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    published_.wait(seen, std::memory_order_seq_cst);  // returns at once where a job was published meanwhile
    sleeping_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace vllmd::cpu
