#include "core/flow/writer.h"

#include <fmt/format.h>

#include "core/flow/mapping.h"
#include "core/flow/session.h"

namespace sluice::flow {

const Json* Writer::value(std::string_view name) const {
  return resolve(*state_, scoped(name));
}

std::expected<void, std::string> Writer::set(std::string_view name, Json value) {
  auto path = writable(name);
  if (!path) return std::unexpected(path.error());
  auto typed = as_declared(*declarations_, *path, std::move(value));
  if (!typed) return std::unexpected(typed.error());
  return undo_.assign(*state_, *path, storable(std::move(*typed)));
}

std::expected<void, std::string> Writer::remove(std::string_view name) {
  auto path = writable(name);
  if (!path) return std::unexpected(path.error());
  undo_.erase(*state_, *path);
  return {};
}

std::expected<void, std::string> Writer::keep() {
  auto fits = check_size(*state_);
  if (fits) {
    undo_.forget();
  } else {
    undo_.roll_back(*state_);
  }
  return fits;
}

std::expected<std::string, std::string> Writer::writable(std::string_view name) const {
  if (name.empty()) return std::unexpected("the variable has no name");
  std::string path = scoped(name);
  const auto end = path.find_first_of(".[");
  const std::string_view scope = std::string_view(path).substr(0, end);
  if (end == std::string::npos) return std::unexpected(fmt::format("\"{}\" is a scope; name a member of it", name));
  if (scope == "session" || scope == "input")
    return std::unexpected(fmt::format("cannot set {}: {} is read-only", path, scope));
  if (isolated_ && (scope == "user" || scope == "context")) {
    return std::unexpected(fmt::format("cannot set {}: {} is read-only in a composite", path, scope));
  }
  return path;
}

}  // namespace sluice::flow
