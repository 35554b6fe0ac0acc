#include "core/flow/template.h"

#include "core/flow/path.h"
#include "core/flow/secrets.h"
#include "core/flow/url_text.h"

namespace sluice::flow {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Text as it prints: strings bare, everything else as compact JSON.
std::string printed(const Json& value) {
  return value.IsString() ? std::string(text_of(value)) : to_text(value);
}

// Copies `text`, giving each reference (trimmed inside, and as written) to `replace`, which appends what stands for it.
template <typename Replace>
std::string replaced(std::string_view text, const Replace& replace) {
  std::string out;
  out.reserve(text.size() + 32);
  std::size_t done = 0;
  while (true) {
    const auto close = text.find("}}", done);
    if (close == std::string_view::npos) break;
    const auto before =
        text.substr(done, close - done);  // only what is new is searched, so a text of braces stays linear
    const auto open = before.rfind("{{");
    if (open == std::string_view::npos) {
      out.append(text.substr(done, close + 2 - done));
    } else {
      out.append(before.substr(0, open));
      replace(out, trimmed(before.substr(open + 2)), text.substr(done + open, close + 2 - done - open));
    }
    done = close + 2;
  }
  out.append(text.substr(done));
  return out;
}

// A copy of a JSON value in which `text` stands in for every string that is not a key.
template <typename Text>
Json walked(const Json& value, const Text& text) {
  if (value.IsString()) return text(value);
  if (value.IsArray()) {
    Json list = make_array();
    list.Reserve(value.Size(), json_allocator());
    for (const auto& item : value.GetArray()) push(list, walked(item, text));
    return list;
  }
  if (value.IsObject()) {
    Json object = make_object();
    for (const auto& member : value.GetObject()) {
      object.AddMember(clone(member.name), walked(member.value, text), json_allocator());
    }
    return object;
  }
  return clone(value);
}

std::string url_with(std::string_view text, const Json& state, bool secrets) {
  if (!has_reference(text)) return std::string(text);
  return replaced(text, [&](std::string& out, std::string_view reference, std::string_view /*written*/) {
    if (const auto key = secret_key(reference); !key.empty()) {
      if (secrets) out.append(secret_mark(key));
    } else if (const Json* value = resolve(state, reference); value != nullptr && !value->IsNull()) {
      const std::string plain = without_marks(printed(*value));
      out.append(inside_url_path(out) ? percent_encoded(plain) : plain);
    }
  });
}

}  // namespace

std::string_view sole_reference(std::string_view text) {
  if (text.size() < 4 || !text.starts_with("{{") || !text.ends_with("}}")) return {};
  const auto inside = text.substr(2, text.size() - 4);
  return inside.find_first_of("{}") == std::string_view::npos ? trimmed(inside) : std::string_view{};
}

std::string render(std::string_view text, const Json& state, Unresolved unresolved) {
  if (!has_reference(text)) return std::string(text);
  return replaced(text, [&](std::string& out, std::string_view reference, std::string_view written) {
    const Json* value = resolve(state, reference);
    if (value != nullptr && !value->IsNull()) {
      out.append(printed(*value));
    } else if (unresolved == Unresolved::kKeep) {
      out.append(written);
    }
  });
}

std::string render_url(std::string_view text, const Json& state) {
  return url_with(text, state, true);
}
std::string render_shown_url(std::string_view text, const Json& state) {
  return url_with(text, state, false);
}

Json render_value(const Json& value, const Json& state, Unresolved unresolved) {
  return walked(value, [&](const Json& string) {
    const auto text = text_of(string);
    if (!has_reference(text)) return clone(string);
    if (const auto reference = sole_reference(text); !reference.empty()) {
      const Json* found = resolve(state, reference);
      if (found != nullptr) return clone(*found);
      return unresolved == Unresolved::kKeep ? clone(string) : Json();
    }
    return make_string(render(text, state, unresolved));
  });
}

std::string render_outgoing(std::string_view text, const Json& state) {
  if (!has_reference(text)) return std::string(text);
  return replaced(text, [&](std::string& out, std::string_view reference, std::string_view /*written*/) {
    if (const auto key = secret_key(reference); !key.empty()) {
      out.append(secret_mark(key));
    } else if (const Json* value = resolve(state, reference); value != nullptr && !value->IsNull()) {
      out.append(without_marks(printed(*value)));
    }
  });
}

Json outgoing_copy(const Json& value) {
  if (value.IsString()) return make_string(without_marks(text_of(value)));
  Json copy(value.GetType());
  if (value.IsArray()) {
    for (const auto& item : value.GetArray()) push(copy, outgoing_copy(item));
  } else if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      copy.AddMember(make_string(without_marks(text_of(member.name))), outgoing_copy(member.value), json_allocator());
    }
  } else {
    return clone(value);
  }
  return copy;
}

Json render_outgoing_value(const Json& value, const Json& state) {
  return walked(value, [&](const Json& string) {
    const auto text = text_of(string);
    if (!has_reference(text)) return make_string(without_marks(text));
    if (const auto reference = sole_reference(text); !reference.empty() && secret_key(reference).empty()) {
      const Json* found = resolve(state, reference);
      return found != nullptr ? outgoing_copy(*found) : clone(string);
    }
    return make_string(render_outgoing(text, state));
  });
}

}  // namespace sluice::flow
