// Any text as the place where a page of a list goes on, as a whole query and as the id that a stream of events was left
// at: a refusal that says why, or a statement whose cursor is text that the server takes.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "console/live.h"
#include "console/questions.h"
#include "core/base/time.h"

namespace {

using namespace sluice;

constexpr std::array<std::string_view, 7> kLists{"sessions", "tasks",  "deliveries", "endpoints",
                                                 "flows",    "events", "audit"};

void require(bool holds) {
  if (!holds) std::abort();
}

void expect_answer(const std::string& path, const http::Parameters& parameters) {
  const std::array words{path};
  const auto question = console::question_for(words, parameters);
  if (!question) {
    require(question.error().status == 400 && !question.error().message.empty() && !question.error().hint.empty());
    return;
  }
  require(!question->statement.empty() && question->params.size() > 0);
  const auto arrays = question->params.arrays();
  for (std::size_t i = 0; i < arrays.values.size(); ++i) {
    if (arrays.values[i] == nullptr) continue;
    const std::string_view value(arrays.values[i], static_cast<std::size_t>(arrays.lengths[i]));
    if (question->params.types()[i] == static_cast<unsigned>(pg::Type::kText))
      require(value.size() <= 255 && value.find('\0') == std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(console::event_id_in(text) >= 0);
  if (const auto time = parse_rfc3339(text)) require(parse_rfc3339(to_rfc3339(*time)) == time);

  const auto query = http::parse_query(text);
  const auto cursor = http::percent_decode(text);
  for (const std::string_view list : kLists) {
    const std::string path(list);
    if (query) expect_answer(path, *query);
    if (cursor && !cursor->empty()) expect_answer(path, {{"before", *cursor}});
  }
  return 0;
}
