// Properties that hold for every flow and every talk with it (rapidcheck; a failure prints its seed).
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/flow/path.h"
#include "core/flow/secrets.h"
#include "core/flow/template.h"
#include "tests/unit/flow/flow_fixture.h"

namespace sluice::flow {
namespace {

std::string name_of(int node) {
  return "n" + std::to_string(node);
}

// A random graph of every node type, with edges of every label between any of them.
Json arbitrary_flow() {
  const int count = *rc::gen::inRange(1, 8);
  FlowText flow;
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"message", "{'text':'{{variables.v}} {{user.name}}'}"},
      {"question", "{'question':'?','variable':'v'}"},
      {"question", "{'question':'?','input_type':'number','variable':'v','max_attempts':2}"},
      {"condition", "{'conditions':[{'if':{'var':'v','eq':'1'},'then':'n0'}]}"},
      {"action",
       "{'actions':[{'type':'increment','variable':'n'},{'type':'append','variable':'l','value':'{{variables.v}}'}]}"},
      {"webhook",
       "{'url':'https://x.example/{{variables.v}}','headers':{'A':'{{secret:k}}','B':'{{variables.v}} {{user.name}}'},"
       "'body':{'v':'{{variables.v}}','n':'{{user.name}}'},'response_mapping':{'v':'$.v'}}"},
      {"composite",
       "{'entry_node_id':'i','nodes':[{'node_id':'i','node_type':'question','content':{'question':'in?','variable':'"
       "output.x'}}],'outputs':{'v':'{{output.x}}'}}"},
      {"script", "{'outputs':['v']}"}};
  for (int i = 0; i < count; ++i) {
    const auto& kind = *rc::gen::elementOf(kinds);
    flow.node(name_of(i), kind.first, kind.second);
  }
  const int edges = *rc::gen::inRange(0, 14);
  for (int i = 0; i < edges; ++i) {
    const auto label = *rc::gen::elementOf(std::vector<std::string>{"default", "success", "failure", "timeout", "$0"});
    flow.edge(name_of(*rc::gen::inRange(0, count)), name_of(*rc::gen::inRange(0, count)), label);
  }
  if (*rc::gen::arbitrary<bool>()) flow.with("'settings':{'max_steps':30,'max_turns':6,'fallback_node':'n0'}");
  return flow.document();
}

std::string everything(const Step& step) {
  std::string out = to_text(step.session.state) + to_text(step.session.stack) + to_text(step.session.wait) +
                    to_text(step.session.info);
  for (const auto& message : step.messages) out += to_text(message.content);
  for (const auto& row : step.history) out += row.node_id + row.interaction_type + to_text(row.content);
  for (const auto& node : step.path) out += node;
  if (step.task) out += step.task->key;
  return out + step.error;
}

// A whole talk as text, with the properties of each step checked on the way.
std::string talk_through(const Json& document, const std::vector<std::string>& inputs) {
  Talk talk(flow_set(document), j("{'user':{'name':'{{secret:k}} {{user.name}}'}}"));
  talk.answers(200, "{\"v\":\"{{secret:k}}\"}");
  std::string out;
  int revision = 1;
  const auto check = [&] {
    for (const Step& step : talk.steps) {
      RC_ASSERT(step.session.revision == ++revision);
      RC_ASSERT(step.path.size() <= 2 * 200U);
      const bool waits = !step.session.wait.IsNull();
      RC_ASSERT(waits == (step.session.status == Status::kActive));
      RC_ASSERT(step.task.has_value() == (string_member(step.session.wait, "for") == "task"));
      RC_ASSERT(step.session.stack.Size() <= 16U);
      const std::string text = everything(step);
      RC_ASSERT(text.find("\xEF\xB7\x90") == std::string::npos);
      out += text;
    }
  };
  talk.start();
  check();
  for (std::size_t i = 0; i < std::min<std::size_t>(inputs.size(), 12); ++i) {
    const auto& input = inputs[i];
    if (!talk.conversation().waits_for_input()) break;
    talk.say(input);
    check();
  }
  for (HttpCall call : talk.calls) {
    RC_ASSERT(put_secrets(call, [](std::string_view) { return std::optional<std::string>("S3CRET"); }).has_value());
    RC_ASSERT((call.url + call.body).find("S3CRET") == std::string::npos);
    for (const auto& [name, value] : call.headers)
      RC_ASSERT((value.find("S3CRET") == std::string::npos) == (name != "A"));
  }
  RC_ASSERT(out.find("S3CRET") == std::string::npos);
  return out;
}

RC_GTEST_PROP(EngineProperty, StepsStayWithinLimitsAndAreDeterministic, ()) {
  const Json document = arbitrary_flow();
  const auto inputs = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "'1'", "{'value':2}", "{'payload':'$0'}", "'{{secret:k}}'", "''", "null", "{'value':{'v':[1]}}", "[1,2]"));
  RC_ASSERT(talk_through(document, inputs) == talk_through(document, inputs));
}

// An expression with what it costs at least, when nothing in it fails: steps that any way of evaluating it takes, and
// bytes that it makes.
struct Costed {
  std::string text;
  std::uint64_t steps = 0;
  std::size_t bytes = 0;
};

// A random one of things that grow: texts and lists that are joined, doubled, mapped and nested. `l` has 10 items, `s`
// 32 letters, 16 of them an a.
Costed arbitrary_expression(int depth) {
  constexpr std::size_t kItem = 8;  // bytes that an item of a list takes at least
  if (depth == 0) {
    return {.text = *rc::gen::element<std::string>("'abcdefgh'", "[1, 2, 3]", "l", "s", "7", "size(l)", "l.map(x, s)")};
  }
  const Costed left = arbitrary_expression(depth - 1);
  switch (*rc::gen::inRange(0, 7)) {
    case 0: {
      const Costed right = arbitrary_expression(depth - 1);
      return {"(" + left.text + " + " + right.text + ")", left.steps + right.steps + 1, left.bytes + right.bytes};
    }
    case 1:
      return {"l.map(x, " + left.text + ")", 10 * left.steps + 1, 10 * (left.bytes + kItem)};
    case 2:
      return {"l.map(x, l.map(y, " + left.text + "))", 100 * left.steps + 11, 100 * (left.bytes + kItem)};
    case 3: {
      const Costed right = arbitrary_expression(depth - 1);
      return {"[" + left.text + ", " + right.text + "]", left.steps + right.steps,
              left.bytes + right.bytes + 2 * kItem};
    }
    case 4:  // what fails on the left is absorbed
      return {"(" + left.text + " == 1 || true)"};
    case 5:
      return {"s.replace('a', s)", 1, 16 + 16 * 32};
    default:
      return {"{'k': " + left.text + "}", left.steps, left.bytes + kItem};
  }
}

// A larger budget never changes a result.
RC_GTEST_PROP(CelProperty, NoExpressionExceedsItsCost, ()) {
  const Costed expression = arbitrary_expression(*rc::gen::inRange(1, 6));
  const Json context = j("{'l':[1,2,3,4,5,6,7,8,9,10],'s':'abababababababababababababababab'}");
  const auto program = cel::compile(expression.text);
  RC_PRE(program.has_value());
  const cel::Limits small{.steps = *rc::gen::element<std::uint64_t>(5, 50, 500, 5'000),
                          .memory = *rc::gen::element<std::size_t>(100, 1'000, 10'000, 100'000)};
  const auto within = cel::evaluate(*program, context, small);
  const auto generous = cel::evaluate(*program, context, {.steps = small.steps * 10, .memory = small.memory * 10});
  if (within) {
    RC_ASSERT(expression.steps <= small.steps);
    RC_ASSERT(expression.bytes <= small.memory);
    RC_ASSERT(generous.has_value());
    RC_ASSERT(to_text(*generous) == to_text(*within));
  } else if (generous) {
    RC_ASSERT(within.error().message.find("more than") != std::string::npos);
  }
}

RC_GTEST_PROP(UndoProperty, RollingBackRestoresTheState, ()) {
  Json state = j("{'a':{'b':[1,{'c':2},null]},'n':null,'s':'text'}");
  const std::string before = to_text(state);
  Undo undo;
  const auto paths = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a.b.0", "a.b[1].c", "a.b.2.x", "a.b.3", "a.x.y.z", "n.q", "n", "s.t", "s", "a", "new.deep", "a.b"));
  for (const auto& path : paths) {
    if (*rc::gen::arbitrary<bool>()) {
      (void)undo.assign(state, path, Json(*rc::gen::inRange(0, 100)));
    } else {
      undo.erase(state, path);
    }
  }
  undo.roll_back(state);
  RC_ASSERT(equal(state, json(before)));
}

RC_GTEST_PROP(TemplateProperty, ATextWithoutBracesIsItself, (const std::string& text)) {
  RC_PRE(text.find('{') == std::string::npos);
  RC_ASSERT(render(text, make_object(), Unresolved::kDrop) == text);
}

RC_GTEST_PROP(TemplateProperty, ValuesAreNeverExpandedAgain, ()) {
  const auto value = *rc::gen::element<std::string>("{{user.b}}", "{{secret:k}}", "}}{{user.b", "{{", "}}");
  Json state = j("{'user':{'b':'B'}}");
  set(*find(state, "user"), "a", value);
  RC_ASSERT(render("<{{user.a}}>", state, Unresolved::kDrop) == "<" + value + ">");
}

}  // namespace
}  // namespace sluice::flow
