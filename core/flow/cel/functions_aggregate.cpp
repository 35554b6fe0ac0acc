// The aggregates of FLOW 5. They skip what they cannot use instead of failing: their lists come from people's answers.
#include <fmt/format.h>

#include <algorithm>

#include "core/flow/cel/functions.h"

namespace sluice::cel {
namespace {

// The numbers of a list, one after the other.
template <typename Visit>
void for_numbers(const Call& call, Visit visit) {
  for (std::size_t i = 0; i < call.args[0].size(); ++i) {
    call.work.charge(1);
    const Value item = call.args[0].item(i);
    if (item.is_number()) visit(item);
  }
}

// Ints stay int, uints uint; a mixture with a double is double, of int and uint int. nullopt: overflow.
std::optional<Value> added(const Value& left, const Value& right) {
  if (left.is(Kind::kDouble) || right.is(Kind::kDouble)) return Value::real(left.number() + right.number());
  if (left.is(Kind::kUint) && right.is(Kind::kUint)) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(left.as_uint(), right.as_uint(), &sum) ? std::nullopt
                                                                         : std::optional(Value::unsigned_integer(sum));
  }
  const auto wide = [](const Value& value) {
    return value.is(Kind::kInt) ? __int128{value.as_int()} : __int128{value.as_uint()};
  };
  std::int64_t sum = 0;
  return __builtin_add_overflow(wide(left), wide(right), &sum) ? std::nullopt : std::optional(Value::integer(sum));
}

Value sum(const Call& call) {
  if (!call.takes(Kind::kList)) return call.no_overload();
  std::optional<Value> total;
  bool overflow = false;
  for_numbers(call, [&](const Value& item) {
    if (overflow) return;
    const auto next = total ? added(*total, item) : std::optional(item);
    overflow = !next;
    if (next) total = next;
  });
  if (overflow) return call.error("integer overflow: sum()");
  return total ? *total : Value::integer(0);
}

Value average(const Call& call) {
  if (!call.takes(Kind::kList)) return call.no_overload();
  double total = 0;
  double count = 0;
  for_numbers(call, [&](const Value& item) { total += item.number(), ++count; });
  return Value::real(count == 0 ? 0.0 : total / count);
}

template <typename Better>
Value extreme(const Call& call, Better better) {
  if (!call.takes(Kind::kList)) return call.no_overload();
  Value best = Value::null();
  for_numbers(call, [&](const Value& item) {
    if (best.is(Kind::kNull) || better(*order(item, best))) best = item;
  });
  return best;
}
Value largest(const Call& call) {
  return extreme(call, [](auto order) { return order > 0; });
}
Value smallest(const Call& call) {
  return extreme(call, [](auto order) { return order < 0; });
}

Value count(const Call& call) {
  const Value& of = call.args[0];
  if (of.is(Kind::kNull)) return Value::integer(0);
  if (!of.is(Kind::kList) && !of.is(Kind::kMap)) return call.no_overload();
  return Value::integer(static_cast<std::int64_t>(of.size()));
}

// What two values of one key become; nullopt: overflow.
using Combine = std::optional<Value> (*)(const Value& before, const Value& next);

// One map of all the list's maps, keys in order of first appearance.
Value merged(const Call& call, Combine combine) {
  if (!call.takes(Kind::kList)) return call.no_overload();
  Growing<Entry> entries(call.work);
  for (std::size_t i = 0; i < call.args[0].size(); ++i) {
    const Value map = call.args[0].item(i);
    call.work.charge(1);
    if (!map.is(Kind::kMap)) continue;
    for (std::size_t j = 0; j < map.size(); ++j) {
      const Entry entry = map.entry(j);
      const auto known = std::ranges::find_if(
          entries.items(), [&](const Entry& other) { return equal(call.work, other.key, entry.key); });
      if (known == entries.items().end()) {
        entries.push(entry);
        continue;
      }
      const auto value = combine(known->value, entry.value);
      if (!value) return call.error(fmt::format("integer overflow: {}()", call.node.text));
      known->value = *value;
    }
  }
  const auto made = make_map(call.work, entries.items());
  return made ? *made : call.error(made.error());
}

// Where one of the two is no number the first is kept.
std::optional<Value> sum_of(const Value& before, const Value& next) {
  return before.is_number() && next.is_number() ? added(before, next) : before;
}
std::optional<Value> maximum_of(const Value& before, const Value& next) {
  return before.is_number() && next.is_number() && *order(next, before) > 0 ? next : before;
}
std::optional<Value> last_of(const Value& /*before*/, const Value& next) {
  return next;
}

Value merge_sum(const Call& call) {
  return merged(call, sum_of);
}
Value merge_max(const Call& call) {
  return merged(call, maximum_of);
}
Value merge_last(const Call& call) {
  return merged(call, last_of);
}

// One level; items that are no lists stay.
Value flatten(const Call& call) {
  if (!call.takes(Kind::kList)) return call.no_overload();
  Growing<Value> items(call.work);
  for (std::size_t i = 0; i < call.args[0].size(); ++i) {
    const Value item = call.args[0].item(i);
    call.work.charge(1);
    if (!item.is(Kind::kList)) {
      items.push(item);
      continue;
    }
    call.work.charge(item.size() / 8);
    for (std::size_t j = 0; j < item.size(); ++j) items.push(item.item(j));
  }
  return Value::list(items.items());
}

Value top_keys(const Call& call) {
  const bool has_count = call.args.size() == 2;
  if (has_count && !call.args[1].is(Kind::kInt)) return call.no_overload();
  const Value& map = call.args[0];
  if (!map.is(Kind::kMap)) return Value::list({});
  Growing<Entry> numeric(call.work);
  for (std::size_t i = 0; i < map.size(); ++i) {
    const Entry entry = map.entry(i);
    call.work.charge(8);  // and sorting's share
    if (entry.value.is_number() && entry.value.number() == entry.value.number())
      numeric.push(entry);  // NaN has no place in an order
  }
  const std::span<Entry> entries = numeric.items();
  const std::span<std::uint32_t> ranks = call.work.array<std::uint32_t>(entries.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = static_cast<std::uint32_t>(i);
  std::ranges::sort(ranks, [&](std::uint32_t left, std::uint32_t right) {
    const double difference = entries[left].value.number() - entries[right].value.number();
    return difference > 0 || (!(difference < 0) && left < right);
  });
  const std::int64_t wanted = has_count ? std::max<std::int64_t>(call.args[1].as_int(), 0) : 5;
  const std::size_t size = std::min(ranks.size(), static_cast<std::size_t>(wanted));
  const std::span<Value> keys = call.work.array<Value>(size);
  for (std::size_t i = 0; i < size; ++i) keys[i] = entries[ranks[i]].key;
  return Value::list(keys);
}

constexpr Function kFunctions[]{
    {"sum", Style::kGlobal, 1, 1, sum},
    {"avg", Style::kGlobal, 1, 1, average},
    {"max", Style::kGlobal, 1, 1, largest},
    {"min", Style::kGlobal, 1, 1, smallest},
    {"count", Style::kGlobal, 1, 1, count},
    {"merge", Style::kGlobal, 1, 1, merge_sum},
    {"merge_sum", Style::kGlobal, 1, 1, merge_sum},
    {"merge_max", Style::kGlobal, 1, 1, merge_max},
    {"merge_last", Style::kGlobal, 1, 1, merge_last},
    {"flatten", Style::kGlobal, 1, 1, flatten},
    {"collect", Style::kGlobal, 1, 1, flatten},
    {"top_keys", Style::kGlobal, 1, 2, top_keys},
};

}  // namespace

std::span<const Function> aggregate_functions() {
  return kFunctions;
}

}  // namespace sluice::cel
