// What the checks of linear layers and rows share.
#pragma once

#include "report.h"
#include "support.h"

inline double worst(const std::vector<float>& got, const std::vector<double>& wanted) {
  if (got.size() != wanted.size()) {
    return INFINITY;
  }
  double error = 0;
  for (size_t i = 0; i < got.size(); i++) {
    double e = std::abs(got[i] - wanted[i]);
    error = std::isnan(e) ? INFINITY : std::max(error, e);
  }
  return error;
}

void check_linears(bool portable);
void check_panels(bool portable);
