// A kernel of ours: its text, compiled for CUDA or handed to MLX's Metal backend, and how it becomes a node of MLX's graph.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gpu/kernel_text.h"
#include "handles.h"
#include "mlx/array.h"
#include "mlx/fast.h"
#include "mlx/primitives.h"
#include "mlx/stream.h"

struct CUfunc_st;

namespace vllmd::gpu {

namespace mx = mlx::core;

constexpr const char* kNamePrefix = "VllmdGpu";

// What a text is compiled with. The first parameter of every kernel is `params`; it is not among the inputs.
struct KernelVariant {
  const char* name;  // begins with kNamePrefix
  KernelText text;
  std::vector<std::pair<std::string, const char*>> inputs;  // type and name, in the order of the arrays
  std::pair<std::string, const char*> output;
  std::string defines;  // lines
  int threads;          // of a group
};

class Kernel {
 public:
  explicit Kernel(KernelVariant variant);

  const KernelVariant& variant() const { return variant_; }
  const char* name() const { return variant_.name; }
  int threads() const { return variant_.threads; }
  CUfunc_st* cuda() const;
  const mx::fast::CustomKernelFunction& metal() const { return metal_; }

 private:
  KernelVariant variant_;
  mutable CUfunc_st* function_ = nullptr;
  mx::fast::CustomKernelFunction metal_;
};

// The whole program for CUDA's compiler.
std::string cuda_source(const KernelVariant& variant);
std::string metal_header(const KernelVariant& variant);
std::string metal_body(const KernelVariant& variant);

// Each variant once, by a key that its maker packs from what it varies over. Kernels live as long as the process.
class Kernels {
 public:
  template <typename Make>
  const Kernel& of(uint64_t key, Make&& make) {
    for (auto& [known, kernel] : made_) {
      if (known == key) {
        return *kernel;
      }
    }
    made_.emplace_back(key, new Kernel(make()));
    all().push_back(made_.back().second);
    return *made_.back().second;
  }

  // Every kernel of the process.
  static std::vector<const Kernel*>& all();

 private:
  std::vector<std::pair<uint64_t, Kernel*>> made_;
};

using Params = std::array<int32_t, 12>;

inline int32_t bits_of(float x) { return std::bit_cast<int32_t>(x); }

struct Groups {
  int x = 1, y = 1, z = 1;
};

struct Launch {
  const Kernel& kernel;
  std::vector<mx::array> inputs;
  mx::Shape shape;  // of the output
  mx::Dtype dtype;
  Params params;
  Groups groups;
  // Inputs from this one on are memory that kernels write while the graph sees them as inputs (pages): data flow through
  // the other inputs orders them.
  int untracked = 1 << 20;
  // The output takes this input's memory, in which rows are written already. CUDA only.
  int alias = -1;
  // The host reads the output: on CUDA it lies in the host's memory.
  bool for_host = false;
};

// The output, to be computed when MLX gets to it.
mx::array launch(Launch call, mx::Stream s);

// What launch makes on CUDA. Others may look into one that has not run.
class Node : public mx::Primitive {
 public:
  Node(mx::Stream s, Launch call);

  void eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>&) override;
  void eval_gpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override;
  const char* name() const override { return name_; }
  const Params& params() const { return params_; }

 private:
  const char* name_;
  const Kernel& kernel_;
  Params params_;
  Groups groups_;
  int untracked_, alias_;
  bool for_host_;
};

// An evaluated array of both parts, in memory that kernels read without moving it.
mx::array host_ints(const std::vector<int32_t>& a, const std::vector<int32_t>& b = {});

// The array as kernels read it: row-contiguous. Costs nothing where it is so already.
mx::array dense(const mx::array& a, mx::Stream s);

inline const char* type_of(mx::Dtype dtype) {
  switch (dtype.val()) {
    case mx::Dtype::Val::float32:
      return "float";
    case mx::Dtype::Val::float16:
      return "f16";
    case mx::Dtype::Val::bfloat16:
      return "bf16";
    default:
      throw std::invalid_argument("not a real dtype");
  }
}

// 0, 1, 2: for keys.
inline uint64_t type_code(mx::Dtype dtype) { return dtype == mx::float32 ? 0 : dtype == mx::float16 ? 1 : 2; }

inline std::string define(const char* name, int value) {
  return std::string("#define ") + name + " " + std::to_string(value) + "\n";
}
inline std::string alias_type(const char* name, const char* type) {
  return std::string("typedef ") + type + " " + name + ";\n";
}

}  // namespace vllmd::gpu
