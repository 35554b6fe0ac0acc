// The parts of a flow that rules are asked of, with their facts (docs/validation.md lists them).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/flow/report.h"
#include "core/flow/validate/validate.h"

namespace sluice::flow {

// Receives each part: its kind, where it stands, its facts, and the node it belongs to (nullptr: none).
using PartSink = std::function<void(std::string_view kind, const std::string& path, Json facts, const Json* node)>;

// All parts in the order of the document, inline composites included.
void for_each_part(const Json& flow, const ValidateOptions& options, const PartSink& sink);

// Those of one node's content. `labels_and_nodes` says whether a condition may lead to a name.
struct ContentScope {
  const Json& node;
  const std::string& path;  // nodes.ask.content
  const Json& named;        // the flow's named conditions, an object
  const ValidateOptions& options;
  const PartSink& sink;
  std::function<bool(std::string_view)> is_node;

  void emit(std::string_view kind, const std::string& at, Json facts) const { sink(kind, at, std::move(facts), &node); }
};
void content_parts(const Json& content, std::string_view type, const ContentScope& scope);
void condition_parts(const Json& content, const ContentScope& scope);
void request_part(const Json& request, const std::string& path, const ContentScope& scope);
// The {{references}} of every text in the value.
void reference_parts(const Json& value, const std::string& path, const ContentScope& scope);
// One expression: CEL text or a JSON condition.
void expression_part(const Json& expression, const std::string& path, const Json& named, const PartSink& sink,
                     const Json* node);

}  // namespace sluice::flow
