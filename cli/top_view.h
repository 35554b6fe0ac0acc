// What `sluice top` shows: what sluice.activity() said, and how fast its totals grow.
#pragma once

#include <chrono>
#include <deque>
#include <string>

#include "core/base/json.h"

namespace sluice::cli {

// The last ten seconds of totals. The server's statistics come about once a second from each connection, so that the
// difference of two looks says little.
class Rates {
 public:
  void add(const Json& activity, std::chrono::steady_clock::time_point at);
  void clear() { looks_.clear(); }
  // Totals a second as one object; null where there is only one look. A total that fell (its partition was dropped, the
  // statistics were reset) is 0.
  [[nodiscard]] Json per_second() const;

 private:
  struct Look {
    Json totals;
    std::chrono::steady_clock::time_point at;
  };
  std::deque<Look> looks_;
};

// As text of several lines. `status` is sluice.status(), `lines` how many there may be: long tables end with what they
// leave out.
[[nodiscard]] std::string top_text(const Json& status, const Json& activity, const Json& rates, std::size_t lines,
                                   bool colour);

}  // namespace sluice::cli
