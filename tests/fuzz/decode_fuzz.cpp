// Any JSON value decodes to something, twice to the same, and what decodes can be validated.

#include "tests/fuzz/require.h"
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
void check(const boost::json::value& value, Decode decode) {
  FieldFaults faults;
  FieldFaults faults_again;

  const auto object = decode(FieldReader(value, faults));
  const auto again = decode(FieldReader(value, faults_again));

  require(text_of(faults) == text_of(faults_again), "the same faults twice");
  require(object == again, "the same object twice");
  (void)model::validate(object);
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
  check(value, model::decode_endpoint_slice);
  check(value, model::decode_endpoints);
  (void)model::to_slices(model::decode_endpoints(FieldReader(value, faults)));
  return 0;
}
