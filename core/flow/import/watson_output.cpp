// What a dialog node says and remembers.
#include "core/flow/import/watson_output.h"

#include <fmt/format.h>

#include "core/flow/import/cel_text.h"

namespace sluice::flow::importing {
namespace {

class Output {
 public:
  Output(WatsonLanguage& language, const std::string& path, Json& actions, WatsonSpeech& speech)
      : language_(language), path_(path), actions_(actions), speech_(speech) {}

  void read(const Json& output) {
    if (const Json* text = find(output, "text")) read_text(*text);
    const Json* generic = find(output, "generic");
    if (generic == nullptr || !generic->IsArray()) return;
    for (const Json& item : generic->GetArray()) read_generic(item);
  }

 private:
  void say(std::string_view text) {
    if (stripped(text).empty()) return;
    push(speech_.messages, object_of({{"type", "text"}, {"text", language_.text(text, path_, actions_)}}));
  }

  static std::string_view value_text(const Json& value) {
    return value.IsString() ? text_of(value) : string_member(value, "text");
  }

  // A string, or {values, selection_policy}. One visit says one of the values, except when they are lines.
  void read_text(const Json& text) {
    if (text.IsString()) {
      say(text_of(text));
      return;
    }
    const Json* values = find(text, "values");
    if (values == nullptr || !values->IsArray()) return;
    const std::string_view policy = string_member(text, "selection_policy", "sequential");
    const bool lines = policy == "multiline";
    for (const Json& value : values->GetArray()) {
      say(value_text(value));
      if (!lines) break;
    }
    if (!lines && values->Size() > 1) {
      language_.note(path_, Severity::kWarning,
                     fmt::format("{} variations of the text ({}): the first is always said", values->Size(), policy));
    }
  }

  void read_generic(const Json& item) {
    const std::string_view type = string_member(item, "response_type");
    if (type == "text") {
      if (find(item, "values") != nullptr) {
        read_text(item);
      } else {
        say(string_member(item, "text"));
      }
    } else if (type == "option" || type == "suggestion") {
      read_options(item);
    } else if (type == "pause") {
      Json message = object_of({{"type", "wait"}});
      if (const Json* time = find(item, "time"); time != nullptr && time->IsNumber())
        set(message, "seconds", Json(time->GetDouble() / 1000));
      push(speech_.messages, std::move(message));
    } else if (type == "image" || type == "video" || type == "audio" || type == "iframe") {
      Json message =
          object_of({{"type", type}, {"url", language_.text(string_member(item, "source"), path_, actions_)}});
      for (const std::string_view key : {"title", "description"}) {
        if (!string_member(item, key).empty())
          set(message, key, language_.text(string_member(item, key), path_, actions_));
      }
      push(speech_.messages, std::move(message));
    } else {
      language_.note(path_, Severity::kError,
                     fmt::format("a response of type '{}' has no counterpart here and is left out", type));
    }
  }

  // The options are shown; whichever way the user answers, the text is what is understood, as in Watson.
  void read_options(const Json& item) {
    const std::string_view title = string_member(item, "title");
    Json options = make_array();
    const Json* list = find(item, "options");
    if (list != nullptr && list->IsArray()) {
      for (const Json& option : list->GetArray()) {
        const Json* value = find(option, "value");
        const Json* input = value == nullptr ? nullptr : find(*value, "input");
        const std::string_view text = input == nullptr ? string_member(option, "label") : string_member(*input, "text");
        push(options,
             object_of({{"label", string_member(option, "label")}, {"value", language_.text(text, path_, actions_)}}));
      }
    }
    Json message = object_of({{"type", "options"}});
    set(message, "options", std::move(options));
    push(speech_.messages, std::move(message));
    say(title);
  }

  WatsonLanguage& language_;
  const std::string& path_;
  Json& actions_;
  WatsonSpeech& speech_;
};

// A context value: a literal, a text with references, or a single expression whose value keeps its type.
Json assignment(std::string_view name, const Json& value, WatsonLanguage& language, const std::string& path,
                Json& actions) {
  const std::string variable = "variables." + std::string(name);
  Json action = object_of({{"type", "set_variable"}, {"variable", variable}});
  if (!value.IsString()) {
    set(action, "value", clone(value));
    return action;
  }
  const std::string_view text = stripped(text_of(value));
  const bool enclosed = text.starts_with("<?") && text.find("?>") == text.size() - 2;
  const bool entity = text.starts_with('@') && text.find(' ') == std::string_view::npos;
  if (enclosed || entity) {
    if (auto cel = language.value(enclosed ? text.substr(2, text.size() - 4) : text, path)) {
      return object_of({{"type", "calculate"}, {"variable", variable}, {"expression", *cel}});
    }
    language.note(path, Severity::kError,
                  fmt::format("'{}' could not be translated: {} is set to the text", text, variable));
    set(action, "value", text);
    return action;
  }
  set(action, "value", language.text(text_of(value), path, actions));
  return action;
}

}  // namespace

WatsonSpeech read_output(const Json& node, WatsonLanguage& language, const std::string& path) {
  WatsonSpeech speech;
  if (const Json* context = find(node, "context"); context != nullptr && context->IsObject()) {
    for (const auto& member : context->GetObject()) {
      const std::string_view name = text_of(member.name);
      if (!safe_variable(name)) {
        language.note(path, Severity::kError, fmt::format("'{}' cannot name a variable here: it is not set", name));
        continue;
      }
      Json action = assignment(name, member.value, language, path, speech.actions);
      push(speech.actions, std::move(action));
    }
  }
  if (const Json* output = find(node, "output")) Output(language, path, speech.actions, speech).read(*output);
  const Json* actions = find(node, "actions");
  if (actions != nullptr && actions->IsArray() && !actions->Empty()) {
    language.note(path, Severity::kError,
                  "the node's actions (cloud functions, webhooks) are not carried over: add a webhook node");
  }
  return speech;
}

}  // namespace sluice::flow::importing
