tile.array @fc1.weight 64x256 rule "sgd" weights("fc1.weight", "float32", "ebb73677d8b8e5ed7a5d8a790975b41105967030c85107bcc22dc6dc454f3255") alpha 0.6249963119626045 blocks <
  [0:64, 0:128] on 0 at [0, 0],
  [0:64, 128:256] on 0 at [64, 0]
>
tile.array @fc2.weight 256x128 rule "sgd" weights("fc2.weight", "float32", "0f72c2b5a1365fd6b38800c5bb1aa18eea124c3021e5dd1cb7afda441d05d3bf") alpha 0.3124862350523472 blocks <
  [0:256, 0:128] on 1 at [0, 0]
>
tile.array @fc3.weight 128x10 rule "sgd" weights("fc3.weight", "float32", "4ad249338d41af45963bf9aca85a9604d230bb9c4465bdd114b2821a5b5a6555") alpha 0.4418223723769188 blocks <
  [0:128, 0:10] on 0 at [128, 0]
>
tile.state @fc1.bias parameter : !tile.vec<256xf32> weights("fc1.bias", "float32", "0297a2016d135b8c5c851451691f90b37512bacb881ef896dc74d066b505a091")
tile.state @fc2.bias parameter : !tile.vec<128xf32> weights("fc2.bias", "float32", "eda4342ac71af535fd11c012436bfa447c903a2ce35cbf4f200e4ab4e4048de9")
tile.state @fc3.bias parameter : !tile.vec<10xf32> weights("fc3.bias", "float32", "3840c6bd5db39eca580781f2233abb91e75be751c3f3c26e4a6999664a90ea9a")

tile.entry @program() {
  %0 = tile.open @fc1.weight
  %1 = tile.program @fc1.weight (%0)
  tile.commit %1
  %2 = tile.open @fc2.weight
  %3 = tile.program @fc2.weight (%2)
  tile.commit %3
  %4 = tile.open @fc3.weight
  %5 = tile.program @fc3.weight (%4)
  tile.commit %5
  tile.return
}

tile.segment @infer_0 row (!tile.vec<256xf32>, !tile.vec<256xf32>) -> !tile.vec<256xf32> work [simple 512] attributes {operators = "Add Relu"}
tile.segment @infer_1 row (!tile.vec<128xf32>, !tile.vec<128xf32>) -> !tile.vec<128xf32> work [simple 256] attributes {operators = "Add Relu"}
tile.segment @infer_2 row (!tile.vec<10xf32>, !tile.vec<10xf32>) -> !tile.vec<10xf32> work [simple 10] attributes {operators = "Add"}

tile.entry @infer(%image: !tile.stash<!tile.vec<64xf32>>, %batch: !tile.scalar<index>) -> !tile.stash<!tile.vec<10xf32>> {
  %fc1_weight_v = tile.open @fc1.weight
  %fc2_weight_v = tile.open @fc2.weight
  %fc3_weight_v = tile.open @fc3.weight
  %fc1_bias_v = tile.open @fc1.bias
  %fc1_bias, %0 = tile.state_get @fc1.bias (%fc1_bias_v) : !tile.vec<256xf32>
  %fc2_bias_v = tile.open @fc2.bias
  %fc2_bias, %1 = tile.state_get @fc2.bias (%fc2_bias_v) : !tile.vec<128xf32>
  %fc3_bias_v = tile.open @fc3.bias
  %fc3_bias, %2 = tile.state_get @fc3.bias (%fc3_bias_v) : !tile.vec<10xf32>
  %logits_all, %fc1_weight_read, %fc2_weight_read, %fc3_weight_read = tile.map %i to %batch {
    %image_1 = tile.unstash %image[%i]
    %fc1_out_mvm, %fc1_weight_done = tile.mvm @fc1.weight site 0 evaluation (%image_1, %fc1_weight_v) : !tile.vec<256xf32>
    %relu1_out = tile.call @infer_0 (%fc1_out_mvm, %fc1_bias) : !tile.vec<256xf32> attributes {phase = "evaluation"}
    %fc2_out_mvm, %fc2_weight_done = tile.mvm @fc2.weight site 0 evaluation (%relu1_out, %fc2_weight_v) : !tile.vec<128xf32>
    %relu2_out = tile.call @infer_1 (%fc2_out_mvm, %fc2_bias) : !tile.vec<128xf32> attributes {phase = "evaluation"}
    %logits_mvm, %fc3_weight_done = tile.mvm @fc3.weight site 0 evaluation (%relu2_out, %fc3_weight_v) : !tile.vec<10xf32>
    %logits = tile.call @infer_2 (%logits_mvm, %fc3_bias) : !tile.vec<10xf32> attributes {phase = "evaluation"}
    tile.yield %logits, %fc1_weight_done, %fc2_weight_done, %fc3_weight_done
  }
  tile.commit %fc1_weight_v
  tile.commit %fc2_weight_v
  tile.commit %fc3_weight_v
  tile.commit %fc1_bias_v
  tile.commit %fc2_bias_v
  tile.commit %fc3_bias_v
  tile.return %logits_all
}

tile.segment @train_0 row (!tile.vec<256xf32>, !tile.vec<256xf32>) -> !tile.vec<256xf32> work [simple 512] attributes {operators = "Add Relu"}
tile.segment @train_1 row (!tile.vec<128xf32>, !tile.vec<128xf32>) -> !tile.vec<128xf32> work [simple 256] attributes {operators = "Add Relu"}
tile.segment @train_2 row (!tile.vec<10xf32>, !tile.vec<10xf32>, !tile.vec<i64>) -> (!tile.vec<10xf32>, !tile.vec<f32>) work [simple 21, special 10] attributes {operators = "Add LogSoftmax Unsqueeze GatherElements Squeeze Neg"}
tile.segment @train_3 row (!tile.vec<i64>, !tile.vec<10xf32>, !tile.scalar<f32>) -> !tile.vec<10xf32> work [simple 30, special 10] attributes {operators = "OneHot Softmax Sub Mul"}
tile.segment @train_4 batch (!tile.stash<!tile.vec<f32>>) -> !tile.vec<f32> work [simple 1] attributes {operators = "ReduceMean"}
tile.segment @train_5 batch (!tile.stash<!tile.vec<10xf32>>, !tile.scalar<f32>, !tile.vec<10xf32>) -> !tile.vec<10xf32> work [simple 10 + 20] attributes {operators = "ReduceSum Mul Sub"}
tile.segment @train_6 row (!tile.vec<128xf32>, !tile.vec<128xf32>) -> !tile.vec<128xf32> work [simple 256] attributes {operators = "Greater Where"}
tile.segment @train_7 batch (!tile.stash<!tile.vec<128xf32>>, !tile.scalar<f32>, !tile.vec<128xf32>) -> !tile.vec<128xf32> work [simple 128 + 256] attributes {operators = "ReduceSum Mul Sub"}
tile.segment @train_8 row (!tile.vec<256xf32>, !tile.vec<256xf32>) -> !tile.vec<256xf32> work [simple 512] attributes {operators = "Greater Where"}
tile.segment @train_9 batch (!tile.stash<!tile.vec<256xf32>>, !tile.scalar<f32>, !tile.vec<256xf32>) -> !tile.vec<256xf32> work [simple 256 + 512] attributes {operators = "ReduceSum Mul Sub"}

tile.entry @train_step(%image: !tile.stash<!tile.vec<64xf32>>, %label: !tile.stash<!tile.vec<i64>>, %lr: !tile.scalar<f32>, %inv_batch: !tile.scalar<f32>, %batch: !tile.scalar<index>) -> !tile.vec<f32> {
  %fc1_weight_v = tile.open @fc1.weight
  %fc2_weight_v = tile.open @fc2.weight
  %fc3_weight_v = tile.open @fc3.weight
  %fc1_bias_v = tile.open @fc1.bias
  %fc1_bias, %0 = tile.state_get @fc1.bias (%fc1_bias_v) : !tile.vec<256xf32>
  %fc2_bias_v = tile.open @fc2.bias
  %fc2_bias, %1 = tile.state_get @fc2.bias (%fc2_bias_v) : !tile.vec<128xf32>
  %fc3_bias_v = tile.open @fc3.bias
  %fc3_bias, %2 = tile.state_get @fc3.bias (%fc3_bias_v) : !tile.vec<10xf32>
  %relu1_out_all, %relu2_out_all, %logits_all, %loss_rows_all, %fc1_weight_read, %fc2_weight_read, %fc3_weight_read = tile.map %i to %batch {
    %image_1 = tile.unstash %image[%i]
    %fc1_out_mvm, %fc1_weight_done = tile.mvm @fc1.weight site 0 forward (%image_1, %fc1_weight_v) : !tile.vec<256xf32>
    %relu1_out = tile.call @train_0 (%fc1_out_mvm, %fc1_bias) : !tile.vec<256xf32> attributes {phase = "forward"}
    %fc2_out_mvm, %fc2_weight_done = tile.mvm @fc2.weight site 0 forward (%relu1_out, %fc2_weight_v) : !tile.vec<128xf32>
    %relu2_out = tile.call @train_1 (%fc2_out_mvm, %fc2_bias) : !tile.vec<128xf32> attributes {phase = "forward"}
    %logits_mvm, %fc3_weight_done = tile.mvm @fc3.weight site 0 forward (%relu2_out, %fc3_weight_v) : !tile.vec<10xf32>
    %label_1 = tile.unstash %label[%i]
    %logits, %loss_rows = tile.call @train_2 (%logits_mvm, %fc3_bias, %label_1) : !tile.vec<10xf32>, !tile.vec<f32> attributes {phase = "forward"}
    tile.yield %relu1_out, %relu2_out, %logits, %loss_rows, %fc1_weight_done, %fc2_weight_done, %fc3_weight_done
  }
  %logits_gradient_all, %relu2_backward_Where_all, %relu1_backward_Where_all, %fc3_weight_read_1, %fc2_weight_read_1 = tile.map %i to %batch {
    %label_1 = tile.unstash %label[%i]
    %logits = tile.unstash %logits_all[%i]
    %logits_gradient = tile.call @train_3 (%label_1, %logits, %inv_batch) : !tile.vec<10xf32> attributes {phase = "backward"}
    %fc3_backward_mvm_t, %fc3_weight_done = tile.mvm_t @fc3.weight site 0 backward (%logits_gradient, %fc3_weight_v) : !tile.vec<128xf32>
    %relu2_out = tile.unstash %relu2_out_all[%i]
    %relu2_backward_Where = tile.call @train_6 (%relu2_out, %fc3_backward_mvm_t) : !tile.vec<128xf32> attributes {phase = "backward"}
    %fc2_backward_mvm_t, %fc2_weight_done = tile.mvm_t @fc2.weight site 0 backward (%relu2_backward_Where, %fc2_weight_v) : !tile.vec<256xf32>
    %relu1_out = tile.unstash %relu1_out_all[%i]
    %relu1_backward_Where = tile.call @train_8 (%relu1_out, %fc2_backward_mvm_t) : !tile.vec<256xf32> attributes {phase = "backward"}
    tile.yield %logits_gradient, %relu2_backward_Where, %relu1_backward_Where, %fc3_weight_done, %fc2_weight_done
  }
  %fc3_weight_v_1 = tile.for %i to %batch carry (%fc3_weight_v_2 = %fc3_weight_v) after (%fc3_weight_read, %fc3_weight_read_1) {
    %x = tile.unstash %relu2_out_all[%i]
    %d = tile.unstash %logits_gradient_all[%i]
    %fc3_weight_v_3 = tile.update @fc3.weight site 0 scheme "stochastic-compressed" (%x, %d, %lr, %fc3_weight_v_2)
    tile.yield (%fc3_weight_v_3)
  }
  %fc2_weight_v_1 = tile.for %i to %batch carry (%fc2_weight_v_2 = %fc2_weight_v) after (%fc2_weight_read, %fc2_weight_read_1) {
    %x = tile.unstash %relu1_out_all[%i]
    %d = tile.unstash %relu2_backward_Where_all[%i]
    %fc2_weight_v_3 = tile.update @fc2.weight site 0 scheme "stochastic-compressed" (%x, %d, %lr, %fc2_weight_v_2)
    tile.yield (%fc2_weight_v_3)
  }
  %fc1_weight_v_1 = tile.for %i to %batch carry (%fc1_weight_v_2 = %fc1_weight_v) after (%fc1_weight_read) {
    %x = tile.unstash %image[%i]
    %d = tile.unstash %relu1_backward_Where_all[%i]
    %fc1_weight_v_3 = tile.update @fc1.weight site 0 scheme "stochastic-compressed" (%x, %d, %lr, %fc1_weight_v_2)
    tile.yield (%fc1_weight_v_3)
  }
  %loss = tile.call @train_4 (%loss_rows_all) : !tile.vec<f32> attributes {phase = "forward"}
  %fc3_bias_next = tile.call @train_5 (%logits_gradient_all, %lr, %fc3_bias) : !tile.vec<10xf32> attributes {phase = "update"}
  %fc2_bias_next = tile.call @train_7 (%relu2_backward_Where_all, %lr, %fc2_bias) : !tile.vec<128xf32> attributes {phase = "update"}
  %fc1_bias_next = tile.call @train_9 (%relu1_backward_Where_all, %lr, %fc1_bias) : !tile.vec<256xf32> attributes {phase = "update"}
  %3 = tile.state_set @fc1.bias (%fc1_bias_next, %fc1_bias_v) after (%0)
  %4 = tile.state_set @fc2.bias (%fc2_bias_next, %fc2_bias_v) after (%1)
  %5 = tile.state_set @fc3.bias (%fc3_bias_next, %fc3_bias_v) after (%2)
  tile.commit %fc1_weight_v_1
  tile.commit %fc2_weight_v_1
  tile.commit %fc3_weight_v_1
  tile.commit %3
  tile.commit %4
  tile.commit %5
  tile.return %loss
}
