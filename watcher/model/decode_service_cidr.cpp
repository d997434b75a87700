#include "watcher/model/decode.h"
#include "watcher/model/decode_parts.h"

namespace wherry::model {

ServiceCidr decode_service_cidr(const FieldReader& object) {
  ServiceCidr result;
  result.meta = decode_meta(object);
  result.meta.key.name_space.clear();
  keep_labels(result.meta, {});
  const FieldReader spec = object.object("spec");
  bool has_any = false;
  spec.each("cidrs", [&](const FieldReader& field) {
    has_any = true;
    const auto text = field.as_string();
    if (!text) return;
    if (const auto block = Cidr::parse(*text)) {
      result.cidrs.push_back(*block);
    } else {
      field.fault('"' + *text + "\" is no CIDR; write address/length, for example 10.96.0.0/12");
    }
  });
  const FieldReader cidrs = spec.at("cidrs");
  const bool is_missing = cidrs.present() ? cidrs.value()->is_array() && !has_any
                                          : spec.present() || !object.at("spec").present();
  if (is_missing) spec.fault("cidrs", "missing; write one block, or one of each family");
  return result;
}

}  // namespace wherry::model
