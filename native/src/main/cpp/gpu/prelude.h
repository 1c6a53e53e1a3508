#pragma once

namespace vllmd::gpu {

extern const char* const kCudaPrelude;
extern const char* const kMetalPrelude;
extern const char* const kCommonPrelude;

}  // namespace vllmd::gpu
