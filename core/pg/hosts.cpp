#include "core/pg/hosts.h"

#include <fmt/ranges.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>

namespace sluice::pg {
namespace {

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t comma = 0; comma != std::string_view::npos; list.remove_prefix(comma + 1)) {
    comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) break;
  }
  return parts;
}

void add_rest(Keywords& keywords, const char* keyword, const std::vector<std::string>& values, std::size_t from) {
  if (values.empty()) return;
  keywords.emplace_back(keyword, fmt::format("{}", fmt::join(std::span(values).subspan(from), ",")));
}

}  // namespace

Hosts Hosts::of(PGconn* connection) {
  Hosts hosts;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(connection), &PQconninfoFree);
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host") hosts.names_ = split(option->val);
    if (keyword == "hostaddr") hosts.addresses_ = split(option->val);
    if (keyword == "port") hosts.ports_ = split(option->val);
  }
  const std::size_t count = std::max({hosts.names_.size(), hosts.addresses_.size(), std::size_t{1}});
  // One port, or none, is that of all hosts.
  hosts.ports_.resize(count, hosts.ports_.size() == 1 ? hosts.ports_.front() : std::string());
  return hosts;
}

std::optional<Keywords> Hosts::after(PGconn* connection) const {
  const std::string_view host = PQhost(connection);  // its address where no name is given
  const std::string_view port = PQport(connection);
  for (std::size_t i = 0; i + 1 < count(); ++i) {
    const std::string& name = names_.empty() || names_[i].empty() ? addresses_.at(i) : names_[i];
    if (name != host || (ports_[i] != port && !ports_[i].empty())) continue;
    Keywords rest;
    add_rest(rest, "host", names_, i + 1);
    add_rest(rest, "hostaddr", addresses_, i + 1);
    add_rest(rest, "port", ports_, i + 1);
    return rest;
  }
  return std::nullopt;
}

}  // namespace sluice::pg
