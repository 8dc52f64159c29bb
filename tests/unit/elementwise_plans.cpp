// Prints how rows and elements are dealt out to threads, and what a divider divides: a line for each question.
//   row ROWS VECTORS IN_PIECES READS_MUCH GROUP_THREADS BEST_HELD MOST_HELD REGISTERS CROWD SMS
//                                                                the plan, and the most threads that may hold 1, 2, 4, 8
//   activation ELEMENTS FITS FULL NARROW SMS                          the plan, and the most threads of a block
//   rope TOKENS HEADS LANES SMS                                       the same
//   divide VALUE BY
#include <iostream>
#include <string>

#include "warpwright/divider.h"
#include "warpwright/elementwise/activation_plan.h"
#include "warpwright/elementwise/rope_plan.h"
#include "warpwright/rows/row_plan.h"

using namespace warpwright;

void answer_row() {
  RowWork work;
  int sms = 0;
  std::cin >> work.rows >> work.vectors >> work.comes_in_pieces >> work.reads_much >> work.group_threads >> work.best_held >>
      work.most_held >> work.registers_of_vector >> work.crowd >> sms;
  const RowPlan plan = plan_rows(work, sms);
  std::cout << plan.held << " " << plan.threads << " " << plan.rows_of_block << " " << plan.pieces;
  for (int held = 1; held <= kMaxHeld; held *= 2) {
    std::cout << " " << max_threads_of(held * work.registers_of_vector, work.crowd);
  }
}

void answer_activation() {
  int64_t elements = 0;
  int fits = 0, full = 0, narrow = 0, sms = 0;
  std::cin >> elements >> fits >> full >> narrow >> sms;
  const ActivationPlan plan = plan_activation(elements, fits, full, narrow, sms);
  std::cout << plan.size << " " << plan.threads << " " << plan.holds_many << " " << kActivationThreads;
}

void answer_rope() {
  int64_t tokens = 0, heads = 0, lanes = 0;
  int sms = 0;
  std::cin >> tokens >> heads >> lanes >> sms;
  const RopePlan plan = plan_rope(tokens, heads, lanes, sms);
  std::cout << plan.groups << " " << plan.lanes_of_block << " " << plan.items_of_block << " "
            << plan.lane_blocks << " " << plan.item_blocks << " " << kRopeThreads;
}

void answer_divide() {
  int64_t value = 0, by = 0;
  std::cin >> value >> by;
  std::cout << Divider(by).divide(value);
}

int main() {
  std::string question;
  while (std::cin >> question) {
    if (question == "row") answer_row();
    if (question == "activation") answer_activation();
    if (question == "rope") answer_rope();
    if (question == "divide") answer_divide();
    std::cout << "\n";
  }
}
