// A transaction block around a coroutine.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>

#include "core/pg/connection.h"

namespace sluice::pg {

// begin, `body()`, commit; rolls back and throws on what body throws. `body` is a callable that returns a Task; it is
// kept in the frame, so its captures live as long as they are needed. `begin` may be "begin isolation level repeatable
// read" and the like.
template <typename Body>
auto in_transaction(Connection& connection, Body body, Deadline deadline = kNoDeadline,
                    std::string_view begin = "begin") -> std::invoke_result_t<Body> {
  using Value = decltype(std::declval<std::invoke_result_t<Body>>().operator co_await().await_resume());
  std::exception_ptr failure;
  (void)co_await connection.query(begin, {}, deadline);
  if constexpr (std::is_void_v<Value>) {
    try {
      co_await body();
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) {
      (void)co_await connection.query("commit", {}, deadline);
      co_return;
    }
  } else {
    std::optional<Value> value;
    try {
      Value result = co_await body();
      value.emplace(std::move(result));
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) {
      (void)co_await connection.query("commit", {}, deadline);
      co_return std::move(*value);
    }
  }
  if (!connection.broken()) {
    try {
      (void)co_await connection.query("rollback", {}, deadline);
    } catch (const PgError&) {  // NOLINT(bugprone-empty-catch): lost between the two; what the body threw says more
    }
  }
  std::rethrow_exception(failure);
}

}  // namespace sluice::pg
