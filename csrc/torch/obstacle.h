// What keeps CUDA operators from running on a machine: one sentence, the same in an exception and in the doctor.
#pragma once

#include <cstdint>
#include <string>

#include "warpwright/sm_path.h"

namespace warpwright::torch_api {

// What a machine is looked at for.
struct Machine {
  bool torch_has_cuda = false;  // this torch was built with CUDA
  int64_t driver = 0;           // the newest CUDA that the driver serves, 13020 for 13.2; 0 where there is no driver
  int64_t device = 0, sm = 0;   // a GPU's index and its SM as two digits; sm 0 where torch sees none
  std::string sms;              // the SMs that there is code for, "75, 80, 90"
  bool runs = false;            // one of them runs on that GPU, among those of the forced SM where one is forced
  std::string forced;           // WARPWRIGHT_FORCE_SM as it is written, empty where it is not set
};

// The sentence for what the first obstacle is, empty where there is none.
std::string obstacle(const Machine& machine);

// An SM as it is written in WARPWRIGHT_FORCE_SM, 80 or 90a, as a number; 0 where the text is no SM.
Sm read_sm(const std::string& text);

// The sentence for a WARPWRIGHT_FORCE_SM that is no SM.
std::string no_sm(const std::string& text);

// The newest CUDA that this machine's driver serves; 0 where there is none.
int64_t driver_version();

}  // namespace warpwright::torch_api
