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
mx::array append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
                 const RopeSpec& rope, mx::Stream s);
mx::array attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s);
mx::array copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, std::vector<PageCopy> copies,
                     mx::Stream s);
// A page of keys, then values, each [kv_head][position] values, then scales, then biases.
void read_page(const HostPages& pages, int page, char* to);
void write_page(const HostPages& pages, int page, const char* from);
}  // namespace cpu

namespace portable {
mx::array append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
                 const RopeSpec& rope, mx::Stream s);
mx::array attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s);
mx::array copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, std::vector<PageCopy> copies,
                     mx::Stream s);
// Zeroed.
DevicePages empty_pages(const PageFormat& format, int pages, mx::Stream s);
void grow(Pages& pages, int count, mx::Stream s);
void read_page(const Pages& pages, int page, char* to);
void write_page(Pages& pages, int page, const char* from);
}  // namespace portable

}  // namespace vllmd
