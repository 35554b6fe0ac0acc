// Content by id (FLOW 6): an active row, one of its weighted variants chosen for the session and remembered in
// session.info.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/engine.h"

namespace sluice::flow {

class Contents {
 public:
  // `info` is the session's: info.variants keeps the choices. `settings` are those of the flow that asks. All outlive
  // this.
  Contents(const ContentSource* source, std::uint64_t seed, const Json& state, Json& info, const Json& settings)
      : source_(source), seed_(seed), state_(state), info_(info), settings_(settings) {}

  // The row's content with its variant merged in and its "type"; the error names the id.
  [[nodiscard]] std::expected<Json, std::string> find(std::string_view content_id);

  [[nodiscard]] const Json& state() const { return state_; }
  [[nodiscard]] const Json& settings() const { return settings_; }

 private:
  const Json* variant(std::string_view content_id, const Json& variants);

  const ContentSource* source_;
  std::uint64_t seed_;
  const Json& state_;
  Json& info_;
  const Json& settings_;
};

}  // namespace sluice::flow
