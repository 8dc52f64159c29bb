// What keeps CUDA operators from running on a machine: one sentence, the same in an exception and in the doctor.
#pragma once

#include <cstdint>
#include <string>

namespace warpwright::torch_api {

// The sentence for what the first obstacle is, empty where there is none.
//   torch_has_cuda  this torch was built with CUDA
//   driver          the newest CUDA that the driver serves, 13020 for 13.2; 0 where there is no driver
//   device, sm      a GPU's index and its SM as two digits; sm 0 where torch sees none
//   sms             the SMs that there is code for, "75, 80, 90", where one of them runs on that GPU or not
std::string obstacle(bool torch_has_cuda, int64_t driver, int64_t device, int64_t sm, std::string sms, bool runs);

// The newest CUDA that this machine's driver serves; 0 where there is none.
int64_t driver_version();

}  // namespace warpwright::torch_api
