#include "notifier/sender.h"

#include "core/base/errors.h"
#include "core/base/log.h"
#include "notifier/request.h"

namespace sluice::notifier {

Task<http::Response> Sender::send(const Delivery& delivery, Timestamp now, StopToken stop) {
  std::string fault = delivery.destination->fault;
  if (fault.empty()) {
    try {
      http::Request request = make_request(delivery, now);
      request.certificate = certificate(delivery.destination->client_certificate);
      http::Response response = co_await client_.send(std::move(request), stop);
      co_return response;
    } catch (const std::exception& error) {
      fault = error.what();
    }
  }
  log_warn("a delivery cannot be sent for a fault of ours",
           {{"delivery", delivery.id}, {"endpoint", to_text(delivery.endpoint)}, {"error", fault}});
  http::Response response;
  response.failure = http::Failure::kResource;
  co_return response;
}

Task<http::Response> Sender::ask(http::Request request, std::string certificate, StopToken stop) {
  std::string fault;
  try {
    request.certificate = this->certificate(certificate);
    http::Response response = co_await client_.send(std::move(request), stop);
    co_return response;
  } catch (const std::exception& error) {
    fault = error.what();
  }
  log_warn("an endpoint cannot be asked for a fault of ours", {{"error", fault}});
  http::Response response;
  response.failure = http::Failure::kResource;
  co_return response;
}

// One secret holds certificate and key, each found by its own PEM heading.
std::shared_ptr<const http::ClientCertificate> Sender::certificate(const std::string& name) const {
  if (name.empty()) return nullptr;
  const std::optional<std::string> pem = secrets_.find(name);
  if (!pem) throw Error("there is no secret " + name + ", which holds the endpoint's client certificate and key");
  return std::make_shared<const http::ClientCertificate>(*pem, *pem);
}

}  // namespace sluice::notifier
