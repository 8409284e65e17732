// By fifty_steps.py.

#include "training.hpp"

using namespace training;

TEST_CASE("50 steps of Adamax give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::Adamax>(optim::AdamaxOptions{}),
             {0.9906598001521135, -2.0132020885352158, 2.978475939530689, 0.47477953142900725});
  check_near(after_50_steps<optim::Adamax>(optim::AdamaxOptions{
                 .lr = 0.05, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.1}),
             {0.6057404952681983, -1.8462299321179467, 1.9561490997518463, -0.3259389617800291});
}

TEST_CASE("50 steps of NAdam give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::NAdam>(optim::NAdamOptions{}),
             {0.9932520036373151, -2.0144264355838786, 2.9748630338176496, 0.46324883093109975});
  check_near(after_50_steps<optim::NAdam>(optim::NAdamOptions{.lr = 0.05,
                                                              .betas = {0.8, 0.95},
                                                              .eps = 1e-3,
                                                              .weight_decay = 0.1,
                                                              .momentum_decay = 0.2}),
             {0.5953368052153333, -1.756673216249567, 1.760595109079903, -0.4595536925017599});
  check_near(after_50_steps<optim::NAdam>(optim::NAdamOptions{
                 .lr = 0.05, .weight_decay = 0.1, .decoupled_weight_decay = true}),
             {0.6353184459658309, -1.873910913173026, 1.7781270067842225, -0.4313143094653772});
}

TEST_CASE("50 steps of RAdam give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::RAdam>(optim::RAdamOptions{}),
             {0.9964553479849327, -2.0028049944290034, 2.9967976324474463, 0.49638421871126504});
  check_near(after_50_steps<optim::RAdam>(optim::RAdamOptions{
                 .lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.1}),
             {0.6342723565504552, -1.8535779254560825, 2.0689758366000772, -0.18847914721785647});
  check_near(
      after_50_steps<optim::RAdam>(optim::RAdamOptions{
          .lr = 0.05, .betas = {0.9, 0.9}, .weight_decay = 0.1, .decoupled_weight_decay = true}),
      {0.6024503404678658, -1.8813116673163146, 1.8055831912405165, -0.33010794543100175});
}

TEST_CASE("50 steps of Adagrad give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::Adagrad>(optim::AdagradOptions{}),
             {0.9802837117235998, -2.022651518433139, 2.9648126758131057, 0.4497760629991645});
  check_near(after_50_steps<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1,
                                                                  .lr_decay = 0.05,
                                                                  .weight_decay = 0.1,
                                                                  .initial_accumulator_value = 0.3,
                                                                  .eps = 1e-3}),
             {0.7824218555552545, -1.974445363155278, 2.599025889159917, 0.18603571227745383});
}

TEST_CASE("50 steps of Adadelta give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::Adadelta>(optim::AdadeltaOptions{}),
             {0.9893375959082998, -2.019904042825488, 2.9638014929676544, 0.44051259220103123});
  check_near(after_50_steps<optim::Adadelta>(
                 optim::AdadeltaOptions{.lr = 0.5, .rho = 0.7, .eps = 1e-2, .weight_decay = 0.1}),
             {0.3032065959297098, -1.5901688758284476, 0.8613150420270516, -1.0616366017734888});
}

TEST_CASE("50 steps of RMSprop give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::RMSprop>(optim::RMSpropOptions{}),
             {0.800649504258744, -2.23403045870382, 2.6332622391805325, -0.024323146449586823});
  check_near(after_50_steps<optim::RMSprop>(optim::RMSpropOptions{
                 .lr = 0.02, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.7}),
             {0.3451990454870719, -1.7112192720401684, 1.1951850415744123, -0.8478111872604364});
  check_near(after_50_steps<optim::RMSprop>(
                 optim::RMSpropOptions{.alpha = 0.9, .eps = 1e-3, .centered = true}),
             {0.922227462006521, -2.1025070483764248, 2.8248630369818284, 0.24511425986632804});
  check_near(after_50_steps<optim::RMSprop>(optim::RMSpropOptions{
                 .alpha = 0.9, .eps = 1e-3, .momentum = 0.7, .centered = true}),
             {0.7564430194042416, -2.3241987251051714, 2.4225241157702806, -0.29650232279598754});
}

TEST_CASE("50 steps of Rprop give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::Rprop>(optim::RpropOptions{}),
             {0.9416560953609554, -2.018920353125, 2.962507758052246, 0.47904510781250026});
  check_near(after_50_steps<optim::Rprop>(
                 optim::RpropOptions{.lr = 0.1, .etas = {0.3, 1.5}, .step_sizes = {0.01, 0.2}}),
             {0.22210516314736256, -2.283500000000001, 2.4412500000000015, 0.0849999999999998});
}

TEST_CASE("50 steps of ASGD give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::ASGD>(optim::ASGDOptions{}),
             {0.9760160288388338, -2.055943712721476, 2.9011477665192853, 0.3440474871541878});
  check_near(after_50_steps<optim::ASGD>(
                 optim::ASGDOptions{.lr = 0.1, .lambd = 0.2, .alpha = 0.5, .weight_decay = 0.1}),
             {0.17204101396600305, -0.8229434454379779, 0.39201047086236396, -0.6146084372297653});
}

TEST_CASE("50 steps of Lion give what its paper's formula gives") {
  check_near(after_50_steps<optim::Lion>(optim::LionOptions{}),
             {0.9992000000000001, -2.001000000000002, 2.9983999999999966, 0.4964000000000004});
  check_near(after_50_steps<optim::Lion>(
                 optim::LionOptions{.lr = 0.01, .betas = {0.7, 0.8}, .weight_decay = 0.1}),
             {0.8536080932048732, -2.058386167732455, 2.483495981557458, 0.025821713642898085});
}

TEST_CASE("50 steps of LAMB give what its paper's formula gives") {
  check_near(after_50_steps<optim::LAMB>(optim::LAMBOptions{}),
             {0.9799148514659003, -2.0531870845533415, 2.9093468251977903, 0.37174356751568977});
  check_near(after_50_steps<optim::LAMB>(optim::LAMBOptions{
                 .lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.1}),
             {-0.06620795582930444, -1.779837335736595, -0.9478374181694201, -2.6166298647199615});
}

TEST_CASE("50 steps of Adafactor give what PyTorch's formula gives") {
  check_near(after_50_steps<optim::Adafactor>(optim::AdafactorOptions{}),
             {0.9379891145017586, -2.1101623493043986, 2.7813223566922054, 0.1981127214704221});
  check_near(after_50_steps<optim::Adafactor>(optim::AdafactorOptions{}, {2, 2}),
             {0.9529194292929833, -2.1201685813302453, 2.7830223374925307, 0.19655314550322503});
  check_near(
      after_50_steps<optim::Adafactor>(
          optim::AdafactorOptions{
              .lr = 0.1, .beta2_decay = -0.5, .eps = {0.1, 0.01}, .d = 1.5, .weight_decay = 0.1},
          {1, 2, 2}),
      {0.3473352014528913, -1.9632559227029867, 0.2979135517864753, -1.7837405164557387});
}
