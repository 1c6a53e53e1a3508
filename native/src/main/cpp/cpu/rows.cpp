// Choosing rows and next tokens on the CPU.
#include <cstring>

#include "cpu/primitive.h"
#include "engine.h"

namespace vllmd::cpu {

mx::array rows(const mx::array& x, std::vector<int32_t> rows, mx::Stream s) {
  mx::Shape shape{static_cast<int>(rows.size()), x.shape(1)};
  auto prepare = [rows = std::make_shared<const std::vector<int32_t>>(std::move(rows))](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    size_t bytes = in[0].shape(1) * in[0].itemsize();
    return [rows, bytes, from = in[0].data<char>(), to = out[0].data<char>()] {
      for (size_t i = 0; i < rows->size(); i++) {
        std::memcpy(to + i * bytes, from + (*rows)[i] * bytes, bytes);
      }
    };
  };
  return operation("VllmdRows", std::move(shape), x.dtype(), {dense(x, s)}, s, std::move(prepare));
}

mx::array step_tokens(const std::optional<mx::array>& previous, std::vector<int32_t> from, std::vector<int32_t> ids,
                      mx::Stream s) {
  mx::Shape shape{static_cast<int>(ids.size())};
  std::vector<mx::array> inputs;
  if (previous) {
    inputs.push_back(dense(*previous, s));
  }
  auto prepare = [from = std::make_shared<const std::vector<int32_t>>(std::move(from)),
                  ids = std::make_shared<const std::vector<int32_t>>(std::move(ids))](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return [from, ids, sampled = in.empty() ? nullptr : in[0].data<int32_t>(), to = out[0].data<int32_t>()] {
      for (size_t i = 0; i < ids->size(); i++) {
        to[i] = (*from)[i] >= 0 ? sampled[(*from)[i]] : (*ids)[i];
      }
    };
  };
  return operation("VllmdStepTokens", std::move(shape), mx::int32, std::move(inputs), s, std::move(prepare));
}

}  // namespace vllmd::cpu
