#include "core/flow/cel/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace sluice::cel {

struct Pattern::Engine {
  re2::RE2 expression;
};

Pattern::Pattern(std::string_view text) {
  if (text.size() > kMaxPatternBytes) {
    error_ = fmt::format("pattern longer than {} bytes", kMaxPatternBytes);
    return;
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(std::int64_t{256} *
                      1024);  // of the compiled program: bounds what repetitions such as (a{99}){99} may cost
  engine_ = std::unique_ptr<Engine>(new Engine{re2::RE2(re2::StringPiece(text.data(), text.size()), options)});
  if (!engine_->expression.ok()) error_ = fmt::format("invalid pattern: {}", engine_->expression.error());
}

Pattern::~Pattern() = default;

std::uint64_t Pattern::cost(std::size_t text_bytes) const {
  return 1 + text_bytes * static_cast<std::uint64_t>(engine_->expression.ProgramSize()) / 64;
}

bool Pattern::found_in(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), engine_->expression);
}

}  // namespace sluice::cel
