#include "base/fault.h"

namespace wherry {

std::string Place::to_string() const {
  std::string text = file;
  if (line > 0) text += ':' + std::to_string(line);
  if (line > 0 && column > 0) text += ':' + std::to_string(column);
  return text;
}

std::string Fault::to_string() const {
  std::string line = place.to_string();
  for (const std::string* part : {&field, &text}) {
    if (part->empty()) continue;
    if (!line.empty()) line += ": ";
    line += *part;
  }
  return line;
}

}  // namespace wherry
