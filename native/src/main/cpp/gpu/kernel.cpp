#include "gpu/kernel.h"

#include <algorithm>
#include <stdexcept>

#include "gpu/cuda_device.h"
#include "gpu/device_memory.h"
#include "gpu/mlx_cuda.h"
#include "gpu/prelude.h"
#include "mlx/ops.h"
#include "mlx/primitives.h"

namespace vllmd::gpu {

namespace {

constexpr const char* kCudaThread = R"(
  const int* params = parameters.values;
  const int GROUP_X = blockIdx.x;
  const int GROUP_Y = blockIdx.y;
  const int GROUP_Z = blockIdx.z;
  const int THREAD = threadIdx.x;
  const int LANE = threadIdx.x % 32;
  const int WARP = threadIdx.x / 32;
)";

// The names on the right are how MLX sees which of the thread's places a kernel asks for.
constexpr const char* kMetalThread = R"(
  const int GROUP_X = int(threadgroup_position_in_grid.x);
  const int GROUP_Y = int(threadgroup_position_in_grid.y);
  const int GROUP_Z = int(threadgroup_position_in_grid.z);
  const int THREAD = int(thread_index_in_threadgroup);
  const int LANE = int(thread_index_in_simdgroup);
  const int WARP = int(simdgroup_index_in_threadgroup);
)";

std::string joined(std::initializer_list<std::string> parts) {
  std::string all;
  for (auto& part : parts) {
    all += part;
  }
  return all;
}

}  // namespace

std::string cuda_source(const KernelVariant& v) {
  std::string arguments;
  for (auto& [type, name] : v.inputs) {
    arguments += "const " + type + "* " + name + ", ";
  }
  arguments += v.output.first + "* " + v.output.second;
  return joined({kCudaPrelude, kCommonPrelude, "\n", v.defines, v.text.functions,
                 "\nstruct Parameters { int values[12]; };\nextern \"C\" __global__ void __launch_bounds__(",
                 std::to_string(v.threads), ") ", v.name, "(", arguments,
                 ", const __grid_constant__ Parameters parameters) {", kCudaThread, v.text.body, "\n}\n"});
}

std::string metal_header(const KernelVariant& v) {
  return joined({kMetalPrelude, kCommonPrelude, "\n", v.defines, v.text.functions, "\n"});
}

std::string metal_body(const KernelVariant& v) { return joined({kMetalThread, v.text.body}); }

Kernel::Kernel(KernelVariant variant) : variant_(std::move(variant)) {
  if (on_cuda()) {
    return;
  }
  std::vector<std::string> inputs{"params"};
  for (auto& [type, name] : variant_.inputs) {
    inputs.push_back(name);
  }
  // MLX compiles a kernel once per name and text, so a variant needs no name of its own.
  metal_ = mx::fast::metal_kernel(variant_.name, inputs, {variant_.output.second}, metal_body(variant_),
                                  metal_header(variant_), false);
}

CUfunc_st* Kernel::cuda() const {
  if (function_ == nullptr) {
    function_ = cuda::compile(cuda_source(variant_), variant_.name);
  }
  return function_;
}

Node::Node(mx::Stream s, Launch call)
    : Primitive(s),
      name_(call.kernel.name()),
      kernel_(call.kernel),
      params_(call.params),
      groups_(call.groups),
      untracked_(call.untracked),
      alias_(call.alias),
      for_host_(call.for_host) {}

void Node::eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>&) {
  throw std::runtime_error(std::string(name_) + " runs on a GPU only");
}

void Node::eval_gpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) {
#if defined(__linux__)
  auto& encoder = mx::cu::get_command_encoder(stream());
  auto& out = outputs[0];
  if (alias_ >= 0) {
    out.copy_shared_buffer(inputs[alias_]);
  } else {
    out.set_data(for_host_ ? host_data(out.nbytes()) : device_data(out.nbytes()));
  }
  std::array<void*, 16> addresses;
  std::array<void*, 17> arguments;
  int count = static_cast<int>(inputs.size());
  require(count <= 15, name_, " has ", count, " inputs");
  for (int i = 0; i < count; i++) {
    require(inputs[i].flags().row_contiguous, name_, ": input ", i, " is not row-contiguous");
    if (i < untracked_) {
      encoder.set_input_array(inputs[i]);
    }
    addresses[i] = device_address(inputs[i]);
    arguments[i] = &addresses[i];
  }
  encoder.set_output_array(out);
  addresses[count] = device_address(out);
  arguments[count] = &addresses[count];
  arguments[count + 1] = params_.data();
  auto group = [](int n) { return static_cast<unsigned>(n); };
  encoder.add_kernel_node_raw(kernel_.cuda(), {group(groups_.x), group(groups_.y), group(groups_.z)},
                              {group(kernel_.threads()), 1, 1}, {1, 1, 1}, 0, arguments.data());
#else
  (void)inputs;
  (void)outputs;
  throw std::runtime_error(std::string(name_) + " has no CUDA here");
#endif
}

std::vector<const Kernel*>& Kernels::all() {
  static auto* all = new std::vector<const Kernel*>();
  return *all;
}

mx::array launch(Launch call, mx::Stream s) {
  if (on_cuda()) {
    auto shape = call.shape;
    auto dtype = call.dtype;
    auto inputs = std::move(call.inputs);
    call.inputs.clear();
    return mx::array(std::move(shape), dtype, std::make_shared<Node>(s, std::move(call)), std::move(inputs));
  }
  std::vector<mx::array> inputs{mx::array(call.params.begin(), {static_cast<int>(call.params.size())}, mx::int32)};
  inputs.insert(inputs.end(), call.inputs.begin(), call.inputs.end());
  int threads = call.kernel.threads();
  auto made =
      call.kernel.metal()(inputs, {call.shape}, {call.dtype}, {call.groups.x * threads, call.groups.y, call.groups.z},
                          {threads, 1, 1}, {}, std::nullopt, false, s);
  return made[0];
}

mx::array host_ints(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  int n = static_cast<int>(a.size() + b.size());
  if (!cuda::available()) {
    std::vector<int32_t> all(a);
    all.insert(all.end(), b.begin(), b.end());
    return mx::array(all.begin(), {n}, mx::int32);
  }
  auto made = host_array({n}, mx::int32);
  auto* to = made.data<int32_t>();
  std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), to));
  return made;
}

mx::array dense(const mx::array& a, mx::Stream s) {
  bool known = a.status() == mx::array::unscheduled
                   ? a.has_primitive() && std::string_view(a.primitive().name()).starts_with(kNamePrefix)
                   : a.flags().row_contiguous;
  return known ? a : mx::contiguous(a, false, s);
}

}  // namespace vllmd::gpu
