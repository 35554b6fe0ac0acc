// Composites (FLOW 9). Each call is a frame of session.stack: {"node", "saved"}, where `saved` keeps the caller's
// variables, temp, input, output and local while the state holds the callee's. user and context are one and the same
// throughout.
#include <fmt/format.h>

#include <array>

#include "core/base/errors.h"
#include "core/flow/run.h"
#include "core/flow/session.h"
#include "core/flow/template.h"

namespace sluice::flow {
namespace {

constexpr std::array<const char*, 5> kIsolated{"variables", "temp", "input", "output", "local"};

const Json& no_declarations() {
  static const Json kNone = make_object();
  return kNone;
}

}  // namespace

void Run::rebuild_frames() {
  frames_.push_back({&main(), &main(), &main().variables, nullptr});
  for (const auto& entry : step_.session.stack.GetArray()) {
    const auto id = string_member(entry, "node");
    const Node* node = frame().graph->node(id);
    if (node == nullptr || node->type != NodeType::kComposite) {
      throw Error(
          fmt::format("session {} is inside the composite \"{}\", which its flow does not have", step_.session.id, id),
          "move it with sluice.migrate_session, or end it");
    }
    const Frame called = frame_of(*node, frame());
    if (called.graph == nullptr) {
      throw Error(fmt::format("session {} is inside the flow \"{}\", which is not loaded", step_.session.id,
                              flow_reference(node->content)),
                  "publish that flow");
    }
    frames_.push_back(called);
  }
}

Run::Frame Run::frame_of(const Node& composite, const Frame& below) const {
  if (composite.inner != nullptr) return {below.flow, composite.inner.get(), &no_declarations(), &composite};
  const Flow* called = flows_.called(*below.flow, flow_reference(composite.content));
  if (called == nullptr) return {below.flow, nullptr, nullptr, &composite};
  return {called, called, &called->variables, &composite};
}

Outcome Run::enter_composite(const Node& node) {
  if (frames_.size() > kMaxDepth) return Failed{fmt::format("composites are nested deeper than {} levels", kMaxDepth)};
  const Frame called = frame_of(node, frame());
  if (called.graph == nullptr) {
    const auto reference = flow_reference(node.content);
    return Failed{reference.empty() ? std::string("names no flow and has no nodes")
                                    : fmt::format("there is no flow \"{}\"", reference)};
  }
  const Json* inputs = find(node.content, "inputs");
  Json input =
      inputs != nullptr && inputs->IsObject() ? render_value(*inputs, state(), Unresolved::kDrop) : make_object();

  Json saved = make_object();
  for (const char* scope : kIsolated) {
    if (Json* value = find(state(), scope)) set(saved, scope, std::move(*value));
  }
  Json entry = make_object();
  set(entry, "node", node.id);
  set(entry, "saved", std::move(saved));
  push(step_.session.stack, std::move(entry));

  Json variables = make_object();
  apply_defaults(*called.declarations, variables);
  set(state(), "variables", std::move(variables));
  set(state(), "input", std::move(input));
  for (const char* scope : {"temp", "output", "local"}) set(state(), scope, make_object());
  frames_.push_back(called);
  if (auto fits = check_size(state()); !fits) {
    drop_composite();
    return Failed{"inputs: " + fits.error()};
  }
  return GoTo{called.graph->entry};
}

// Back to the caller's scopes, without outputs.
void Run::drop_composite() {
  Json& stack = step_.session.stack;
  Json saved = std::move(*find(stack[stack.Size() - 1], "saved"));
  stack.PopBack();
  frames_.pop_back();
  for (const char* scope : kIsolated) {
    if (Json* value = find(saved, scope)) {
      set(state(), scope, std::move(*value));
    } else {
      state().RemoveMember(scope);
    }
  }
}

// Back to the caller's scopes, in which all outputs are written or none.
std::expected<void, std::string> Run::leave_composite() {
  const Node& composite = *frame().composite;
  const Json* outputs = find(composite.content, "outputs");
  std::vector<std::pair<std::string_view, Json>> values;
  if (outputs != nullptr && outputs->IsObject()) {
    for (const auto& member : outputs->GetObject()) {
      const auto reference = member.value.IsString() ? sole_reference(text_of(member.value)) : std::string_view{};
      if (!reference.empty() && resolve(state(), reference) == nullptr) continue;  // the callee did not set it
      values.emplace_back(text_of(member.name), render_value(member.value, state(), Unresolved::kDrop));
    }
  }

  drop_composite();
  Writer target = writer();
  for (auto& [name, value] : values) {
    if (auto written = target.set(name, std::move(value)); !written) {
      target.take_back();
      return std::unexpected("outputs: " + written.error());
    }
  }
  return target.keep();
}

}  // namespace sluice::flow
