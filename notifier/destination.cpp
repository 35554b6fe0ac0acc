#include "notifier/destination.h"

#include "core/base/errors.h"
#include "core/base/json.h"

namespace sluice::notifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string columns_of(const pg::Row& row) {
  std::string text;
  for (int column = EndpointColumns::kFirst; column < EndpointColumns::kEnd; ++column) {
    const auto value = row.get<std::optional<std::string_view>>(column);
    text += value ? "=" : "~";
    if (value) text += *value;
    text += '\0';
  }
  return text;
}

std::string opened(const Json& secret, const Uuid& endpoint, const WebhookKeys& keys) {
  const std::string_view text = string_member(secret, "secret");
  if (!text.empty()) return std::string(text);
  const auto ciphertext = hex_decode(string_member(secret, "ciphertext"));
  return keys.unseal(string_member(secret, "key_id"), ciphertext.value_or(""), endpoint, string_member(secret, "kind"));
}

// [{"kind", "secret", "key_id", "ciphertext"}], the newest first.
void read_secrets(Destination& destination, std::string_view json, const Uuid& endpoint, const WebhookKeys& keys) {
  const auto secrets = parse_json(json);
  if (!secrets || !secrets->IsArray()) throw Error("its secrets are not a list");
  for (const Json& secret : secrets->GetArray()) {
    const std::string_view kind = string_member(secret, "kind");
    const std::string text = opened(secret, endpoint, keys);
    if (kind != "legacy") destination.secrets.push_back(SigningSecret::parse(text));
    // An Ed25519 key's text is nothing that the receiver has.
    if (kind != "ed25519" && !destination.legacy_secret) destination.legacy_secret.emplace(text);
  }
  if (destination.secrets.empty() && !destination.legacy_secret) throw Error("it has no valid secret");
}

}  // namespace

std::vector<http::Header> headers_from(std::string_view json) {
  std::vector<http::Header> list;
  const auto headers = parse_json(json);
  if (!headers || !headers->IsObject()) throw Error("its headers are not an object");
  for (const auto& member : headers->GetObject()) {
    if (!member.value.IsString()) throw Error("header " + std::string(text_of(member.name)) + " is no text");
    list.push_back({std::string(text_of(member.name)), std::string(text_of(member.value))});
  }
  return list;
}

Destination destination_from(const Uuid& endpoint, const pg::Row& row, const WebhookKeys& keys) {
  using Columns = EndpointColumns;
  Destination destination;
  destination.url = row.get<std::string>(Columns::kUrl);
  destination.client_certificate = row.get<std::optional<std::string>>(Columns::kClientCertificate).value_or("");
  destination.timeout = seconds(row.get<std::int32_t>(Columns::kTimeoutSeconds));
  destination.max_age = milliseconds(row.get<std::int64_t>(Columns::kMaxAgeMs));
  destination.rate_limit = row.get<std::optional<double>>(Columns::kRateLimit);
  destination.max_in_flight = row.get<std::int32_t>(Columns::kMaxInFlight);
  try {
    destination.schedule = RetrySchedule::parse(row.text(Columns::kRetrySchedule));
    destination.headers = headers_from(row.text(Columns::kHeaders));
    read_secrets(destination, row.get<std::optional<std::string_view>>(Columns::kSecrets).value_or("[]"), endpoint,
                 keys);
  } catch (const Error& error) {
    destination.fault = error.what();
  }
  return destination;
}

std::shared_ptr<const Destination> Destinations::of(const Uuid& endpoint, const pg::Row& row) {
  Known& known = known_[endpoint];
  std::string columns = columns_of(row);
  if (known.destination == nullptr || known.columns != columns || !known.destination->fault.empty()) {
    known.destination = std::make_shared<const Destination>(destination_from(endpoint, row, keys_));
    known.columns = std::move(columns);
  }
  return known.destination;
}

}  // namespace sluice::notifier
