// Sources of weights, unpacked to float32. Included by each kernels_*.cpp, see kernel_basics.h.
//
// `begin` at the start of each group, `at` for the V::width values from k. `ahead` asks memory
// for the same place of the next tile: rows are too short for the processor to see where the reading goes, and while a
// tile is multiplied nothing would be read at all.

VLLMD_INLINE void ask_for(const void* p) { __builtin_prefetch(p, 0, 2); }

struct Bytes {
  static constexpr bool quantised = true;
  const uint8_t* row;
  F scale, bias;
  VLLMD_INLINE void start(const WeightView& w, int n) {
    row = static_cast<const uint8_t*>(w.values) + static_cast<size_t>(n) * w.k;
  }
  VLLMD_INLINE void ahead(const WeightView& w, int k, int columns) const {
    const uint8_t* next = row + static_cast<size_t>(columns) * w.k + k;
    for (int i = 0; i < w.group; i += 64) {
      ask_for(next + i);
    }
  }
  VLLMD_INLINE void begin(float s, float b) {
    scale = V::set(s);
    bias = V::set(b);
  }
  VLLMD_INLINE F at(int k) const { return V::fma(V::load_u8(row + k), scale, bias); }
};

struct Nibbles {
  static constexpr bool quantised = true;
  const uint8_t* row;
  V::Nibbles values{0, 0};
  VLLMD_INLINE void start(const WeightView& w, int n) {
    row = static_cast<const uint8_t*>(w.values) + static_cast<size_t>(n) * (w.k / 2);
  }
  VLLMD_INLINE void ahead(const WeightView& w, int k, int columns) const {
    ask_for(row + static_cast<size_t>(columns) * (w.k / 2) + k / 2);
  }
  VLLMD_INLINE void begin(float s, float b) { values = V::Nibbles(s, b); }
  VLLMD_INLINE F at(int k) const { return values.at(row + k / 2); }
};

template <Real R>
struct Dense {
  static constexpr bool quantised = false;
  const typename Element<R>::type* row;
  VLLMD_INLINE void start(const WeightView& w, int n) {
    row = static_cast<const typename Element<R>::type*>(w.values) + static_cast<size_t>(n) * w.k;
  }
  VLLMD_INLINE void ahead(const WeightView& w, int k, int columns) const {
    ask_for(row + static_cast<size_t>(columns) * w.k + k);
  }
  VLLMD_INLINE F at(int k) const { return Element<R>::load(row + k); }
  VLLMD_INLINE F part(int k, int count) const { return load_part<R>(row + k, count); }
};
