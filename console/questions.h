// From a path and its parameters to the statement that answers it.
#pragma once

#include <expected>
#include <span>
#include <string_view>
#include <vector>

#include "console/answer.h"
#include "core/http/decode.h"
#include "core/pg/params.h"

namespace sluice::console {

// A statement of sql/queries/console whose one row has one column: the answer as JSON, or null when there is no such
// thing.
struct Question {
  std::string_view statement;
  pg::Params params;
};

// `words` are the path's parts after /api, decoded: {"tasks", "12"}. Refused with 404 when nothing is there, with 400
// when a parameter is unknown, too long, or no value of its type.
[[nodiscard]] std::expected<Question, Refusal> question_for(std::span<const std::string> words,
                                                            const http::Parameters& parameters);

// Every list without filters and with each of them, and one of each kind that there is not.
[[nodiscard]] std::vector<Question> first_questions();

// The id in a path as a number of a task or delivery, or as the id of an endpoint or session.
[[nodiscard]] std::expected<std::int64_t, Refusal> number_in(std::string_view word);
[[nodiscard]] std::expected<Uuid, Refusal> id_in(std::string_view word);

}  // namespace sluice::console
