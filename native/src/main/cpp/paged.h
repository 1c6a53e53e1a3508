// The engine's operations over pages. Arguments have been checked against each other by the entry points.
#pragma once

#include <memory>
#include <vector>

#include "engine.h"
#include "pages.h"
#include "step.h"

namespace vllmd {

// Copies of the first `count` positions of a page to another.
struct PageCopy {
  int32_t to;
  int32_t from;
  int32_t count;
};

namespace cpu {
mx::array append(const mx::array& qkv, const Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
                 const RopeSpec& rope, mx::Stream s);
mx::array attention(const mx::array& q, const Pages& pages, Step& step, int heads, float scale, int window,
                    mx::Stream s);
mx::array copy_pages(const mx::array& tokens, std::vector<std::shared_ptr<HostPages>> layers,
                     std::vector<PageCopy> copies, mx::Stream s);
}  // namespace cpu

}  // namespace vllmd
