// A kernel's text is a file of text/ with one GPU_FUNCTIONS(…) and one GPU_BODY(…): a string here, which the GPU's own
// compiler reads at run time, and code in the test that runs it on a CPU (gpu_emulation.h). As macro arguments they
// hold no preprocessor lines.
#pragma once

namespace vllmd::gpu {

struct KernelText {
  const char* functions;
  const char* body;
};

}  // namespace vllmd::gpu

#define GPU_TEXT(...) #__VA_ARGS__
#define GPU_FUNCTIONS(...) #__VA_ARGS__,
#define GPU_BODY(...) #__VA_ARGS__
