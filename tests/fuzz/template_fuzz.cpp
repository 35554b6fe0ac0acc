// Any text as a template against a state that holds it too: nothing may crash, and no secret's mark may come from a
// value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/flow/secrets.h"
#include "core/flow/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Json state = make_object();
  Json& user = set(state, "user", make_object());
  set(user, "a", text);
  (void)flow::render(text, state, flow::Unresolved::kKeep);
  (void)flow::render(text, state, flow::Unresolved::kDrop);
  (void)flow::render_value(make_string(text), state);
  (void)flow::render_url(text, state);
  flow::HttpCall call;
  call.body = flow::render_outgoing("{{user.a}} {{{user.a}}", state);
  call.url = flow::render_url("https://x.example/{{user.a}}", state);
  if (!flow::secret_keys(call).empty()) std::abort();
  return 0;
}
