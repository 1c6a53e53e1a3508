// How an operation of this library becomes a node of MLX's graph on a CPU stream.
#pragma once

#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "cpu/chain.h"
#include "cpu/kernels.h"
#include "error.h"
#include "handles.h"
#include "mlx/array.h"
#include "mlx/ops.h"
#include "mlx/primitives.h"

namespace vllmd::cpu {

namespace mx = mlx::core;

constexpr const char* kNamePrefix = "Vllmd";

// `Prepare` is called as prepare(inputs, outputs) on the thread that evaluates: it gives the outputs their memory and
// returns the work, a callable that the stream's thread runs later. All buffers are kept until then, so the work holds
// plain pointers; host data it holds by value or shared_ptr.
template <typename Prepare>
class Operation final : public Link {
 public:
  Operation(mx::Stream stream, const char* name, Prepare prepare) : Link(stream, name), prepare_(std::move(prepare)) {}

  Work prepare(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    return prepare_(inputs, outputs);
  }

 private:
  Prepare prepare_;
};

template <typename Prepare>
mx::array operation(const char* name, mx::Shape shape, mx::Dtype dtype, std::vector<mx::array> inputs, mx::Stream s,
                    Prepare prepare) {
  auto primitive = std::make_shared<Operation<Prepare>>(s, name, std::move(prepare));
  auto visible = primitive->take(std::move(inputs));
  return mx::array(std::move(shape), dtype, std::move(primitive), std::move(visible));
}

// The same with several outputs.
template <typename Prepare>
std::vector<mx::array> operations(const char* name, std::vector<mx::Shape> shapes, const std::vector<mx::Dtype>& dtypes,
                                  std::vector<mx::array> inputs, mx::Stream s, Prepare prepare) {
  auto primitive = std::make_shared<Operation<Prepare>>(s, name, std::move(prepare));
  auto visible = primitive->take(std::move(inputs));
  return mx::array::make_arrays(std::move(shapes), dtypes, std::move(primitive), visible);
}

// The array as the kernels read it: row-contiguous, of this dtype. Costs nothing where it is so already, which is known
// of evaluated arrays and of what this library's own operations give.
inline mx::array dense(const mx::array& a, mx::Stream s) {
  bool known = a.status() == mx::array::unscheduled
                   ? a.has_primitive() && std::string_view(a.primitive().name()).starts_with(kNamePrefix)
                   : a.flags().row_contiguous;
  return known ? a : mx::contiguous(a, false, s);
}

inline mx::array dense(const mx::array& a, mx::Dtype dtype, mx::Stream s) {
  return dense(a.dtype() == dtype ? a : mx::astype(a, dtype, s), s);
}

inline Real real_of(const mx::array& a) {
  switch (a.dtype()) {
    case mx::Dtype::Val::float32: return Real::f32;
    case mx::Dtype::Val::float16: return Real::f16;
    case mx::Dtype::Val::bfloat16: return Real::bf16;
    default: throw std::invalid_argument("not a real dtype");
  }
}

// Floats of the calling thread, valid until its next call; 64-byte aligned.
float* thread_scratch(size_t floats);

// The same beside it, for what the thread's job collects from all threads.
float* thread_partials(size_t floats);

}  // namespace vllmd::cpu
