// A canonical flow while it is being put together, and the report that goes with it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/flow/import/import.h"
#include "core/flow/import/naming.h"

namespace sluice::flow::importing {

class Draft {
 public:
  Draft();

  void name(std::string_view text, std::string_view version = "1.0");
  void entry(std::string_view node_id);
  [[nodiscard]] std::string_view entry() const { return entry_; }

  // The identifier a node will have: the slug of `wish`, made unique.
  [[nodiscard]] std::string reserve(std::string_view wish, std::string_view fallback = "node");
  void add_node(std::string_view id, std::string_view type, Json content, Json position = {}, Json info = {});

  // An edge; one to an empty target is left out. `condition` is CEL, empty when the edge has none.
  void connect(std::string_view source, std::string_view label, std::string_view target,
               std::string_view condition = {});

  // A top-level member of the document, such as settings or variables.
  [[nodiscard]] Json& member(std::string_view key);

  void note(std::string path, Severity severity, std::string message);

  // A node that ends the conversation in silence: a condition without entries or edges. Made once.
  [[nodiscard]] std::string end_node();

  [[nodiscard]] Imported finish() &&;

 private:
  Json flow_;
  Json nodes_;
  Json connections_;
  std::string entry_;
  std::string end_;
  Names names_;
  std::vector<Note> report_;
};

[[nodiscard]] Json object_of(std::initializer_list<std::pair<std::string_view, std::string_view>> members);
[[nodiscard]] Json array_of(Json element);
// {"x", "y"} rounded to whole units from members of these names; null when there are none.
[[nodiscard]] Json position_of(const Json* coordinates);
// "groups[2].blocks[0]" from "groups[2]", "blocks", 0.
[[nodiscard]] std::string at(std::string_view path, std::string_view list, std::size_t index);
[[nodiscard]] std::string at(std::string_view list, std::size_t index);

}  // namespace sluice::flow::importing
