#include "core/http/failure.h"

#include <cerrno>

namespace sluice::http {

std::string_view name_of(Failure failure) {
  switch (failure) {
    case Failure::kNone:
      return "";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kConnect:
      return "connect";
    case Failure::kDns:
      return "dns";
    case Failure::kRefusedAddress:
      return "refused_address";
    case Failure::kRefusedUrl:
      return "refused_url";
    case Failure::kRefusedRequest:
      return "refused_request";
    case Failure::kTls:
      return "tls";
    case Failure::kReset:
      return "reset";
    case Failure::kProtocol:
      return "protocol";
    case Failure::kTooLarge:
      return "too_large";
    case Failure::kResource:
      return "resource";
    case Failure::kStopped:
      return "stopped";
  }
  return "";
}

Failure failure_of(CURLcode code, long system_error) noexcept {
  switch (code) {
    case CURLE_OK:
      return Failure::kNone;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::kTimeout;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Failure::kDns;
    case CURLE_COULDNT_CONNECT:
      // Out of local ports or buffers: nothing that the receiver could answer for.
      return system_error == EADDRNOTAVAIL || system_error == ENOBUFS || system_error == ENOMEM ? Failure::kResource
                                                                                                : Failure::kConnect;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED:
      return Failure::kTls;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return Failure::kResource;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_HTTP2_STREAM:
      return Failure::kReset;
    default:
      return Failure::kProtocol;
  }
}

}  // namespace sluice::http
