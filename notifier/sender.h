// Sends deliveries through the guarded client.
#pragma once

#include "core/http/client.h"
#include "core/service/secrets.h"
#include "notifier/delivery.h"

namespace sluice::notifier {

class Sender {
 public:
  Sender(http::Client& client, const Secrets& secrets) : client_(client), secrets_(secrets) {}

  // One attempt, signed now. Never throws for what a delivery holds: what we cannot sign or authenticate is
  // Failure::kResource.
  [[nodiscard]] Task<http::Response> send(const Delivery& delivery, Timestamp now, StopToken stop);

  // A request that is no delivery, with the endpoint's client certificate ("" for none). Throws nothing either.
  [[nodiscard]] Task<http::Response> ask(http::Request request, std::string certificate, StopToken stop);

 private:
  [[nodiscard]] std::shared_ptr<const http::ClientCertificate> certificate(const std::string& name) const;

  http::Client& client_;
  const Secrets& secrets_;
};

}  // namespace sluice::notifier
