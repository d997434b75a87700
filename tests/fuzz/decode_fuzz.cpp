// Any JSON value decodes to something, twice to the same, and what decodes can be validated; the
// same holds for the Status objects that tell of errors.

#include "tests/fuzz/require.h"
#include "watcher/api/api_failure.h"
#include "watcher/model/decode.h"
#include "watcher/model/validate.h"

#include <boost/json/parse.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

namespace model = wherry::model;
using wherry::document::FieldFault;
using wherry::document::FieldFaults;
using wherry::document::FieldReader;
using wherry::fuzz::require;

std::string text_of(const FieldFaults& faults) {
  std::string text;
  for (const FieldFault& fault : faults) text += fault.path.to_string() + ": " + fault.text + '\n';
  return text;
}

template <class Decode>
auto check_unvalidated(const boost::json::value& value, Decode decode) {
  FieldFaults faults;
  FieldFaults faults_again;

  const auto object = decode(FieldReader(value, faults));
  const auto again = decode(FieldReader(value, faults_again));

  require(text_of(faults) == text_of(faults_again), "the same faults twice");
  require(object == again, "the same object twice");
  return object;
}

template <class Decode>
void check(const boost::json::value& value, Decode decode) {
  (void)model::validate(check_unvalidated(value, decode));
}

/// A Status (the body of an error, or the object of an ERROR event) means one thing, and a failure.
void check_status(const boost::json::value& value) {
  FieldFaults faults;
  const auto failure = wherry::api::failure_of_status(FieldReader(value, faults));
  const auto again = wherry::api::failure_of_status(FieldReader(value, faults));
  require(failure.code == again.code && failure.text == again.text &&
              failure.status == again.status && failure.retry_after == again.retry_after,
          "the same failure twice");
  require(!failure.retry_after || *failure.retry_after >= wherry::Duration::zero(),
          "nobody is asked to wait less than nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::json::error_code ec;
  const boost::json::value value =
      boost::json::parse({reinterpret_cast<const char*>(data), size}, ec);
  if (ec) return 0;

  FieldFaults faults;
  (void)model::decode_type(FieldReader(value, faults)).classify();
  check(value, model::decode_service);
  check(value, model::decode_pod);
  check_unvalidated(value, model::decode_node);
  check_status(value);
  check(value, model::decode_endpoint_slice);
  check(value, model::decode_endpoints);
  (void)model::to_slices(model::decode_endpoints(FieldReader(value, faults)));
  return 0;
}
