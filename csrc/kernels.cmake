# Every CUDA unit of the library: its launch function, its source, the SMs that it serves. A unit is compiled for the
# lane's SMs that it serves and for no other; where one of them runs the code of another (sm_80 code on an 86), it is
# compiled once. Adding an SM to a lane therefore compiles that SM's units and nothing else.
#
#   warpwright_add_kernel(<launch> <source> <sm>... [ALSO <operator>...] [USES <dependency>...])
#
# The launch function serves the operator of its name (less _smNN), and those that ALSO names: they call it too, each
# from a wrapper and a path table of its own. USES names the sources of matrix.toml that the unit includes; the SBOM of
# a wheel lists those of its units and no other.
#
#                     launch function      source                               SMs that it serves
warpwright_add_kernel(rmsnorm              elementwise/rmsnorm.cu               75 80 86 89 90a
                      ALSO gemma_rmsnorm fused_add_rmsnorm gemma_fused_add_rmsnorm)
warpwright_add_kernel(layernorm            elementwise/layernorm.cu             75 80 86 89 90a)
warpwright_add_kernel(silu_and_mul         elementwise/silu_and_mul.cu          75 80 86 89 90a)
warpwright_add_kernel(apply_rope           elementwise/apply_rope.cu            75 80 86 89 90a
                      ALSO apply_rope_inplace apply_rope_pos_ids apply_rope_pos_ids_inplace
                           apply_llama31_rope apply_llama31_rope_inplace
                           apply_llama31_rope_pos_ids apply_llama31_rope_pos_ids_inplace
                           apply_rope_with_cos_sin_cache apply_rope_with_cos_sin_cache_inplace rotary_embedding)
warpwright_add_kernel(fused_qk_norm_rope   elementwise/fused_qk_norm_rope.cu    75 80 86 89 90a)
warpwright_add_kernel(gelu_and_mul         elementwise/gelu_and_mul.cu          75 80 86 89 90a)
warpwright_add_kernel(gelu_tanh_and_mul    elementwise/gelu_tanh_and_mul.cu     75 80 86 89 90a)
warpwright_add_kernel(gelu_quick           elementwise/gelu_quick.cu            75 80 86 89 90a)
warpwright_add_kernel(relu2                elementwise/relu2.cu                 75 80 86 89 90a)
warpwright_add_kernel(concat_mla_k         elementwise/concat_mla_k.cu          75 80 86 89 90a ALSO concat_mla_absorb_q)
warpwright_add_kernel(int8_scaled_mm_sm75  gemm/int8_scaled_mm_sm75.cu          75              USES cutlass)
warpwright_add_kernel(int8_scaled_mm_sm80  gemm/int8_scaled_mm_sm80.cu          80 86 89        USES cutlass)
warpwright_add_kernel(int8_scaled_mm_sm90a gemm/int8_scaled_mm_sm90a.cu         90a             USES cutlass)
warpwright_add_kernel(fp8_scaled_mm_sm89   gemm/fp8_scaled_mm_sm89.cu           89              USES cutlass)
warpwright_add_kernel(fp8_scaled_mm_sm90a  gemm/fp8_scaled_mm_sm90a.cu          90a             USES cutlass)
warpwright_add_kernel(fp8_blockwise_scaled_mm_sm90a gemm/fp8_blockwise_scaled_mm_sm90a.cu 90a      USES cutlass)
warpwright_add_kernel(awq_dequantize         quantization/awq_dequantize.cu         75 80 86 89 90a)
warpwright_add_kernel(gptq_marlin_repack     quantization/gptq_marlin_repack.cu     75 80 86 89 90a)
warpwright_add_kernel(awq_marlin_repack      quantization/awq_marlin_repack.cu      75 80 86 89 90a)
warpwright_add_kernel(gptq_marlin_dequantize quantization/gptq_marlin_dequantize.cu 75 80 86 89 90a)
warpwright_add_kernel(gptq_marlin_gemm_sm80  gemm/gptq_marlin_gemm_sm80.cu          80 86 89)
warpwright_add_kernel(gptq_marlin_gemm_sm90a gemm/gptq_marlin_gemm_sm90a.cu         90a)
warpwright_add_kernel(sgl_per_token_quant_fp8  quantization/sgl_per_token_quant_fp8.cu  75 80 86 89 90a
                      ALSO per_token_quant_int8 sgl_per_token_group_quant_8bit sgl_per_token_group_quant_fp8
                           sgl_per_token_group_quant_int8 silu_and_mul_quant silu_and_mul_dynamic_quant)
warpwright_add_kernel(sgl_per_tensor_quant_fp8 quantization/sgl_per_tensor_quant_fp8.cu 75 80 86 89 90a)
warpwright_add_kernel(rmsnorm_quant        fused/rmsnorm_quant.cu               75 80 86 89 90a
                      ALSO fused_add_rmsnorm_quant rmsnorm_dynamic_quant fused_add_rmsnorm_dynamic_quant)
warpwright_add_kernel(layernorm_quant      fused/layernorm_quant.cu             75 80 86 89 90a
                      ALSO layernorm_dynamic_quant)
warpwright_add_kernel(sampling_from_probs  sampling/sampling_from_probs.cu  75 80 86 89 90a
                      ALSO top_k_sampling_from_probs top_p_sampling_from_probs min_p_sampling_from_probs
                           top_k_top_p_sampling_from_probs)
warpwright_add_kernel(sampling_from_logits sampling/sampling_from_logits.cu 75 80 86 89 90a
                      ALSO top_k_top_p_sampling_from_logits)
warpwright_add_kernel(top_k_renorm_probs   sampling/top_k_renorm_probs.cu   75 80 86 89 90a)
warpwright_add_kernel(top_p_renorm_probs   sampling/top_p_renorm_probs.cu   75 80 86 89 90a)
warpwright_add_kernel(top_k_mask_logits    sampling/top_k_mask_logits.cu    75 80 86 89 90a)
warpwright_add_kernel(softmax              sampling/softmax.cu              75 80 86 89 90a)
warpwright_add_kernel(top_k_sm75           top_k/top_k_sm75.cu                  75
                      ALSO fast_topk fast_topk_v2 fast_topk_transform_fused fast_topk_transform_ragged_fused)
warpwright_add_kernel(top_k_sm80           top_k/top_k_sm80.cu                  80 86 89
                      ALSO fast_topk fast_topk_v2 fast_topk_transform_fused fast_topk_transform_ragged_fused)
warpwright_add_kernel(top_k_sm90a          top_k/top_k_sm90a.cu                 90a
                      ALSO fast_topk fast_topk_v2 fast_topk_transform_fused fast_topk_transform_ragged_fused)
warpwright_add_kernel(build_tree_kernel_efficient speculative/build_tree_kernel_efficient.cu 75 80 86 89 90a
                      ALSO reconstruct_indices_from_tree_mask)
warpwright_add_kernel(verify_tree_greedy   speculative/verify_tree_greedy.cu    75 80 86 89 90a)
warpwright_add_kernel(tree_speculative_sampling_target_only speculative/tree_speculative_sampling_target_only.cu
                      75 80 86 89 90a ALSO chain_speculative_sampling)
warpwright_add_kernel(segment_packbits     speculative/segment_packbits.cu      75 80 86 89 90a ALSO packbits)
warpwright_add_kernel(apply_token_bitmask_inplace_cuda grammar/apply_token_bitmask_inplace_cuda.cu 75 80 86 89 90a)
warpwright_add_kernel(topk_softmax         moe/topk_softmax.cu                  75 80 86 89 90a
                      ALSO topk_sigmoid moe_fused_gate kimi_k2_moe_fused_gate)
warpwright_add_kernel(moe_align_block_size   moe/moe_align_block_size.cu            75 80 86 89 90a ALSO prepare_moe_input)
warpwright_add_kernel(moe_sum                moe/moe_sum.cu                         75 80 86 89 90a
                      ALSO moe_sum_reduce apply_shuffle_mul_sum)
warpwright_add_kernel(shuffle_rows           moe/shuffle_rows.cu                    75 80 86 89 90a)
warpwright_add_kernel(dsv3_router_gemm       moe/dsv3_router_gemm.cu                75 80 86 89 90a)
