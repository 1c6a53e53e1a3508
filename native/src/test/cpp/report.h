// What a program of checks found.
#pragma once

#include <cstdio>
#include <string>

inline int failures = 0;
inline bool tell_all = false;  // what holds, too
inline std::string where;

inline void report(bool holds, const std::string& what, double error = 0) {
  failures += holds ? 0 : 1;
  if (!holds || tell_all) {
    std::printf("%s %s%s%s (%.3g)\n", holds ? "ok    " : "FAILED", where.c_str(), where.empty() ? "" : ": ", what.c_str(),
                error);
  }
}
