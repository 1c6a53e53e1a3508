// The threads on which the CPU primitives run.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace vllmd::cpu {

// Splits a job into chunks that its caller and the workers claim one by one, each from its own run of neighbours first,
// so that each reads memory front to back, then from the others'. The caller works too and waits only for chunks that
// someone has claimed: a worker that sleeps, starts late or is descheduled costs its share, never a stall. One job at a
// time; a second caller meanwhile does its job alone.
class ThreadPool {
 public:
  static ThreadPool& instance();

  // Calls body(chunk) for every chunk in [0, chunks), in any order, on any of the threads. body must not throw.
  template <typename Body>
  void run(int chunks, Body&& body) {
    auto call = [](void* context, int chunk) { (*static_cast<std::remove_reference_t<Body>*>(context))(chunk); };
    run(chunks, call, const_cast<void*>(static_cast<const void*>(&body)));
  }

  // While one lives, workers that find nothing to do wait busily for the next job instead of going to sleep.
  class Session {
   public:
    Session() { instance().sessions_.fetch_add(1, std::memory_order_relaxed); }
    ~Session() { instance().sessions_.fetch_sub(1, std::memory_order_relaxed); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  // 0 = all cores.
  void use(int threads);

 private:
  using Call = void (*)(void* context, int chunk);

  ThreadPool();
  void run(int chunks, Call call, void* context);
  int work(int index);
  int claim_all(int part);
  void worker(int index);

  static constexpr int kMaxParts = 64;
  // Generation of the job, end of the part's chunks, the next chunk to claim: one word, so that a claim by a thread that
  // slept through the end of a job fails by comparison and never touches the next job.
  struct State;
  struct alignas(64) Part {
    std::atomic<uint64_t> state{0};
  };
  Part parts_[kMaxParts];
  alignas(64) std::atomic<int> finished_{0};
  // Written while no chunk can be claimed, read before a claim that proves that they have not changed since.
  alignas(64) std::atomic<Call> call_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<int> parts_in_use_{0};

  alignas(64) std::atomic<uint32_t> published_{0};  // jobs so far; workers sleep on it
  std::atomic<int> sleeping_{0};
  std::atomic<int> threads_{1};
  std::atomic<int> sessions_{0};
  std::mutex one_job_;
  std::mutex growing_;
  std::vector<std::thread> workers_;
};

}  // namespace vllmd::cpu
