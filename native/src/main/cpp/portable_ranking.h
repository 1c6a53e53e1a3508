// The likeliest tokens of rows, out of MLX's operations, without sorting whole rows.
#pragma once

#include "mlx/array.h"
#include "mlx/stream.h"

namespace vllmd::portable {

namespace mx = mlx::core;

// The k first tokens of each row of x [n, V], by descending logit then ascending id.
struct First {
  mx::array ids;     // int32 [n, k]
  mx::array logits;  // [n, k]
};

// k is at most V. Costs two sorts of about V / 64 and 64 · k elements a row where that is less than sorting V.
First first_ranked(const mx::array& x, int k, mx::Stream s);

}  // namespace vllmd::portable
