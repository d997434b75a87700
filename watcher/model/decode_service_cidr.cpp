#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"

namespace wherry::model {

ServiceCidr decode_service_cidr(const FieldReader& object) {
  ServiceCidr result;
  result.meta = decode_meta(object);
  result.meta.key.name_space.clear();
  keep_labels(result.meta, {});
  object.object("spec").each("cidrs", [&result](const FieldReader& field) {
    const auto text = field.as_string();
    if (!text) return;
    if (const auto block = Cidr::parse(*text)) {
      result.cidrs.push_back(*block);
    } else {
      field.fault('"' + *text + "\" is no CIDR; write address/length, for example 10.96.0.0/12");
    }
  });
  return result;
}

}  // namespace wherry::model
