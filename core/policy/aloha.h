// ALOHA's joints as the base models of OpenPI were trained with them: some axes turn the other way,
// and a gripper is an angle of its motor instead of the way between its fingers.
#ifndef MIDSTREAM_CORE_POLICY_ALOHA_H_
#define MIDSTREAM_CORE_POLICY_ALOHA_H_

#include <cstdint>

namespace midstream::policy {

// Two arms of six joints and a gripper each.
constexpr int64_t kAlohaSize = 14;

// In place, kAlohaSize numbers. The second is not the inverse of the first: ALOHA reports the way
// between the fingers and is commanded by the angle, in a range of its own.
void AlohaStateToPi(double* state);
void AlohaActionFromPi(double* action);

}  // namespace midstream::policy

#endif  // MIDSTREAM_CORE_POLICY_ALOHA_H_
