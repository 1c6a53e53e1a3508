// Where many rows attend over MLX's kernels: whether wide heads take its fused one, which the policy of the device says.
#pragma once

#include <climits>

namespace vllmd::gpu {

inline int fused_attention_keys = INT_MAX;
inline void set_fused_attention_from(int keys) { fused_attention_keys = keys; }
// Up to 128 MLX chooses well by itself.
inline bool force_fused_attention(int head_dim, int keys) { return head_dim > 128 && keys >= fused_attention_keys; }

}  // namespace vllmd::gpu
