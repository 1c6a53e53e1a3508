// Runs the GPU's kernel texts on this CPU (emulation.h) and holds them against float64. What CUDA and Metal compile is the
// same text. Prints what failed; exit status 1 then.
#include "checks.h"

int main() {
  check_rows();
  check_appends();
  check_linears();
  check_attentions();
  check_edits();
  check_picks();
  std::printf(failures == 0 ? "all kernels agree\n" : "%d checks FAILED\n", failures);
  return failures == 0 ? 0 : 1;
}
