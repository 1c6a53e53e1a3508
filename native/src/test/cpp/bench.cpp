// Speed of the CPU primitives.
// Usage: vllmd_bench [roof|layers|sprout|qwen|qwen4|decode1|host|attention] [threads]
#include "bench.h"

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ok(vm_set_default_device(VM_CPU));
  std::printf("kernels: %s\n", vm_cpu_kernels());
  auto wanted = [&](const char* part) { return argc < 2 || std::strcmp(argv[1], part) == 0; };
  ok(vm_cpu_threads(argc < 3 ? 0 : std::atoi(argv[2])));
  if (wanted("roof") && argc > 1) {
    roof();
  }
  if (wanted("layers")) {
    layers();
  }
  if (wanted("sprout")) {
    sprout_steps();
  }
  if (wanted("qwen")) {
    qwen_steps(8);
  }
  if (wanted("qwen4")) {
    qwen_steps(4);
  }
  if (wanted("decode1") && argc > 1) {
    decode_alone();
  }
  if (wanted("host")) {
    host();
  }
  if (wanted("attention")) {
    attention();
  }
}
