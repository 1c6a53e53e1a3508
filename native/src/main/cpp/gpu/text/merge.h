// Brings the splits of attention.h together: one group per (head, entry), a thread per element of the head.
// params as there. partials: what it wrote; out [row][head][HEAD_DIM].
GPU_FUNCTIONS()
GPU_BODY(
  const int heads = params[0];
  const int head = GROUP_X;
  const int row = params[3] < 0 ? GROUP_Y : step[params[3] + GROUP_Y];
  const int total_keys = seen_by(step[4 * row], step[4 * row + 2], step[4 * row + 3], params[4]).total;
  const int size = split_size(total_keys);
  const int splits = (total_keys + size - 1) / size;
  const DEVICE float* mine = partials + (long(GROUP_Y) * heads + head) * params[6] * (HEAD_DIM + 2);
  float top = mine[HEAD_DIM];
  for (int s = 1; s < splits; s++) {
    top = larger(top, mine[s * (HEAD_DIM + 2) + HEAD_DIM]);
  }
  float total = 0;
  float mass = 0;
  for (int s = 0; s < splits; s++) {
    float f = power_of_two(mine[s * (HEAD_DIM + 2) + HEAD_DIM] - top);
    total = mad(f, mine[s * (HEAD_DIM + 2) + THREAD], total);
    mass = mad(f, mine[s * (HEAD_DIM + 2) + HEAD_DIM + 1], mass);
  }
  int to_row = params[8] != 0 ? GROUP_Y : row;
  store(out + (long(to_row) * heads + head) * HEAD_DIM + THREAD, total / mass);
)
