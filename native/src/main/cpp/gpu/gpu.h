// The engine's operations by kernels of our own, on CUDA and on Metal. An operation that has none for its arguments, or
// that MLX does as well there, answers nothing: MLX's operations do it then.
#pragma once

#include <optional>
#include <vector>

#include "engine.h"
#include "paged.h"
#include "sampling.h"

namespace vllmd::gpu {

// Whether operations on this stream come here first. vm_portable(1) says no.
bool runs(const mx::Stream& s);

using Maybe = std::optional<mx::array>;

// What `kernel` answers where operations of this stream come here, and where it answers nothing, `otherwise`.
template <typename Kernel, typename Otherwise>
mx::array try_first(const mx::Stream& s, Kernel&& kernel, Otherwise&& otherwise) {
  if (runs(s)) {
    if (Maybe y = kernel()) {
      return std::move(*y);
    }
  }
  return otherwise();
}

Maybe linear(const mx::array& x, const Weight& w, const Maybe& bias, const Maybe& residual, mx::Stream s);
Maybe embedding(const mx::array& ids, const Weight& w, mx::Stream s);
Maybe rms_norm(const mx::array& x, const mx::array& weight, float eps, mx::Stream s);
Maybe swiglu(const mx::array& x, mx::Stream s);
Maybe rows(const mx::array& x, const std::vector<int32_t>& rows, mx::Stream s);
Maybe step_tokens(const Maybe& previous, const std::vector<int32_t>& from, const std::vector<int32_t>& ids,
                  mx::Stream s);
std::optional<Chosen> choose(const mx::array& logits, const Maybe& previous, const Choice& choice, mx::Stream s);

// These write into the pages' arrays, which stay the same.
Maybe append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
             const RopeSpec& rope, mx::Stream s);
Maybe attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s);
Maybe copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, const std::vector<PageCopy>& copies,
                 mx::Stream s);
// False where it is not done here.
bool read_page(const Pages& pages, int page, char* to);
bool write_page(Pages& pages, int page, const char* from);

}  // namespace vllmd::gpu
