// out [rows, N] = x [rows, DEPTH] · Wᵀ, on the matrix units (16 outputs by 8 rows by 16 products). A warp takes 16
// outputs, 8 · TILES rows and every SLICES-th piece of 64 products; a group, OUTPUTS such warps' outputs and all pieces.
// A row's result does not depend on the rows beside it, nor on how many there are.
// In a piece, the four lanes of an output take 16 neighbouring products each, as memory has them: any order of products
// is right as long as x is read in the same one.
// params: rows, N, eps. BITS 0: w is dense, of x's type. NORM: x is RMS-normed on the way in, norm_weight [DEPTH]; the
// common factor comes last. SWIGLU: out [rows, N/2] = silu(first half of the outputs) · second half.
GPU_FUNCTIONS(
// Sixteen weights of a row, from product `at` on, as pairs of x's type.
FUNCTION void load_weights(const DEVICE uint* w, const DEVICE Scale* scales, const DEVICE Scale* biases, int row, int at,
                           LOCAL uint* pairs) {
  if (BITS == 0) {
    const DEVICE uint* p = w + (long(row) * DEPTH + at) / 2;
    uint words[4];
    UNROLL
    for (int half = 0; half < 2; half++) {
      load_words(p + 4 * half, words);
      UNROLL
      for (int i = 0; i < 4; i++) {
        pairs[4 * half + i] = words[i];
      }
    }
    return;
  }
  constexpr int WORDS = BITS == 8 ? 4 : 2;
  uint words[WORDS];
  load_words(w + (long(row) * DEPTH + at) / (4 * 8 / (BITS + (BITS == 0))), words);
  long group = (long(row) * DEPTH + at) / (GROUP_SIZE + (GROUP_SIZE == 0));
  float scale = to_float(scales[group]);
  float bias = to_float(biases[group]);
  UNROLL
  for (int i = 0; i < 8; i++) {
    // 2^23 + q has q as its last bits.
    uint pair = BITS == 8 ? words[i * WORDS / 8] >> (i % 2 * 16) : words[i * WORDS / 8] >> (i % 4 * 8);
    uint first = BITS == 8 ? pair & 255u : pair & 15u;
    uint second = BITS == 8 ? pair >> 8 & 255u : pair >> 4 & 15u;
    float low = as_float(0x4b000000u | first) - 8388608.0f;
    float high = as_float(0x4b000000u | second) - 8388608.0f;
    pairs[i] = pack(Value(), mad(low, scale, bias), mad(high, scale, bias));
  }
}
)
GPU_BODY(
  const int rows = params[0];
  const int n = params[1];
  constexpr int ROWS = 8 * TILES;
  constexpr int STRIDE = 20;
  const int slice = WARP % SLICES;
  const int output = WARP / SLICES;
  constexpr int HALF = OUTPUTS / 2 + (OUTPUTS == 1);
  const int begin = !SWIGLU          ? (GROUP_X * OUTPUTS + output) * 16
                    : output < HALF ? (GROUP_X * HALF + output) * 16
                                     : n / 2 + (GROUP_X * HALF + output - HALF) * 16;
  const int g = LANE / 4;
  const int t = LANE % 4;
  const int upper = begin + g < n ? begin + g : n - 1;
  const int lower = begin + g + 8 < n ? begin + g + 8 : n - 1;
  const int first_row = GROUP_Y * ROWS;

  float sums[TILES][4];
  float squares[TILES];
  UNROLL
  for (int j = 0; j < TILES; j++) {
    squares[j] = 0;
    UNROLL
    for (int i = 0; i < 4; i++) {
      sums[j][i] = 0;
    }
  }
  UNROLL_PIECES
  for (int piece = slice; piece < DEPTH / 64; piece += SLICES) {
    const int at = piece * 64 + 16 * t;
    uint a_upper[8];
    uint a_lower[8];
    load_weights(w, scales, biases, upper, at, a_upper);
    load_weights(w, scales, biases, lower, at, a_lower);
    float factors[16];
    if (NORM) {
      load8(norm_weight + at, factors);
      load8(norm_weight + at + 8, factors + 8);
    }
    UNROLL
    for (int j = 0; j < TILES; j++) {
      uint b[8];
      const int row = first_row + 8 * j + g;
      if (row < rows) {
        uint words[4];
        UNROLL
        for (int half = 0; half < 2; half++) {
          load_words(x + long(row) * DEPTH + at + 8 * half, words);
          UNROLL
          for (int i = 0; i < 4; i++) {
            b[4 * half + i] = words[i];
          }
        }
        if (NORM) {
          UNROLL
          for (int i = 0; i < 8; i++) {
            float low;
            float high;
            unpack(Value(), b[i], low, high);
            squares[j] = mad(low, low, squares[j]);
            squares[j] = mad(high, high, squares[j]);
            b[i] = pack(Value(), low * factors[2 * i], high * factors[2 * i + 1]);
          }
        }
      } else {
        UNROLL
        for (int i = 0; i < 8; i++) {
          b[i] = 0;
        }
      }
      UNROLL
      for (int i = 0; i < 4; i++) {
        const uint a4[4] = {a_upper[2 * i], a_lower[2 * i], a_upper[2 * i + 1], a_lower[2 * i + 1]};
        const uint b2[2] = {b[2 * i], b[2 * i + 1]};
        multiply_tile(Value(), sums[j], a4, b2);
      }
    }
  }
  SHARED float partial[SLICES * OUTPUTS * ROWS * STRIDE];
  SHARED float lengths[SLICES * ROWS];
  UNROLL
  for (int j = 0; j < TILES; j++) {
    UNROLL
    for (int i = 0; i < 4; i++) {
      partial[(WARP * ROWS + 8 * j + 2 * t + i % 2) * STRIDE + g + i / 2 * 8] = sums[j][i];
    }
    if (NORM) {
      float length = sum_over<4>(squares[j]);
      if (output == 0 && t == 0) {
        lengths[slice * ROWS + 8 * j + g] = length;
      }
    }
  }
  BARRIER();
  constexpr int WIDE = SWIGLU ? HALF : OUTPUTS;
  const int width = SWIGLU ? n / 2 : n;
  for (int i = THREAD; i < ROWS * WIDE * 16; i += 32 * SLICES * OUTPUTS) {
    const int row = i / (WIDE * 16);
    const int tile = i / 16 % WIDE;
    const int column = (GROUP_X * WIDE + tile) * 16 + i % 16;
    if (first_row + row >= rows || column >= width) {
      continue;
    }
    float y = 0;
    float up = 0;
    for (int s = 0; s < SLICES; s++) {
      y += partial[((tile * SLICES + s) * ROWS + row) * STRIDE + i % 16];
      if (SWIGLU) {
        up += partial[(((tile + HALF) * SLICES + s) * ROWS + row) * STRIDE + i % 16];
      }
    }
    if (NORM) {
      float length = 0;
      for (int s = 0; s < SLICES; s++) {
        length += lengths[s * ROWS + row];
      }
      float inverse = inverse_root(length / DEPTH + as_float(uint(params[2])));
      y *= inverse;
      up *= inverse;
    }
    if (SWIGLU) {
      y = y / (1.0f + exponential(-y)) * up;
    }
    if (BIAS) {
      y += to_float(bias[column]);
    }
    if (RESIDUAL) {
      y += to_float(residual[long(first_row + row) * width + column]);
    }
    store(out + long(first_row + row) * width + column, y);
  }
)
