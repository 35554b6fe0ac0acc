#include "core/flow/validate/rules.h"

namespace sluice::flow {

const std::vector<Rule>& built_in_rules() {
  constexpr Severity kError = Severity::kError;
  constexpr Severity kWarning = Severity::kWarning;
  constexpr Severity kInfo = Severity::kInfo;
  static const std::vector<Rule> kRules{
      {"missing-entry", kError, "graph", R"(it.entry == "")", "the flow has no entry node",
       "set entry_node_id to the node where it starts"},
      {"unknown-entry", kError, "graph", R"(it.entry != "" && !it.entry_exists)", "the entry node '{entry}' is unknown",
       "set entry_node_id to an existing node"},

      {"missing-node-id", kError, "node", R"(it.id == "")", "a node has no node_id",
       "give it one that no other node has"},
      {"duplicate-node-id", kError, "node", "it.copies > 1", "{copies} nodes have the id '{id}'", "rename all but one"},
      {"unknown-node-type", kError, "node", "!it.known_type", "node '{id}' has the unknown type '{type}'",
       "use message, question, condition, action, webhook, composite or script"},
      {"unreachable-node", kWarning, "node", "!it.reachable", "no way leads to node '{id}'", "connect it or remove it"},
      {"missing-failure-edge", kWarning, "node", R"(it.calls && !it.fallback && !("failure" in it.labels))",
       "node '{id}' makes a request and has no failure edge",
       "connect what follows a failure, or set settings.fallback_node"},
      {"missing-timeout-edge", kWarning, "node", R"(it.type == "question" && it.timeout && !("timeout" in it.labels))",
       "question '{id}' has a timeout and no timeout edge", "connect what follows when nobody answers"},

      {"dangling-edge", kError, "connection", "!it.source_exists || !it.target_exists",
       "the {label} edge from '{source}' to '{target}' has an end that does not exist",
       "add the node or remove the edge"},
      {"unknown-label", kError, "connection", "!it.known_label",
       "an edge of '{source}' has the unknown label '{label}'", "use default, success, failure, timeout or $N"},
      {"ambiguous-edge", kError, "connection", "it.ambiguous",
       "'{source}' has several {label} edges without conditions: one of them is never taken",
       "give them conditions, or other labels"},
      {"cycle-without-wait", kError, "cycle", "true", "nodes {nodes} form a cycle in which nothing waits",
       "put a question into the cycle, or break it"},

      {"missing-content", kError, "message", "!it.present", "the message says nothing",
       "give messages, text or content_id"},
      {"empty-message", kWarning, "message", "it.present && (it.texts == 0 || it.empty > 0)",
       "the message has an empty text", "write something or remove it"},

      {"missing-content", kError, "question", "!it.present", "the question asks nothing",
       "give question, text or content_id"},
      {"silent-question", kInfo, "question", R"(it.present && it.text == "")",
       "the question has no text: it only listens", "say before it what is expected"},
      {"unknown-input-type", kError, "question", "!it.known_type", "the input type '{input_type}' is unknown",
       "use text, choice, image_choice, buttons, multi_choice, number, email, phone, url, date or file"},
      {"number-of-choices", kWarning, "question",
       R"(it.input_type in ["choice", "image_choice", "buttons", "multi_choice"] && !it.dynamic && (it.choices < 2 || it.choices > 10))",
       "the question offers {choices} choices", "offer 2 to 10"},

      {"missing-content", kError, "condition", "it.entries < 0", "the condition decides nothing",
       "give conditions, a list"},
      {"dangling-edge", kError, "branch", "!it.known_target",
       "the condition goes to '{target}', which is neither a label nor a node",
       "name an edge label or a node of this flow"},
      {"always-true-condition", kWarning, "branch", R"(it.constant == "true" && !it.last)",
       "the condition is always true: those below it are never asked",
       "move it to the end, or make it depend on something"},
      {"unreachable-condition", kWarning, "branch", R"(it.shadowed || it.repeated || it.constant == "false")",
       "the condition is never taken", "remove it, or correct it or those above it"},
      {"bad-expression", kError, "expression", R"(it.problem != "")", "{problem}",
       "correct the expression; as it is, it is false"},

      {"missing-content", kError, "action", "!it.listed", "the action node has no actions", "give actions, a list"},
      {"unknown-action", kError, "action", "it.listed && !it.known_type", "the action '{type}' is unknown",
       "use set_variable, increment, decrement, append, remove, clear, delete_variable, calculate, aggregate or "
       "api_call"},
      {"unsafe-variable-name", kError, "variable", R"(!it.name.matches("^[a-zA-Z_][a-zA-Z0-9_.]*$"))",
       "'{name}' is no safe name for a variable", "use letters, digits, _ and dots, and do not begin with a digit"},

      {"missing-content", kError, "request", R"(it.url == "")", "the request has no url", "give url"},
      {"credentials-in-url", kError, "request", "it.userinfo", "the url carries credentials",
       "put them into a header as {{secret:name}}"},
      {"bad-url", kError, "request", R"(it.url != "" && !it.absolute)", "'{url}' is not an absolute http or https URL",
       "give an absolute http or https URL"},
      {"not-https", kError, "request", R"(it.scheme == "http" && options.require_https)",
       "the request is not encrypted", "use https"},
      {"not-https", kWarning, "request", R"(it.scheme == "http" && !options.require_https)",
       "the request is not encrypted", "use https"},
      {"private-host", kWarning, "request",
       R"re(it.host.matches("^(localhost|.*\\.(local|localhost|internal)|0|(0|10|127)\\..*|169\\.254\\..*|172\\.(1[6-9]|2[0-9]|3[01])\\..*|192\\.168\\..*|\\[::1?\\]|\\[f[cde].*\\])$"))re",
       "'{host}' is not public", "it is refused unless the operator allows that network"},
      {"timeout-out-of-range", kError, "request",
       "it.timeout != null && !(type(it.timeout) in [int, uint, double] && it.timeout >= 1 && it.timeout <= 300)",
       "the timeout is {timeout}", "give 1 to 300 seconds"},
      {"long-timeout", kWarning, "request",
       "type(it.timeout) in [int, uint, double] && it.timeout > 120 && it.timeout <= 300",
       "the request waits up to {timeout} s", "give 1 to 120 seconds"},
      {"missing-auth-header", kInfo, "request", "!it.authorized", "the request carries no authorization",
       "add a header such as \"Authorization\": \"Bearer {{secret:name}}\" if the service wants one"},

      {"unknown-scope", kWarning, "reference", "!it.known_scope", "'{text}' does not begin with a scope",
       "scopes are user, variables, context, temp, session, input, output, local and secret:key"},
      {"unknown-secret", kWarning, "reference", "!it.known_secret", "secret '{secret}' is not known here",
       "provide it to the workers"},

      {"missing-content", kError, "composite", "!it.present", "the composite calls nothing",
       "give flow (a name or id) or nodes"},
      {"unknown-subflow", kError, "subflow", "!it.known", "the composite calls '{name}', which is no published flow",
       "publish that flow first, or correct the name"},
      {"unknown-fallback", kError, "setting", R"(it.key == "fallback_node" && !it.exists)",
       "the fallback node '{value}' does not exist", "name a node of this flow"},
      {"bad-setting", kError, "setting",
       R"(it.key in ["session_timeout", "max_steps", "max_turns"] && !(type(it.value) in [int, uint, double] && it.value > 0 && it.value <= 1000000000))",
       "setting {key} is {value}", "give a number greater than 0"},
  };
  return kRules;
}

}  // namespace sluice::flow
