// Included last by each kernels_*.cpp, see kernel_basics.h.

constexpr Kernels kernel_table(const char* name) {
  return Kernels{
      .name = name,
      .linear = linear,
      .linear_scratch = linear_scratch,
      .direct_rows = V::direct_rows,
      .tile_columns = kTileColumns,
      .exact = {panel_row<Exact>, panel_products<Exact>},
      .fast = V::shorts ? PanelMath{panel_row<Fast>, panel_products<Fast>} : PanelMath{},
      .panel_scratch = panel_scratch,
      .panel_weight_row = panel_weight_row,
      .weight_row = weight_row,
      .rms_norm = rms_norm,
      .swiglu = swiglu,
      .rope_head = rope_head,
      .attend_tile = attend_tile,
      .tile_scratch = tile_scratch,
      .tile_queries = V::tile_rows,
      .store_key = store_key,
      .store_value = store_value,
      .unpack_keys = unpack_keys,
      .unpack_values = unpack_values,
      .merge = merge,
      .finish = finish,
      .scaled = scaled,
      .argmax = argmax,
      .exp_shifted = exp_shifted,
      .mask = mask,
      .sum_from = sum_from,
      .find_within = find_within,
  };
}
